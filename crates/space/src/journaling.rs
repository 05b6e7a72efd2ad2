//! How changes of apps are journaled: in the app's journal and, since the facts of a space change with its apps (whether
//! there are any, and who contributes to them), in that of the space too.
use devspaces_kit::name::{AppName, SpaceName};
use devspaces_ledger::{Change, Tx, db::Error};
use serde_json::Value;

use crate::{domain::App, store};

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
