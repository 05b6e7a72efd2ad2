use devspaces_kit::status::reason_name;
use devspaces_ledger::etag;
use devspaces_proto::space::v1 as proto;

use crate::domain::{Blocker, Contributor, Transfer, TransferState};

/// How many contributors are told with a transfer.
const MAX_CONTRIBUTORS: usize = 1_000;

/// How many contributors it takes to know whether all are told.
pub(crate) const CONTRIBUTORS_READ: i64 = 1_001;

/// A transfer, without what is told of it only to who decides about it.
pub(crate) fn to_wire(transfer: Transfer) -> proto::Transfer {
    proto::Transfer {
        name: transfer.name.to_string(),
        app: transfer.app.to_string(),
        app_display_name: transfer.app_display_name,
        source: transfer.source.to_string(),
        destination: transfer.destination.to_string(),
        state: wire_state(transfer.state).into(),
        initiator: transfer.initiator.to_string(),
        create_time: Some(transfer.create_time.into()),
        expire_time: Some(transfer.expire_time.into()),
        end_time: transfer.end_time.map(Into::into),
        etag: etag::of(transfer.revision),
        ..proto::Transfer::default()
    }
}

/// The same with who moves along.
pub(crate) fn with_contributors(transfer: Transfer, contributors: Vec<Contributor>) -> proto::Transfer {
    proto::Transfer {
        more_contributors: contributors.len() > MAX_CONTRIBUTORS,
        contributors: contributors.into_iter().take(MAX_CONTRIBUTORS).map(Into::into).collect(),
        ..to_wire(transfer)
    }
}

pub(crate) fn wire_blocker(blocker: Blocker) -> proto::transfer::Blocker {
    proto::transfer::Blocker {
        reason: reason_name(blocker.reason).to_owned(),
        resource: blocker.resource,
        description: blocker.sentence.to_owned(),
    }
}

fn wire_state(state: TransferState) -> proto::transfer::State {
    match state {
        TransferState::Pending => proto::transfer::State::Pending,
        TransferState::Accepted => proto::transfer::State::Accepted,
        TransferState::Declined => proto::transfer::State::Declined,
        TransferState::Cancelled => proto::transfer::State::Cancelled,
        TransferState::Expired => proto::transfer::State::Expired,
    }
}
