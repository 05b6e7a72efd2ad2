//! Apps have crossed thresholds of allowances (R-B12). It is told in the journals of the apps and of the spaces that they are in now, to
//! those who work with them, whether or not anybody is billing admin there.
use std::collections::BTreeMap;

use devspaces_kit::{
    name::{AppName, Scope, SpaceName},
    status::Fault,
};
use devspaces_ledger::{
    Abort, Change, Tx,
    db::{Conn, Error},
};
use devspaces_proto::facts::v1::{AllowanceCrossing, NoteAllowanceCrossings};
use serde_json::{Value, json};

use crate::{domain::App, events::ALLOWANCES, store};

/// What the billing service has seen, by app.
#[derive(Clone, Debug)]
pub(super) struct Crossings(BTreeMap<AppName, Vec<Value>>);

impl Crossings {
    pub(super) fn read(noted: &NoteAllowanceCrossings) -> Result<Self, Fault> {
        let mut by_app = BTreeMap::<_, Vec<_>>::new();
        for crossing in &noted.crossings {
            let app: AppName = crossing.app.parse().map_err(|_| Fault::message_malformed())?;
            by_app.entry(app).or_default().push(to_json(crossing));
        }
        Ok(Self(by_app))
    }

    fn names(&self) -> Vec<AppName> {
        self.0.keys().copied().collect()
    }

    /// Those of the apps and of the spaces that they are in now.
    pub(super) async fn scopes(&self, db: &mut Conn) -> Result<Vec<Scope>, Error> {
        let apps = store::app::find_all_even_if_gone(db, &self.names()).await?;
        Ok(apps.iter().flat_map(scopes_of).collect())
    }

    /// An app that is purged is passed over: nobody works with it.
    pub(super) async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        let apps = store::app::find_all_even_if_gone(tx, &self.names()).await?;
        let held = tx.scopes();
        if apps.iter().flat_map(scopes_of).any(|scope| !held.contains(&scope)) {
            // An app has moved since.
            return Err(Abort::OtherScopes);
        }
        Ok(tx.record_all(&self.entries(&apps)).await?)
    }

    fn entries(&self, apps: &[App]) -> Vec<Change> {
        let mut by_space = BTreeMap::<SpaceName, (Vec<String>, Vec<Value>)>::new();
        let mut entries = Vec::with_capacity(apps.len() + 1);
        for app in apps {
            let crossings = self.0.get(&app.name).cloned().unwrap_or_default();
            if let Some(space) = app.space {
                let (names, all) = by_space.entry(space).or_default();
                names.push(app.name.to_string());
                all.extend(crossings.iter().cloned());
            }
            entries.push(entry(app.name.into(), vec![app.name.to_string()], crossings));
        }
        entries.extend(by_space.into_iter().map(|(space, (names, all))| entry(space.into(), names, all)));
        entries
    }
}

fn entry(scope: Scope, resources: Vec<String>, crossings: Vec<Value>) -> Change {
    let after = json!({ ALLOWANCES: Value::Array(crossings) });
    Change { scope, resources, before: Value::Null, after, facts: false }
}

fn scopes_of(app: &App) -> impl Iterator<Item = Scope> + use<> {
    [Some(Scope::from(app.name)), app.space.map(Scope::from)].into_iter().flatten()
}

fn to_json(crossing: &AllowanceCrossing) -> Value {
    let mut json = json!({
        "app": crossing.app,
        "meter": crossing.meter,
        "month": crossing.month,
        "percents": crossing.percents,
        "used": crossing.used,
        "allowance": crossing.allowance,
    });
    if !crossing.dimension.is_empty() {
        json["dimension"] = crossing.dimension.as_str().into();
        json["dimension_value"] = crossing.dimension_value.as_str().into();
    }
    json
}
