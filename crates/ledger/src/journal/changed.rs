//! Who made changes of which the tables tell only when they were made.
use std::{collections::HashMap, sync::LazyLock};

use devspaces_kit::{clock::Timestamp, name::Scope};

use super::{Entry, Stored};
use crate::db::{Conn, Error, RowsSql};

/// A change that a table tells of: what was changed, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The scope in whose journal it is.
    pub scope: Scope,
    /// The time of the transaction.
    pub time: Timestamp,
    /// The name of what was changed.
    pub resource: String,
}

static AT_TIMES: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "changed",
        &["scope", "time"],
        "SELECT DISTINCT j.scope, j.sequence, j.time, j.content, j.personal, j.hash
         FROM changed c JOIN journal j ON j.scope = c.scope AND j.time = c.time
         ORDER BY j.scope, j.sequence",
    )
});

/// On whose behalf, or else by whom, these changes were made, in their order: `users/{id}`, `services/{id}`, or "(erased)". Of several at one time it is the
/// last, by which things are as they are. Empty where the journal does not tell.
pub async fn actors(db: &mut Conn, changes: &[Changed]) -> Result<Vec<String>, Error> {
    let row = |change: &Changed| [change.scope.to_string().into(), change.time.into()];
    let mut entries = HashMap::<(String, i64), Vec<Entry>>::new();
    for part in changes.chunks(RowsSql::MAX_ROWS) {
        let stored: Vec<Stored> = AT_TIMES.fetch_all(db, part, row).await?;
        for entry in stored.into_iter().map(Entry::from) {
            entries.entry((entry.scope.clone(), entry.time.micros())).or_default().push(entry);
        }
    }
    let actor = |change: &Changed| {
        let at_its_time = entries.get(&(change.scope.to_string(), change.time.micros()));
        // What comes about together with something larger is not always named beside it.
        let made = at_its_time.into_iter().flatten();
        let last = made.max_by_key(|entry| (entry.changes(&change.resource), entry.sequence));
        last.map(|entry| entry.on_behalf_of.as_ref().unwrap_or(&entry.actor).clone()).unwrap_or_default()
    };
    Ok(changes.iter().map(actor).collect())
}
