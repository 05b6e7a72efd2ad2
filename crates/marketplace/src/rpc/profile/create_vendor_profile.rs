use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, UserName, VendorProfileName},
    status::{Blockers, Fault, Fields, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::{
    facts::v1::SpaceDescription,
    marketplace::v1::{CreateVendorProfileRequest, VendorProfile},
};

use super::{NewProfile, block_outdated_terms, create_space};
use crate::{convert, store};

/// R-K2
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateVendorProfileRequest,
) -> Result<VendorProfile, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    context.mutations.answer(&call, create(context, &call, request)).await
}

async fn create(
    context: &Context,
    call: &Call,
    request: CreateVendorProfileRequest,
) -> Result<VendorProfile, Fault> {
    let permission = Permission::MarketplaceProfileCreate;
    let pass = context.gate.require(&call.caller, permission, Resource::Platform).await?;
    let denied = || Fault::permission_denied(permission.name(), Resource::Platform);
    let creator = call.caller.principal.as_user().ok_or_else(denied)?;
    let (name, space) = (VendorProfileName(context.clock.new_id()), SpaceName(context.clock.new_id()));
    let profile = request.vendor_profile.unwrap_or_default();
    let mut fields = Fields::new();
    let about = convert::profile::about(&mut fields, space, &profile);
    let own = convert::profile::own_fields(&mut fields, &profile);
    convert::profile::terms_version(&mut fields, &request.terms_version);
    fields.finish()?;
    let terms_version = request.terms_version;
    let limit = context.space_quota.of(&creator);
    let profile = NewProfile { name, space, fields: own, terms_version, admins: vec![creator.clone()] };
    let creation = Creation { profile, about, creator, limit };
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(creation)).await
}

struct Creation {
    profile: NewProfile,
    about: SpaceDescription,
    creator: UserName,
    /// How many vendor profiles the creator may have created.
    limit: u32,
}

impl GuardedChange for Creation {
    type Reply = VendorProfile;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::SpaceCreated])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<VendorProfile, Abort> {
        let mut blockers = Blockers::new();
        block_outdated_terms(&mut blockers, &self.profile.terms_version);
        blockers.finish()?;
        if !store::creator::count(tx, &self.creator, self.limit).await? {
            return Err(too_many(&self.creator, self.limit).into());
        }
        let profile = self.profile.store(tx).await?;
        create_space(tx, self.profile.space, &self.about, &[]).await?;
        Ok(convert::profile::to_wire(profile, self.about.clone()))
    }
}

/// R-S10
fn too_many(person: &UserName, limit: u32) -> Fault {
    let sentence =
        format!("You have created {limit} vendor profiles, each with a space, and may create no more");
    Fault::precondition(Reason::TooManySpaces, person.to_string(), sentence)
}
