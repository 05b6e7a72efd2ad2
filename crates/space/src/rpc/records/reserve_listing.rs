use devspaces_authz::{Service, SpaceState, takes_away};
use devspaces_gate::{Context, admit};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, ListingName, Principal, SpaceName},
    status::{Fault, Fields, Reason, reason_name},
};
use devspaces_ledger::{Abort, Call, Mutation, Tx};
use devspaces_proto::{
    MethodRequest as _,
    facts::v1::{ReserveListingRequest, ReserveListingResponse},
};

use crate::{
    domain::{App, Listing},
    journaling::relist,
    store,
};

/// R-K6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ReserveListingRequest,
) -> Result<ReserveListingResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Marketplace])?;
    let mut fields = Fields::new();
    let listing = fields.parse::<ListingName>("listing", &request.listing);
    let app = fields.parse::<AppName>("app", &request.app);
    let space = fields.parse::<SpaceName>("space", &request.space);
    let actor = fields.parse::<Principal>("actor", &request.actor);
    let ((listing, app), (space, actor)) = fields.finish_with(listing.zip(app).zip(space.zip(actor)))?;
    // An app that is not in the space is no scope of this change: anybody may name any.
    let mut db = context.pool.read().await?;
    let found = store::app::find_even_if_gone(&mut db, app).await?;
    drop(db);
    let is_there = found.is_some_and(|found| found.space == Some(space));
    let scopes = [Some(space.into()), is_there.then(|| app.into())].into_iter().flatten().collect();
    let call =
        Call::of_service(Service::Marketplace.name(), ReserveListingRequest::METHOD).on_behalf_of(actor);
    context.mutations.run(call, scopes, Reservation { listing, app, space }).await
}

struct Reservation {
    listing: ListingName,
    app: AppName,
    space: SpaceName,
}

impl Mutation for Reservation {
    type Reply = ReserveListingResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    /// What is decided once about a listing stands, however often and late the question comes: only then can whoever
    /// asks forget a listing that was refused, and nobody is left who would have to give the app back.
    async fn once(&self, tx: &mut Tx) -> Result<ReserveListingResponse, Abort> {
        if let Some(blockers) = store::closed_listing::find(tx, self.listing).await? {
            return Ok(answer(blockers.split(' ').map(ToOwned::to_owned).collect()));
        }
        let app = store::app::find_even_if_gone(tx, self.app).await?;
        let app = app.filter(|app| app.holder() == Some(self.space));
        let blockers = self.blockers(tx, app.as_ref()).await?;
        match app {
            Some(app) if app.listed_by == Some(self.listing) => Ok(answer(Vec::new())),
            Some(app) if blockers.is_empty() => {
                self.reserve(tx, app).await?;
                Ok(answer(Vec::new()))
            }
            _ => {
                store::closed_listing::put(tx, self.listing, &blockers.join(" ")).await?;
                Ok(answer(blockers))
            }
        }
    }
}

fn answer(blockers: Vec<String>) -> ReserveListingResponse {
    ReserveListingResponse { blockers }
}

impl Reservation {
    /// Everything that stands in the way. Of an app that is not in the space nothing more is told than that.
    async fn blockers(&self, tx: &mut Tx, app: Option<&App>) -> Result<Vec<String>, Abort> {
        let now = tx.time();
        let space = store::space::find(tx, self.space).await?;
        let mut blockers = Vec::new();
        if space.is_none_or(|space| space.state != SpaceState::Active) {
            blockers.push(Reason::SpaceArchived);
        }
        match app {
            None => blockers.push(Reason::AppNotInSpace),
            Some(app) if app.listing != Listing::Private => blockers.push(Reason::AppListed),
            Some(app) => {
                // R-A8: whoever initiates a transfer finds the app reserved, or this one the transfer.
                if store::transfer::pending(tx, app.name, now).await?.is_some() {
                    blockers.push(Reason::TransferPending);
                }
            }
        }
        Ok(blockers.into_iter().map(|reason| reason_name(reason).to_owned()).collect())
    }

    /// From now on the app is neither moved nor deleted.
    async fn reserve(&self, tx: &mut Tx, before: App) -> Result<(), Abort> {
        if !tx.scopes().contains(&before.name.into()) {
            // It has come into the space since the scopes were chosen. Whoever asks again finds it there.
            return Err(Fault::overtaken().into());
        }
        let after = App {
            listing: Listing::Submitted,
            listed_by: Some(self.listing),
            update_time: tx.time(),
            ..before.clone()
        };
        Ok(relist(tx, &before, after).await?)
    }
}
