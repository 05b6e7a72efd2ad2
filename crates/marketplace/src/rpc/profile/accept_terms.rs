use devspaces_authz::{Owner, Permission};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, UserName, VendorProfileName},
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::{
    facts::v1::{Effect, PublishSpace, SpaceDescription, effect},
    marketplace::v1::{AcceptTermsRequest, VendorProfile},
};

use super::{NewProfile, block_outdated_terms};
use crate::{convert, domain::OwnFields, spaces, store};

/// R-K1, R-K3
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: AcceptTermsRequest,
) -> Result<VendorProfile, Fault> {
    let (space, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("parent", &it.parent))?;
    // Boxed, since it holds all that a profile may say.
    context.mutations.answer(&call, Box::pin(accept(context, &call, space, request))).await
}

async fn accept(
    context: &Context,
    call: &Call,
    space: SpaceName,
    request: AcceptTermsRequest,
) -> Result<VendorProfile, Fault> {
    let permission = Permission::MarketplaceTermsAccept;
    let pass = context.gate.require_active(&call.caller, permission, space).await?;
    let denied = || Fault::permission_denied(permission.name(), space);
    let acceptor = call.caller.principal.as_user().ok_or_else(denied)?;
    let mut fields = Fields::new();
    let own = convert::profile::own_fields(&mut fields, &request.vendor_profile.unwrap_or_default());
    convert::profile::terms_version(&mut fields, &request.terms_version);
    fields.finish()?;
    let about = spaces::describe(context, space).await?;
    let name = VendorProfileName(context.clock.new_id());
    let terms_version = request.terms_version;
    let acceptance = Acceptance { name, space, own, terms_version, acceptor, about };
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(acceptance)).await
}

struct Acceptance {
    name: VendorProfileName,
    space: SpaceName,
    own: OwnFields,
    terms_version: String,
    acceptor: UserName,
    about: SpaceDescription,
}

impl GuardedChange for Acceptance {
    type Reply = VendorProfile;

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<VendorProfile, Abort> {
        let mut blockers = confirmed.blockers()?;
        block_outdated_terms(&mut blockers, &self.terms_version);
        if store::profile::of_space(tx, self.space).await?.is_some() {
            let sentence = "The space has a vendor profile already, to which it belongs for good";
            blockers.add(Reason::VendorProfileExists, self.space.to_string(), sentence);
        }
        blockers.finish()?;
        let profile = NewProfile {
            name: self.name,
            space: self.space,
            fields: self.own.clone(),
            terms_version: self.terms_version.clone(),
            admins: vec![self.acceptor.clone()],
        };
        let profile = profile.store(tx).await?;
        let publish = PublishSpace { space: self.space.to_string() };
        let effect = Effect { effect: Some(effect::Effect::PublishSpace(publish)) };
        tx.emit(self.space.into(), Owner::Space.name(), vec![effect]).await?;
        Ok(convert::profile::to_wire(profile, self.about.clone()))
    }
}
