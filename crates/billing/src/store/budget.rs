//! The tables of budgets and of the thresholds that were crossed (R-B12).
use devspaces_kit::{
    clock::Timestamp,
    db::{Conn, Error},
    name::SpaceName,
    on,
};

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
