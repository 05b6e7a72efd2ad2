use devspaces_authz::{AppRole, Permission};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::ContributorName,
    status::{Blockers, Fault},
};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::space::v1::{Contributor as WireContributor, UpdateContributorRequest};

use super::{block_owner, no_own_role, permitted_app, scopes};
use crate::{
    convert::{self, contributor::RolePatch},
    domain::{Contributor, GivenRole},
    journaling::{AppChange, record},
    store,
};

/// R-A3, R-A4, R-M10
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UpdateContributorRequest,
) -> Result<WireContributor, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        let name = it.contributor.as_ref().map_or("", |contributor| &contributor.name);
        fields.parse::<ContributorName>("contributor.name", name)
    })?;
    context.mutations.answer(&call, update(context, &call, name, request)).await
}

async fn update(
    context: &Context,
    call: &Call,
    name: ContributorName,
    request: UpdateContributorRequest,
) -> Result<WireContributor, Fault> {
    let pass = context.gate.require(&call.caller, Permission::AppContributorsUpdate, name.app).await?;
    let now = context.clock.now();
    let patch = convert::contributor::patch(&request, now)?;
    if store::contributor::find_current(&mut context.pool.read().await?, &name, now).await?.is_none() {
        context.mutations.rest().await;
        return no_own_role(context, &name, pass.space()).await;
    }
    let etag = request.contributor.map(|contributor| contributor.etag).unwrap_or_default();
    let scopes = scopes(name.app, pass.space());
    context.mutations.run(call.clone(), scopes, pass.guard(Update { name, etag, patch })).await
}

struct Update {
    name: ContributorName,
    etag: String,
    patch: RolePatch,
}

impl GuardedChange for Update {
    type Reply = WireContributor;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireContributor, Abort> {
        let name = &self.name;
        let permission = Permission::AppContributorsUpdate;
        let app = permitted_app(tx, permission, name.app, "").await?;
        let now = tx.time();
        let found = store::contributor::find_current(tx, name, now).await?;
        let before = found.ok_or_else(|| Fault::not_found(name))?;
        etag::check(&self.etag, before.revision, name)?;
        let had = GivenRole { role: before.role, expire_time: before.expire_time };
        let has = GivenRole {
            role: self.patch.role.unwrap_or(had.role),
            expire_time: self.patch.expire_time.unwrap_or(had.expire_time),
        };
        if had == has {
            return Ok(before.into());
        }
        let mut blockers = Blockers::new();
        if before.role == AppRole::Owner {
            block_owner(&mut blockers, name);
        }
        blockers.finish()?;
        let change = AppChange {
            app: name.app,
            space: app.space,
            resources: vec![name.to_string()],
            before: had.to_user_json(name),
            after: has.to_user_json(name),
        };
        let revision = record(tx, change).await?;
        let GivenRole { role, expire_time } = has;
        let after = Contributor { expire_time, ..before.with_role(role, now, revision) };
        store::contributor::put(tx, &after).await?;
        Ok(after.into())
    }
}
