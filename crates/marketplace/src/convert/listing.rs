use devspaces_ledger::etag;
use devspaces_proto::marketplace::v1 as proto;

use crate::domain::{Listing, State};

impl From<Listing> for proto::Listing {
    fn from(listing: Listing) -> Self {
        Self {
            name: listing.name.to_string(),
            uid: listing.name.0.to_string(),
            vendor_profile: listing.profile.to_string(),
            app: listing.app.to_string(),
            state: wire_state(listing.state).into(),
            create_time: Some(listing.create_time.into()),
            update_time: Some(listing.update_time.into()),
            etag: etag::of(listing.revision),
        }
    }
}

fn wire_state(state: State) -> proto::listing::State {
    match state {
        State::Reserving => proto::listing::State::Unspecified,
        State::Submitted => proto::listing::State::Submitted,
        State::Listed => proto::listing::State::Listed,
        State::Withdrawn => proto::listing::State::Withdrawn,
    }
}
