//! What is deleted is gone for good after a while.
use devspaces_authz::Owner;
use devspaces_gate::Context;
use devspaces_kit::{
    db::Tx,
    mutation::{Abort, Call, Mutation},
    name::{AppName, Scope},
    status::Fault,
};
use serde_json::Value;

use crate::{
    domain::{App, purged_if_deleted_by},
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
    for app in apps {
        let scopes = [Some(app.name.into()), app.space.map(Scope::from)].into_iter().flatten().collect();
        let call = Call::of_service(Owner::Space.name(), PURGE);
        context.mutations.run(call, scopes, Purge(app.name)).await?;
    }
    Ok(())
}

struct Purge(AppName);

impl Mutation for Purge {
    type Reply = ();
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let due = purged_if_deleted_by(tx.time());
        let found = store::app::find_deleted(tx, self.0).await?;
        // Had back, or purged by another replica, meanwhile.
        let Some(app) = found.filter(|app| app.delete_time.is_some_and(|deleted| deleted <= due)) else {
            return Ok(());
        };
        let App { name, space, .. } = app;
        let resources = vec![name.to_string()];
        record(tx, AppChange { app: name, space, resources, before: app.to_json(), after: Value::Null })
            .await?;
        store::contributor::remove_all(tx, name).await?;
        Ok(store::app::remove(tx, name).await?)
    }
}
