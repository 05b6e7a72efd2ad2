//! The tables of budgets, of the thresholds that were crossed (R-B12), and of when that was looked at.
use std::{collections::HashMap, sync::LazyLock};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, BudgetName, Scope, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use super::stored::{decimal, month, unreadable};
use crate::domain::{Budget, Month};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    space: Uuid,
    resource: Uuid,
    amount: String,
    currency: String,
    thresholds: String,
    cap: bool,
    suspends_in: Option<String>,
    update_time: Timestamp,
}

impl TryFrom<Row> for Budget {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let thresholds = row.thresholds.split(',').map(str::parse).collect::<Result<_, _>>();
        Ok(Self {
            name: name(row.space, row.resource),
            amount: decimal(&row.amount)?,
            currency: row.currency,
            thresholds: thresholds.map_err(|_| unreadable("unreadable thresholds are stored"))?,
            cap: row.cap,
            suspends_in: row.suspends_in.as_deref().map(month).transpose()?,
            update_time: row.update_time,
        })
    }
}

fn name(space: Uuid, resource: Uuid) -> BudgetName {
    BudgetName { space: SpaceName(space), app: (resource != space).then_some(AppName(resource)) }
}

/// What a budget is of: the app, or the space.
fn resource(name: BudgetName) -> Uuid {
    name.app.map_or(name.space.0, |app| app.0)
}

/// A budget.
pub(crate) async fn find(db: &mut Conn, name: BudgetName) -> Result<Option<Budget>, Error> {
    let row: Option<Row> = on!(db, |c| sqlx::query_as(
        "SELECT space, resource, amount, currency, thresholds, cap, suspends_in, update_time
         FROM budget WHERE space = $1 AND resource = $2"
    )
    .bind(name.space.0)
    .bind(resource(name))
    .fetch_optional(c)
    .await)?;
    row.map(Budget::try_from).transpose()
}

/// All budgets of a space.
pub(crate) async fn of_space(db: &mut Conn, space: SpaceName) -> Result<Vec<Budget>, Error> {
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(
        "SELECT space, resource, amount, currency, thresholds, cap, suspends_in, update_time
         FROM budget WHERE space = $1 ORDER BY resource"
    )
    .bind(space.0)
    .fetch_all(c)
    .await)?;
    rows.into_iter().map(Budget::try_from).collect()
}

/// The budgets of a space's apps after this one, in the order of the apps' ids.
pub(crate) async fn of_apps_after(
    db: &mut Conn,
    space: SpaceName,
    after: AppName,
    limit: i64,
) -> Result<Vec<Budget>, Error> {
    let rows: Vec<Row> = on!(db, |c| sqlx::query_as(
        "SELECT space, resource, amount, currency, thresholds, cap, suspends_in, update_time
         FROM budget WHERE space = $1 AND resource > $2 AND resource <> $1 ORDER BY resource LIMIT $3"
    )
    .bind(space.0)
    .bind(after.0)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    rows.into_iter().map(Budget::try_from).collect()
}

static CAPS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["space", "resource"],
        "SELECT DISTINCT b.space, b.resource, b.amount, b.currency, b.thresholds, b.cap, b.suspends_in, b.update_time
         FROM wanted w JOIN budget b ON b.space = w.space AND b.resource = w.resource AND b.cap",
    )
});

/// Those of these budgets that are caps.
pub(crate) async fn caps(db: &mut Conn, names: &[BudgetName]) -> Result<Vec<Budget>, Error> {
    let row = |name: &BudgetName| [name.space.0.into(), resource(*name).into()];
    let rows: Vec<Row> = CAPS.fetch_all(db, names, row).await?;
    rows.into_iter().map(Budget::try_from).collect()
}

