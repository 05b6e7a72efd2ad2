//! What accounts have to their credit, and what invoices have used of it (R-B10).
use std::sync::LazyLock;

use devspaces_kit::{
    clock::Timestamp,
    name::{AccountName, InvoiceName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::stored::decimal;
use crate::domain::credit::Credit;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    space: Uuid,
    number: i64,
    currency: String,
    amount: String,
    remaining: String,
    reason: String,
    invoice: Option<Uuid>,
    create_time: Timestamp,
}

impl TryFrom<Row> for Credit {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let account = AccountName(SpaceName(row.space));
        Ok(Self {
            number: row.number,
            currency: row.currency,
            amount: decimal(&row.amount)?,
            remaining: decimal(&row.remaining)?,
            reason: row.reason,
            invoice: row.invoice.map(|id| InvoiceName { account, id }),
            create_time: row.create_time,
        })
    }
}

/// The credits of which something is left, the oldest first.
pub(crate) async fn left(db: &mut Conn, space: SpaceName) -> Result<Vec<Credit>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(
            "SELECT space, number, currency, amount, remaining, reason, invoice, create_time FROM credit
             WHERE space = $1 AND remaining <> '0' ORDER BY number",
        )
        .bind(space.0)
        .fetch_all(c)
        .await
    })?;
    rows.into_iter().map(Credit::try_from).collect()
}

/// What is left of all of them.
pub(crate) async fn balance(db: &mut Conn, space: SpaceName) -> Result<Decimal, Error> {
    Ok(left(db, space).await?.into_iter().map(|credit| credit.remaining).sum())
}

/// The credits with a number below this, the latest first.
pub(crate) async fn before(
    db: &mut Conn,
    space: SpaceName,
    number: i64,
    limit: i64,
) -> Result<Vec<Credit>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(
            "SELECT space, number, currency, amount, remaining, reason, invoice, create_time FROM credit
             WHERE space = $1 AND number < $2 ORDER BY number DESC LIMIT $3",
        )
        .bind(space.0)
        .bind(number)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    rows.into_iter().map(Credit::try_from).collect()
}

/// The number that the next credit of an account has.
pub(crate) async fn next_number(db: &mut Conn, space: SpaceName) -> Result<i64, Error> {
    let last: Option<i64> = on!(db, |c| {
        sqlx::query_scalar("SELECT number FROM credit WHERE space = $1 ORDER BY number DESC LIMIT 1")
            .bind(space.0)
            .fetch_optional(c)
            .await
    })?;
    Ok(last.unwrap_or_default() + 1)
}

/// Stores a credit of an account.
pub(crate) async fn insert(db: &mut Conn, space: SpaceName, credit: &Credit) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO credit (space, number, currency, amount, remaining, reason, invoice, create_time)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(space.0)
        .bind(credit.number)
        .bind(&credit.currency)
        .bind(credit.amount.normalize().to_string())
        .bind(credit.remaining.normalize().to_string())
        .bind(&credit.reason)
        .bind(credit.invoice.as_ref().map(|invoice| invoice.id))
        .bind(credit.create_time)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

static USE: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "used",
        &["invoice", "credit", "amount"],
        "INSERT INTO credit_use (invoice, credit, amount) SELECT invoice, credit, amount FROM used",
    )
});

static REMAIN: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "used",
        &["space", "credit", "remaining"],
        "UPDATE credit SET remaining = used.remaining FROM used
         WHERE credit.space = used.space AND credit.number = used.credit",
    )
});

/// Takes from credits what an invoice uses of them.
pub(crate) async fn apply(
    db: &mut Conn,
    invoice: &InvoiceName,
    credits: &[Credit],
    applied: &[(i64, Decimal)],
) -> Result<(), Error> {
    let uses = |(number, amount): &(i64, Decimal)| {
        [invoice.id.into(), (*number).into(), amount.normalize().to_string().into()]
    };
    USE.execute(db, applied, uses).await?;
    let remaining = |number: i64| {
        credits
            .iter()
            .find(|credit| credit.number == number)
            .map(|credit| credit.remaining)
            .unwrap_or_default()
    };
    let row = |(number, amount): &(i64, Decimal)| {
        let remains = (remaining(*number) - amount).normalize().to_string();
        [invoice.account.0.0.into(), (*number).into(), remains.into()]
    };
    REMAIN.execute(db, applied, row).await.map(drop)
}
