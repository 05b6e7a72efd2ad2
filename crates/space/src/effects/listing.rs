//! An app that is reserved for a listing is listed or released.
use devspaces_kit::{
    name::{AppName, ListingName, Scope, SpaceName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Tx};
use devspaces_proto::facts::v1::SetAppListing;

use crate::{
    domain::{App, Listing},
    journaling::relist,
    store,
};

/// R-K6: what becomes of an app that a listing has reserved.
#[derive(Clone, Debug)]
pub(super) struct Relisting {
    app: AppName,
    space: SpaceName,
    listing: ListingName,
    listed: bool,
}

impl Relisting {
    pub(super) fn read(set: &SetAppListing) -> Result<Self, Fault> {
        let names = set.app.parse().ok().zip(set.space.parse().ok()).zip(set.listing.parse().ok());
        let ((app, space), listing) = names.ok_or_else(Fault::message_malformed)?;
        Ok(Self { app, space, listing, listed: set.listed })
    }

    pub(super) fn scopes(&self) -> [Scope; 2] {
        [self.app.into(), self.space.into()]
    }

    pub(super) async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        if !self.listed {
            // A reservation of this listing that is still on its way comes too late from now on.
            let withdrawn = Reason::ListingWithdrawn.as_str_name().trim_start_matches("REASON_");
            store::closed_listing::put(tx, self.listing, withdrawn).await?;
        }
        let found = store::app::find_even_if_gone(tx, self.app).await?;
        let held = found.filter(|app| app.listed_by == Some(self.listing) && app.space == Some(self.space));
        let Some(before) = held else {
            tracing::error!(app = %self.app, listing = %self.listing, "a listing does not have the app it was said to have");
            return Ok(());
        };
        let (listing, listed_by) =
            if self.listed { (Listing::Listed, before.listed_by) } else { (Listing::Private, None) };
        let after = App { listing, listed_by, update_time: tx.time(), ..before.clone() };
        Ok(relist(tx, &before, after).await?)
    }
}
