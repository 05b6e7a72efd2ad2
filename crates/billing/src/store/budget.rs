//! The tables of budgets and of the thresholds that were crossed (R-B12).
use std::{collections::HashMap, sync::LazyLock};

use devspaces_kit::{
    clock::Timestamp,
    name::{Scope, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use crate::domain::{Budget, Month};

/// A space's budget.
pub(crate) async fn find(db: &mut Conn, space: SpaceName) -> Result<Option<Budget>, Error> {
    let row: Option<(String, String, String, Timestamp)> = on!(db, |c| sqlx::query_as(
        "SELECT amount, currency, thresholds, update_time FROM budget WHERE space = $1"
    )
    .bind(space.0)
    .fetch_optional(c)
    .await)?;
    let Some((amount, currency, thresholds, update_time)) = row else { return Ok(None) };
    let unreadable = || sqlx::Error::Decode("a budget that can't be read is stored".into());
    let amount = amount.parse().map_err(|_| unreadable())?;
    let thresholds = thresholds.split(',').map(str::parse).collect::<Result<_, _>>();
    let thresholds = thresholds.map_err(|_| unreadable())?;
    Ok(Some(Budget { amount, currency, thresholds, update_time }))
}

/// Stores a space's budget, in place of what was stored.
pub(crate) async fn put(db: &mut Conn, space: SpaceName, budget: &Budget) -> Result<(), Error> {
    let thresholds: Vec<String> = budget.thresholds.iter().map(ToString::to_string).collect();
    on!(db, |c| sqlx::query(
        "INSERT INTO budget (space, amount, currency, thresholds, update_time) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (space) DO UPDATE SET amount = excluded.amount, currency = excluded.currency,
           thresholds = excluded.thresholds, update_time = excluded.update_time"
    )
    .bind(space.0)
    .bind(budget.amount.to_string())
    .bind(&budget.currency)
    .bind(thresholds.join(","))
    .bind(budget.update_time)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// The thresholds that were crossed in a month, in their order.
pub(crate) async fn crossed(db: &mut Conn, space: SpaceName, month: Month) -> Result<Vec<i32>, Error> {
    Ok(on!(db, |c| sqlx::query_scalar(
        "SELECT percent FROM budget_crossing WHERE space = $1 AND month = $2 ORDER BY percent"
    )
    .bind(space.0)
    .bind(month.to_string())
    .fetch_all(c)
    .await)?)
}

/// Forgets which thresholds were crossed in a month: those of another amount were others.
pub(crate) async fn forget_crossed(db: &mut Conn, space: SpaceName, month: Month) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM budget_crossing WHERE space = $1 AND month = $2")
        .bind(space.0)
        .bind(month.to_string())
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// When a budget was last looked at, in which month, and the space's last journal entry then.
pub(crate) struct Look {
    pub(crate) time: Timestamp,
    pub(crate) month: String,
    pub(crate) sequence: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct LookRow {
    space: Uuid,
    look_time: Option<Timestamp>,
    look_month: Option<String>,
    look_sequence: Option<i64>,
}

/// The spaces after this one that have a budget, in the order of their ids, with when it was last looked at.
pub(crate) async fn looks(
    db: &mut Conn,
    after: SpaceName,
    limit: i64,
) -> Result<Vec<(SpaceName, Option<Look>)>, Error> {
    let rows: Vec<LookRow> = on!(db, |c| {
        sqlx::query_as(
            "SELECT space, look_time, look_month, look_sequence FROM budget
             WHERE space > $1 ORDER BY space LIMIT $2",
        )
        .bind(after.0)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    let look = |row: LookRow| {
        let look = row.look_time.zip(row.look_month).zip(row.look_sequence);
        (SpaceName(row.space), look.map(|((time, month), sequence)| Look { time, month, sequence }))
    };
    Ok(rows.into_iter().map(look).collect())
}

static HEADS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["scope"],
        "SELECT h.scope, h.sequence FROM wanted w JOIN head h ON h.scope = w.scope",
    )
});

/// The last journal entries of spaces, by the names of their scopes.
pub(crate) async fn heads(db: &mut Conn, spaces: &[SpaceName]) -> Result<HashMap<String, i64>, Error> {
    let scope = |space: &SpaceName| [Scope::from(*space).to_string().into()];
    let rows: Vec<(String, i64)> = HEADS.fetch_all(db, spaces, scope).await?;
    Ok(rows.into_iter().collect())
}

/// Notes that a budget was looked at.
pub(crate) async fn put_look(db: &mut Conn, space: SpaceName, look: &Look) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "UPDATE budget SET look_time = $2, look_month = $3, look_sequence = $4 WHERE space = $1"
    )
    .bind(space.0)
    .bind(look.time)
    .bind(&look.month)
    .bind(look.sequence)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Notes that the journal has told of a threshold.
pub(crate) async fn put_crossed(
    db: &mut Conn,
    space: SpaceName,
    month: Month,
    percent: i32,
) -> Result<(), Error> {
    on!(db, |c| sqlx::query("INSERT INTO budget_crossing (space, month, percent) VALUES ($1, $2, $3)")
        .bind(space.0)
        .bind(month.to_string())
        .bind(percent)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}
