use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::ListingName,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::marketplace::v1::{Listing as WireListing, WithdrawListingRequest};

use super::{resource, set_app_listing};
use crate::{domain::State, finish::change, store};

const PERMISSION: Permission = Permission::MarketplaceListingsUpdate;

/// R-K6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: WithdrawListingRequest,
) -> Result<WireListing, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<ListingName>("name", &it.name))?;
    context.mutations.answer(&call, withdraw(context, &call, name, request.etag)).await
}

async fn withdraw(
    context: &Context,
    call: &Call,
    name: ListingName,
    etag: String,
) -> Result<WireListing, Fault> {
    let (resource, space) = resource(context, name).await?;
    let pass = context.gate.require(&call.caller, PERMISSION, resource).await?;
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(Withdrawal { name, etag })).await
}

struct Withdrawal {
    name: ListingName,
    etag: String,
}

impl GuardedChange for Withdrawal {
    type Reply = WireListing;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireListing, Abort> {
        let found = store::listing::find(tx, self.name).await?;
        let before = found.ok_or_else(|| Fault::permission_denied(PERMISSION.name(), self.name))?;
        etag::check(&self.etag, before.revision, self.name)?;
        if before.state == State::Withdrawn {
            let sentence = "The listing is withdrawn, for good; the app can be submitted anew";
            return Err(Fault::precondition(Reason::ListingWithdrawn, self.name.to_string(), sentence).into());
        }
        let after = change(tx, &before, State::Withdrawn).await?;
        set_app_listing(tx, &after, false).await?;
        Ok(after.into())
    }
}
