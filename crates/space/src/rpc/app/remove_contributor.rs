use devspaces_authz::{AppRole, Permission, Service};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::ContributorName,
    status::{Blockers, Fault},
};
use devspaces_ledger::{Abort, Call, Mutation, Tx, etag};
use devspaces_proto::space::v1::{RemoveContributorRequest, RemoveContributorResponse};
use serde_json::Value;

use super::{block_owner, no_own_role, scopes};
use crate::{
    domain::role_json,
    journaling::{AppChange, record},
    store,
};

/// R-A3, R-A4
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RemoveContributorRequest,
) -> Result<RemoveContributorResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<ContributorName>("name", &it.name))?;
    context.mutations.answer(&call, removed(context, &call, name, request.etag)).await
}

async fn removed(
    context: &Context,
    call: &Call,
    name: ContributorName,
    etag: String,
) -> Result<RemoveContributorResponse, Fault> {
    context.gate.require_active_person(&call.caller).await?;
    let now = context.clock.now();
    let found = store::contributor::find_current(&mut context.pool.read().await?, &name, now).await?;
    let oneself = call.caller.principal.as_user().as_ref() == Some(&name.user);
    // Whoever has a role may give it up, whatever else they may.
    let pass = match &found {
        Some(_) if oneself => None,
        _ => Some(context.gate.require(&call.caller, Permission::AppContributorsUpdate, name.app).await?),
    };
    let Some(found) = found else {
        context.mutations.rest().await;
        return no_own_role(context, &name, pass.and_then(|pass| pass.space())).await;
    };
    let scopes = scopes(name.app, found.space);
    let removal = Removal { name, etag };
    match pass {
        Some(pass) => context.mutations.run(call.clone(), scopes, pass.guard(removal)).await,
        None => context.mutations.run(call.clone(), scopes, Own(removal)).await,
    }
}

struct Removal {
    name: ContributorName,
    etag: String,
}

impl GuardedChange for Removal {
    type Reply = RemoveContributorResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<RemoveContributorResponse, Abort> {
        self.remove(tx).await
    }
}

/// The contributor's own, who needs no permission.
struct Own(Removal);

impl Mutation for Own {
    type Reply = RemoveContributorResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<RemoveContributorResponse, Abort> {
        self.0.remove(tx).await
    }
}

impl Removal {
    async fn remove(&self, tx: &mut Tx) -> Result<RemoveContributorResponse, Abort> {
        let name = &self.name;
        let now = tx.time();
        let found = store::contributor::find_current(tx, name, now).await?;
        let before = found.ok_or_else(|| Fault::not_found(name))?;
        if before.space.is_some_and(|space| !tx.scopes().contains(&space.into())) {
            // The app was linked since its scopes were looked up.
            return Err(Fault::facts_unavailable(&[Service::Space.name()]).into());
        }
        etag::check(&self.etag, before.revision, name)?;
        let mut blockers = Blockers::new();
        if before.role == AppRole::Owner {
            block_owner(&mut blockers, name);
        }
        blockers.finish()?;
        let change = AppChange {
            app: name.app,
            space: before.space,
            resources: vec![name.to_string()],
            before: role_json(name, before.role),
            after: Value::Null,
        };
        record(tx, change).await?;
        store::contributor::remove(tx, name).await?;
        Ok(RemoveContributorResponse {})
    }
}
