use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::ListingName,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::marketplace::v1::{ApproveListingRequest, Listing as WireListing};

use super::set_app_listing;
use crate::{domain::State, finish::change, store};

/// R-K6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ApproveListingRequest,
) -> Result<WireListing, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<ListingName>("name", &it.name))?;
    context.mutations.answer(&call, approve(context, &call, name, request.etag)).await
}

async fn approve(
    context: &Context,
    call: &Call,
    name: ListingName,
    etag: String,
) -> Result<WireListing, Fault> {
    let pass = context.gate.require(&call.caller, Permission::ListingsApprove, Resource::Platform).await?;
    let found = store::listing::find(&mut context.pool.read().await?, name).await?;
    let space = found.ok_or_else(|| Fault::not_found(name))?.space;
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(Approval { name, etag })).await
}

struct Approval {
    name: ListingName,
    etag: String,
}

impl GuardedChange for Approval {
    type Reply = WireListing;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireListing, Abort> {
        let found = store::listing::find(tx, self.name).await?;
        let before = found.ok_or_else(|| Fault::not_found(self.name))?;
        etag::check(&self.etag, before.revision, self.name)?;
        if before.state != State::Submitted {
            let sentence =
                "Only a listing that is submitted, and neither listed nor withdrawn yet, is approved";
            return Err(
                Fault::precondition(Reason::ListingNotSubmitted, self.name.to_string(), sentence).into()
            );
        }
        let after = change(tx, &before, State::Listed).await?;
        set_app_listing(tx, &after, true).await?;
        Ok(after.into())
    }
}
