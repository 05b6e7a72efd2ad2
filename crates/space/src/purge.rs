//! What is deleted is gone for good after a while.
use devspaces_authz::Service;
use devspaces_gate::Context;
use devspaces_kit::{
    name::{AppName, Scope, SpaceName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx, webhook};
use devspaces_proto::facts::v1::{DropMembers, Effect, effect};
use serde_json::{Value, json};

use crate::{
    domain::{App, purged_if_deleted_by, role_json},
    journaling::{AppChange, record},
    store,
};

/// What the journal names in place of a method.
const PURGE: &str = "devspaces.space/purge";
/// Apps, and spaces, that one round purges.
const ROUND: i64 = 100;

/// Removes what was deleted 30 days ago or longer: apps with their contributors (R-A10), and spaces with their members
/// (R-S6). Their journals stay, and so do invoices.
///
/// # Errors
/// Faults of the database, `UNAVAILABLE` while the members of a purged space can't be removed, and `CLOCK_STEPPED` while the
/// clock is doubted. What is left is done later.
pub(crate) async fn purge(context: &Context) -> Result<(), Fault> {
    let apps = purge_apps(context).await;
    purge_spaces(context).await.and(apps)
}

async fn purge_spaces(context: &Context) -> Result<(), Fault> {
    let due = purged_if_deleted_by(context.steady.now()?);
    let spaces = store::space::deleted_by(&mut context.pool.read().await?, due, ROUND).await?;
    each(spaces, |space| {
        let call = Call::of_service(Service::Space.name(), PURGE);
        context.mutations.run(call, vec![space.into()], SpacePurge(space))
    })
    .await
}

struct SpacePurge(SpaceName);

impl Mutation for SpacePurge {
    type Reply = ();
    const REVOKES: bool = true;
    const FALLS_DUE: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let now = tx.time();
        let found = store::space::find(tx, self.0).await?;
        // Had back, or purged by another replica, meanwhile.
        let Some(space) = found.filter(|space| space.is_gone(now)) else { return Ok(()) };
        let scope = Scope::from(space.name);
        let change = Change {
            scope,
            resources: vec![space.name.to_string()],
            before: space.to_json(),
            after: Value::Null,
            facts: true,
        };
        tx.record(change).await?;
        store::space::remove(tx, space.name).await?;
        store::creator::forget(tx, space.name).await?;
        store::group::remove_all(tx, space.name).await?;
        webhook::remove_of_space(tx, space.name).await?;
        let gone = DropMembers { space: space.name.to_string() };
        let effect = Effect { effect: Some(effect::Effect::DropMembers(gone)) };
        Ok(tx.emit(scope, Service::Membership.name(), vec![effect]).await?)
    }
}

async fn purge_apps(context: &Context) -> Result<(), Fault> {
    let due = purged_if_deleted_by(context.steady.now()?);
    let apps = store::app::deleted_by(&mut context.pool.read().await?, due, ROUND).await?;
    each(apps, |app| {
        let scopes = [Some(app.name.into()), app.space.map(Scope::from)].into_iter().flatten().collect();
        let call = Call::of_service(Service::Space.name(), PURGE);
        context.mutations.run(call, scopes, Purge(app.name))
    })
    .await
}

struct Purge(AppName);

impl Mutation for Purge {
    type Reply = ();
    const REVOKES: bool = true;
    const FALLS_DUE: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let due = purged_if_deleted_by(tx.time());
        let found = store::app::find_even_if_gone(tx, self.0).await?;
        // Had back, or purged by another replica, meanwhile.
        let Some(app) = found.filter(|app| app.delete_time.is_some_and(|deleted| deleted <= due)) else {
            return Ok(());
        };
        let App { name, space, .. } = app;
        let contributors = store::contributor::list(tx, name, "", i64::MAX).await?;
        let roles: Value = contributors.iter().map(|it| role_json(&it.name, it.role)).collect();
        let names = contributors.iter().map(|it| it.name.to_string());
        let change = AppChange {
            app: name,
            space,
            resources: std::iter::once(name.to_string()).chain(names).collect(),
            before: json!({ "app": app.to_json(), "contributors": roles }),
            after: Value::Null,
        };
        record(tx, change).await?;
        store::contributor::remove_all(tx, name).await?;
        store::transfer::remove_all(tx, name).await?;
        store::suspension_source::remove_all(tx, name).await?;
        Ok(store::app::remove(tx, name).await?)
    }
}
