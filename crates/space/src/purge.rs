//! What is deleted is gone for good after a while.
use devspaces_authz::Owner;
use devspaces_gate::Context;
use devspaces_kit::{
    db::Tx,
    mutation::{Abort, Call, Mutation},
    name::{AppName, Scope},
    status::Fault,
};
use serde_json::{Value, json};

use crate::{
    domain::{App, purged_if_deleted_by, role_json},
    record::{AppChange, record},
    store,
};

/// What the journal names in place of a method.
const PURGE: &str = "devspaces.space/purge";
/// Apps that one round purges.
const ROUND: i64 = 100;

/// R-A10: removes the apps that were deleted 30 days ago or longer, with their contributors. Their journals stay.
///
/// # Errors
/// Faults of the database. What is left is purged by the next round.
pub async fn purge(context: &Context) -> Result<(), Fault> {
    let due = purged_if_deleted_by(context.clock.now());
    let apps = store::app::deleted_by(&mut context.pool.read().await?, due, ROUND).await?;
    let mut result = Ok(());
    for app in apps {
        let scopes = [Some(app.name.into()), app.space.map(Scope::from)].into_iter().flatten().collect();
        let call = Call::of_service(Owner::Space.name(), PURGE);
        // One that fails keeps no other back.
        if let Err(fault) = context.mutations.run(call, scopes, Purge(app.name)).await {
            result = Err(fault);
        }
    }
    result
}

struct Purge(AppName);

impl Mutation for Purge {
    type Reply = ();
    const REVOKES: bool = true;

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
        Ok(store::app::remove(tx, name).await?)
    }
}
