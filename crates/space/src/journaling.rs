//! How changes of apps are journaled: in the app's journal and, since the facts of a space change with its apps (whether
//! there are any, and who contributes to them), in that of the space too.
use devspaces_kit::name::{AppName, Scope, SpaceName};
use devspaces_ledger::{
    Change, Tx,
    db::{Conn, Error},
};
use serde_json::Value;

use crate::{
    domain::{App, Transfer},
    store,
};

/// A change of an app or its contributors, by which somebody's permissions can change.
pub(crate) struct AppChange {
    pub(crate) app: AppName,
    /// The space whose facts change with the app.
    pub(crate) space: Option<SpaceName>,
    /// The names of the resources that are changed.
    pub(crate) resources: Vec<String>,
    pub(crate) before: Value,
    pub(crate) after: Value,
}

/// Records it in both journals; answers with its place in the app's.
pub(crate) async fn record(tx: &mut Tx, change: AppChange) -> Result<i64, Error> {
    let AppChange { app, space, resources, before, after } = change;
    if let Some(space) = space {
        let (resources, before, after) = (resources.clone(), before.clone(), after.clone());
        tx.record(Change { scope: space.into(), resources, before, after, facts: true }).await?;
    }
    tx.record(Change { scope: app.into(), resources, before, after, facts: true }).await
}

/// Stores and records what becomes of an app on the Marketplace (R-K6).
pub(crate) async fn relist(tx: &mut Tx, before: &App, after: App) -> Result<(), Error> {
    let change = AppChange {
        app: after.name,
        space: after.space,
        resources: vec![after.name.to_string()],
        before: before.to_json(),
        after: after.to_json(),
    };
    let after = App { revision: record(tx, change).await?, ..after };
    store::app::put(tx, &after).await
}

/// A step of a transfer: what becomes of it and, if it moves, of its app.
pub(crate) struct TransferStep<'a> {
    pub(crate) transfer: &'a Transfer,
    pub(crate) before: Value,
    pub(crate) after: Value,
    /// Whether anybody's permissions can change by it: the app moves.
    pub(crate) facts: bool,
}

/// The scopes of a step of a transfer: the app's, and those of both spaces. A destination that there is not has no journal:
/// anybody may name any.
pub(crate) async fn scopes_of_transfer(
    db: &mut Conn,
    app: AppName,
    source: SpaceName,
    destination: SpaceName,
) -> Result<Vec<Scope>, Error> {
    let mut scopes = vec![app.into(), source.into()];
    if store::space::find(db, destination).await?.is_some() {
        scopes.push(destination.into());
    }
    Ok(scopes)
}

/// Records it in the journals of the app and of both spaces, each of which so names the other (R-A7); answers with its place in
/// the app's.
pub(crate) async fn record_transfer(tx: &mut Tx, step: TransferStep<'_>) -> Result<i64, Error> {
    let TransferStep { transfer, before, after, facts } = step;
    let resources = vec![transfer.name.to_string(), transfer.app.to_string()];
    let held = tx.scopes();
    let spaces = [transfer.source, transfer.destination].map(Scope::from);
    for scope in spaces.into_iter().filter(|space| held.contains(space)) {
        let (resources, before, after) = (resources.clone(), before.clone(), after.clone());
        tx.record(Change { scope, resources, before, after, facts }).await?;
    }
    tx.record(Change { scope: transfer.app.into(), resources, before, after, facts }).await
}
