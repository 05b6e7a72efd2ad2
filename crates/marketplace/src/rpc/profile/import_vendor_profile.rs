use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Pass, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, SpaceName, VendorProfileName},
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::{
    facts::v1::SpaceDescription,
    marketplace::v1::{ImportVendorProfileRequest, ImportVendorProfileResponse},
};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::{NewProfile, create_space};
use crate::{
    convert,
    domain::{ImportedApp, Profile},
    spaces, store,
};

/// R-K7
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ImportVendorProfileRequest,
) -> Result<ImportVendorProfileResponse, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    let importing = Box::pin(import(context, &call, request));
    context.mutations.answer(&call, importing).await
}

async fn import(
    context: &Context,
    call: &Call,
    request: ImportVendorProfileRequest,
) -> Result<ImportVendorProfileResponse, Fault> {
    let permission = Permission::ImportVendorProfiles;
    let pass = context.gate.require(&call.caller, permission, Resource::Platform).await?;
    let source =
        Source { id: request.source_id.clone(), content: Sha256::digest(request.encode_to_vec()).to_vec() };
    let (profile, about, apps) = new_profile(context, request)?;
    if let Some(again) = again(context, call, &pass, &source).await? {
        return Ok(again);
    }
    let scopes = vec![profile.space.into()];
    let takeover = Takeover { source: source.clone(), profile, about, apps };
    match context.mutations.run(call.clone(), scopes, pass.clone().guard(takeover)).await {
        // Somebody else took it over meanwhile.
        Err(fault) if fault.reason() == Reason::VendorProfileExists => {
            again(context, call, &pass, &source).await?.ok_or(fault)
        }
        done => done,
    }
}

fn new_profile(
    context: &Context,
    request: ImportVendorProfileRequest,
) -> Result<(NewProfile, SpaceDescription, Vec<ImportedApp>), Fault> {
    let (name, space) = (VendorProfileName(context.clock.new_id()), SpaceName(context.clock.new_id()));
    let profile = request.vendor_profile.unwrap_or_default();
    let mut fields = Fields::new();
    convert::profile::source_id(&mut fields, &request.source_id);
    let about = convert::profile::about(&mut fields, space, &profile);
    let own = convert::profile::own_fields(&mut fields, &profile);
    let admins = convert::profile::users(&mut fields, "admins", &request.admins);
    let new_name = || AppName(context.clock.new_id());
    let apps = convert::profile::apps(&mut fields, &request.apps, new_name);
    fields.finish()?;
    Ok((NewProfile { name, space, fields: own, terms_version: String::new(), admins }, about, apps))
}

/// What is taken over: what the other system calls it, and the digest of all that it says of it.
#[derive(Clone)]
struct Source {
    id: String,
    content: Vec<u8>,
}

fn exists() -> Fault {
    let message = "Something was taken over from this source already";
    Fault::new(Code::AlreadyExists, Reason::VendorProfileExists, message)
        .field("source_id", "is that of a profile that was taken over with other content")
}

/// The answer of before, if the source was taken over with the same content.
async fn again(
    context: &Context,
    call: &Call,
    pass: &Pass,
    source: &Source,
) -> Result<Option<ImportVendorProfileResponse>, Fault> {
    let found = store::takeover::find(&mut context.pool.read().await?, &source.id).await?;
    let Some((imported, space)) = found else { return Ok(None) };
    if imported != source.content {
        return Err(exists());
    }
    let about = spaces::describe(context, space).await?;
    let repetition = Repetition { space, about };
    context.mutations.run(call.clone(), vec![space.into()], pass.clone().guard(repetition)).await.map(Some)
}

/// The same source again: answers with what there is, and changes nothing.
struct Repetition {
    space: SpaceName,
    about: SpaceDescription,
}

impl GuardedChange for Repetition {
    type Reply = ImportVendorProfileResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<ImportVendorProfileResponse, Abort> {
        let profile = store::profile::of_space(tx, self.space).await?;
        let profile = profile.ok_or_else(|| Fault::internal("a profile is gone that was taken over"))?;
        Ok(response(profile, self.about.clone(), store::takeover::apps(tx, self.space).await?))
    }
}

struct Takeover {
    source: Source,
    profile: NewProfile,
    about: SpaceDescription,
    apps: Vec<ImportedApp>,
}

impl GuardedChange for Takeover {
    type Reply = ImportVendorProfileResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::SpaceCreated])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<ImportVendorProfileResponse, Abort> {
        let Self { source, profile, about, apps } = self;
        // No scope stands for the source: of two at once, this lets one go on.
        if !store::takeover::claim(tx, &source.id, &source.content, profile.space).await? {
            return Err(exists().into());
        }
        let stored = profile.store(tx).await?;
        let names: Vec<AppName> = apps.iter().map(|app| app.name).collect();
        store::takeover::put_apps(tx, profile.space, &names).await?;
        create_space(tx, profile.space, about, apps).await?;
        Ok(response(stored, about.clone(), names))
    }
}

fn response(profile: Profile, about: SpaceDescription, apps: Vec<AppName>) -> ImportVendorProfileResponse {
    ImportVendorProfileResponse {
        vendor_profile: Some(convert::profile::to_wire(profile, about)),
        apps: apps.into_iter().map(|app| app.to_string()).collect(),
    }
}
