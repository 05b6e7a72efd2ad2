use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, ListingName, Principal, SpaceName, VendorProfileName},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::{
    facts::v1::ReserveListingRequest,
    marketplace::v1::{Listing as WireListing, SubmitListingRequest},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{Listing, State},
    finish::{Intent, block_absent, block_listed, conclude},
    rpc::profile::resource,
    store,
};

/// R-K6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: SubmitListingRequest,
) -> Result<WireListing, Fault> {
    let ((profile, app), call) = Call::parse(caller, &mut request, |fields, it| {
        let profile = fields.parse::<VendorProfileName>("parent", &it.parent);
        let app = fields.parse::<AppName>("app", &it.app);
        profile.zip(app)
    })?;
    context.mutations.answer(&call, submit(context, &call, profile, app)).await
}

async fn submit(
    context: &Context,
    call: &Call,
    profile: VendorProfileName,
    app: AppName,
) -> Result<WireListing, Fault> {
    let (resource, space) = resource(context, profile).await?;
    let permission = Permission::MarketplaceListingsUpdate;
    let pass = context.gate.require_active(&call.caller, permission, resource).await?;
    let name = ListingName(context.clock.new_id());
    let (submitter, request_id) = (call.caller.principal.clone(), call.request_id());
    let declaration = Declaration { name, profile, space, app, submitter, request_id };
    // The request_id answers with what comes of the intent, not with the intent.
    let scopes = vec![space.into()];
    let noted =
        context.mutations.run(call.clone().without_request_id(), scopes, pass.guard(declaration)).await?;
    let listing = noted.listing.parse().map_err(Fault::internal)?;
    let submitter = call.caller.principal.clone();
    conclude(context, call, Intent { listing, space, app, submitter }).await
}

/// Notes the intent, by which alone a listing is known until the space service has decided.
struct Declaration {
    name: ListingName,
    profile: VendorProfileName,
    space: SpaceName,
    app: AppName,
    submitter: Principal,
    request_id: Option<Uuid>,
}

impl GuardedChange for Declaration {
    /// Of which only the listing's name is set: that of an earlier intent if the same call was made before.
    type Reply = ReserveListingRequest;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<ReserveListingRequest, Abort> {
        if let Some(listing) = self.of_the_same_call(tx).await? {
            return Ok(noted(listing));
        }
        let mut blockers = confirmed.blockers()?;
        if !blockers.is_empty() {
            // R-S5, R-S7: an archived space has no apps; for that nobody needs to be asked.
            block_absent(&mut blockers, self.app);
        } else if store::listing::of_app(tx, self.space, self.app).await?.is_some() {
            block_listed(&mut blockers, self.app);
        }
        blockers.finish()?;
        let mut listing = self.listing(tx);
        let change = Change {
            scope: self.space.into(),
            resources: listing.resources(),
            before: Value::Null,
            after: listing.to_json(),
            facts: false,
        };
        listing.revision = tx.record(change).await?;
        if store::listing::insert(tx, &listing).await? {
            return Ok(noted(self.name));
        }
        // The app has no listing in this space, as was seen; so it is the request_id that was used elsewhere.
        Err(Fault::request_id_reused().into())
    }
}

fn noted(listing: ListingName) -> ReserveListingRequest {
    ReserveListingRequest { listing: listing.to_string(), ..ReserveListingRequest::default() }
}

impl Declaration {
    /// R-J5: the listing of this very call, made before or at the same time.
    async fn of_the_same_call(&self, tx: &mut Tx) -> Result<Option<ListingName>, Abort> {
        let Some(request_id) = self.request_id else { return Ok(None) };
        match store::listing::of_request(tx, &self.submitter, request_id).await? {
            Some(found) if (found.space, found.app) == (self.space, self.app) => Ok(Some(found.name)),
            Some(_) => Err(Fault::request_id_reused().into()),
            None => Ok(None),
        }
    }

    fn listing(&self, tx: &Tx) -> Listing {
        Listing {
            name: self.name,
            profile: self.profile,
            space: self.space,
            app: self.app,
            state: State::Reserving,
            submitter: self.submitter.clone(),
            request_id: self.request_id,
            create_time: tx.time(),
            update_time: tx.time(),
            revision: 0,
        }
    }
}
