use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::VendorProfileName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx, etag};
use devspaces_proto::{
    facts::v1::SpaceDescription,
    marketplace::v1::{UpdateVendorProfileRequest, VendorProfile},
};

use super::resource;
use crate::{
    convert,
    domain::{Patch, Profile},
    spaces, store,
};

const PERMISSION: Permission = Permission::MarketplaceProfileUpdate;

/// R-K5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UpdateVendorProfileRequest,
) -> Result<VendorProfile, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        let name = it.vendor_profile.as_ref().map_or("", |profile| &profile.name);
        fields.parse::<VendorProfileName>("vendor_profile.name", name)
    })?;
    context.mutations.answer(&call, update(context, &call, name, request)).await
}

async fn update(
    context: &Context,
    call: &Call,
    name: VendorProfileName,
    request: UpdateVendorProfileRequest,
) -> Result<VendorProfile, Fault> {
    let (resource, space) = resource(context, name).await?;
    let pass = context.gate.require_active(&call.caller, PERMISSION, resource).await?;
    let patch = convert::profile::patch(&request)?;
    let about = spaces::describe(context, space).await?;
    let etag = request.vendor_profile.map(|profile| profile.etag).unwrap_or_default();
    let update = Update { name, etag, patch, about };
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(update)).await
}

struct Update {
    name: VendorProfileName,
    etag: String,
    patch: Patch,
    about: SpaceDescription,
}

impl GuardedChange for Update {
    type Reply = VendorProfile;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<VendorProfile, Abort> {
        let denied = || Fault::permission_denied(PERMISSION.name(), self.name);
        let before = store::profile::find(tx, self.name).await?.ok_or_else(denied)?;
        etag::check(&self.etag, before.revision, self.name)?;
        confirmed.blockers()?.finish()?;
        let fields = self.patch.apply(&before.fields);
        if fields == before.fields {
            return Ok(convert::profile::to_wire(before, self.about.clone()));
        }
        let mut after = Profile { fields, update_time: tx.time(), ..before.clone() };
        let change = Change {
            scope: after.space.into(),
            resources: vec![self.name.to_string()],
            before: before.to_json(),
            after: after.to_json(),
            facts: false,
        };
        after.revision = tx.record(change).await?;
        store::profile::put(tx, &after).await?;
        Ok(convert::profile::to_wire(after, self.about.clone()))
    }
}