/// Stores a budget, in place of what was stored.
pub(crate) async fn put(db: &mut Conn, budget: &Budget) -> Result<(), Error> {
    let thresholds: Vec<String> = budget.thresholds.iter().map(ToString::to_string).collect();
    on!(db, |c| sqlx::query(
        "INSERT INTO budget (space, resource, amount, currency, thresholds, cap, suspends_in, update_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (space, resource) DO UPDATE SET amount = excluded.amount, currency = excluded.currency,
           thresholds = excluded.thresholds, cap = excluded.cap, suspends_in = excluded.suspends_in,
           update_time = excluded.update_time"
    )
    .bind(budget.name.space.0)
    .bind(resource(budget.name))
    .bind(budget.amount.to_string())
    .bind(&budget.currency)
    .bind(thresholds.join(","))
    .bind(budget.cap)
    .bind(budget.suspends_in.map(|month| month.to_string()))
    .bind(budget.update_time)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Removes a budget.
pub(crate) async fn remove(db: &mut Conn, name: BudgetName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM budget WHERE space = $1 AND resource = $2")
        .bind(name.space.0)
        .bind(resource(name))
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Spaces after this one with caps that suspend for a month before this, in the order of their ids.
pub(crate) async fn over(
    db: &mut Conn,
    month: Month,
    after: SpaceName,
    limit: i64,
) -> Result<Vec<SpaceName>, Error> {
    let spaces: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT DISTINCT space FROM budget WHERE suspends_in IS NOT NULL AND suspends_in < $1 AND space > $2
             ORDER BY space LIMIT $3",
        )
        .bind(month.to_string())
        .bind(after.0)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(spaces.into_iter().map(SpaceName).collect())
}

/// The thresholds of a budget that were crossed in a month, in their order.
pub(crate) async fn crossed(db: &mut Conn, name: BudgetName, month: Month) -> Result<Vec<i32>, Error> {
    Ok(on!(db, |c| {
        sqlx::query_scalar(
        "SELECT percent FROM budget_crossing WHERE space = $1 AND resource = $2 AND month = $3 ORDER BY percent"
    )
    .bind(name.space.0)
    .bind(resource(name))
    .bind(month.to_string())
    .fetch_all(c)
    .await
    })?)
}

/// The thresholds of all budgets of a space that were crossed in a month, each in their order.
pub(crate) async fn all_crossed(
    db: &mut Conn,
    space: SpaceName,
    month: Month,
) -> Result<HashMap<BudgetName, Vec<i32>>, Error> {
    let rows: Vec<(Uuid, i32)> = on!(db, |c| sqlx::query_as(
        "SELECT resource, percent FROM budget_crossing WHERE space = $1 AND month = $2 ORDER BY percent"
    )
    .bind(space.0)
    .bind(month.to_string())
    .fetch_all(c)
    .await)?;
    let mut crossed = HashMap::<_, Vec<i32>>::new();
    for (resource, percent) in rows {
        crossed.entry(name(space.0, resource)).or_default().push(percent);
    }
    Ok(crossed)
}

/// Forgets which thresholds were crossed in a month: those of another amount were others.
pub(crate) async fn forget_crossed(db: &mut Conn, name: BudgetName, month: Month) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "DELETE FROM budget_crossing WHERE space = $1 AND resource = $2 AND month = $3"
    )
    .bind(name.space.0)
    .bind(resource(name))
    .bind(month.to_string())
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Notes that the journal has told of a threshold.
pub(crate) async fn put_crossed(
    db: &mut Conn,
    name: BudgetName,
    month: Month,
    percent: i32,
) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "INSERT INTO budget_crossing (space, resource, month, percent) VALUES ($1, $2, $3, $4)"
    )
    .bind(name.space.0)
    .bind(resource(name))
    .bind(month.to_string())
    .bind(percent)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// When a space's budgets were last looked at, in which month, and the space's last journal entry then.
pub(crate) struct Look {
    pub(crate) time: Timestamp,
    pub(crate) month: String,
    pub(crate) sequence: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct LookRow {
    space: Uuid,
    time: Option<Timestamp>,
    month: Option<String>,
    sequence: Option<i64>,
}

/// The spaces after this one that have budgets, in the order of their ids, with when these were last looked at.
pub(crate) async fn looks(
    db: &mut Conn,
    after: SpaceName,
    limit: i64,
) -> Result<Vec<(SpaceName, Option<Look>)>, Error> {
    let rows: Vec<LookRow> = on!(db, |c| {
        sqlx::query_as(
            "SELECT b.space, l.time, l.month, l.sequence
             FROM (SELECT DISTINCT space FROM budget WHERE space > $1 ORDER BY space LIMIT $2) b
             LEFT JOIN budget_look l ON l.space = b.space ORDER BY b.space",
        )
        .bind(after.0)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    let look = |row: LookRow| {
        let look = row.time.zip(row.month).zip(row.sequence);
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

/// Notes that the budgets of a space were looked at.
pub(crate) async fn put_look(db: &mut Conn, space: SpaceName, look: &Look) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
        "INSERT INTO budget_look (space, time, month, sequence) VALUES ($1, $2, $3, $4)
         ON CONFLICT (space) DO UPDATE SET time = excluded.time, month = excluded.month, sequence = excluded.sequence"
    )
    .bind(space.0)
    .bind(look.time)
    .bind(&look.month)
    .bind(look.sequence)
    .execute(c)
    .await
    .map(drop)
    })?;
    Ok(())
}
