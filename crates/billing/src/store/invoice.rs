//! Invoices: where they are in their lives, and what never changes once they are issued.
use devspaces_kit::{
    clock::Timestamp,
    name::{AccountName, AppName, InvoiceName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use uuid::Uuid;

use super::stored::{decimal, month, unreadable};
use crate::domain::{
    Month,
    invoice::{Attempt, Invoice, Issued, State},
};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    space: Uuid,
    month: String,
    state: String,
    failed_attempts: i32,
    first_failure: Option<Timestamp>,
    next_attempt_time: Option<Timestamp>,
    pay_time: Option<Timestamp>,
    suspends: bool,
    create_time: Timestamp,
    number: Option<i64>,
    issue_time: Option<Timestamp>,
    currency: Option<String>,
    total: Option<String>,
    credit_applied: Option<String>,
}

impl TryFrom<Row> for Invoice {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let issued = match (row.number, row.issue_time, row.currency, row.total.zip(row.credit_applied)) {
            (Some(number), Some(issue_time), Some(currency), Some((total, applied))) => Some(Issued {
                number,
                issue_time,
                currency,
                total: decimal(&total)?,
                credit_applied: decimal(&applied)?,
            }),
            _ => None,
        };
        Ok(Self {
            name: InvoiceName { account: AccountName(SpaceName(row.space)), id: row.id },
            month: month(&row.month)?,
            state: State::parse(&row.state).ok_or_else(|| unreadable("an unknown state is stored"))?,
            failed_attempts: row.failed_attempts,
            first_failure: row.first_failure,
            next_attempt_time: row.next_attempt_time,
            pay_time: row.pay_time,
            suspends: row.suspends,
            create_time: row.create_time,
            issued,
        })
    }
}

const COLUMNS: &str =
    "i.id, i.space, i.month, i.state, i.failed_attempts, i.first_failure, i.next_attempt_time,
             i.pay_time, i.suspends, i.create_time, s.number, s.issue_time, s.currency, s.total, s.credit_applied
             FROM invoice i LEFT JOIN issued_invoice s ON s.invoice = i.id";

/// An invoice of a space.
pub(crate) async fn find(db: &mut Conn, name: &InvoiceName) -> Result<Option<Invoice>, Error> {
    let sql = format!("SELECT {COLUMNS} WHERE i.id = $1 AND i.space = $2");
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(name.id).bind(name.account.0.0).fetch_optional(c).await
    })?;
    row.map(Invoice::try_from).transpose()
}

/// A space's invoice of a month.
pub(crate) async fn of_month(
    db: &mut Conn,
    space: SpaceName,
    month: Month,
) -> Result<Option<Invoice>, Error> {
    let sql = format!("SELECT {COLUMNS} WHERE i.space = $1 AND i.month = $2");
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(space.0).bind(month.to_string()).fetch_optional(c).await
    })?;
    row.map(Invoice::try_from).transpose()
}

/// A space's invoices of months before one, or all if that is empty; the latest first.
pub(crate) async fn before(
    db: &mut Conn,
    space: SpaceName,
    month: &str,
    limit: i64,
) -> Result<Vec<Invoice>, Error> {
    // Sorts after every month.
    let month = if month.is_empty() { "end" } else { month };
    let sql = format!("SELECT {COLUMNS} WHERE i.space = $1 AND i.month < $2 ORDER BY i.month DESC LIMIT $3");
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(space.0).bind(month).bind(limit).fetch_all(c).await
    })?;
    rows.into_iter().map(Invoice::try_from).collect()
}

/// The last month of which a space's invoice is issued. Invoices are issued in the order of their months.
pub(crate) async fn last_issued_month(db: &mut Conn, space: SpaceName) -> Result<Option<Month>, Error> {
    let last: Option<String> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT month FROM invoice WHERE space = $1 AND state <> 'DRAFT' ORDER BY month DESC LIMIT 1",
        )
        .bind(space.0)
        .fetch_optional(c)
        .await
    })?;
    last.map(|last| month(&last)).transpose()
}

/// The number that the next issued invoice of an account has.
pub(crate) async fn next_number(db: &mut Conn, space: SpaceName) -> Result<i64, Error> {
    let last: Option<i64> = on!(db, |c| {
        sqlx::query_scalar("SELECT number FROM issued_invoice WHERE space = $1 ORDER BY number DESC LIMIT 1")
            .bind(space.0)
            .fetch_optional(c)
            .await
    })?;
    Ok(last.unwrap_or_default() + 1)
}

/// Stores where an invoice is in its life, in place of what was stored of that.
pub(crate) async fn put(db: &mut Conn, invoice: &Invoice) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO invoice (id, space, month, state, failed_attempts, first_failure, next_attempt_time, pay_time,
               suspends, create_time)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (id) DO UPDATE SET state = excluded.state, failed_attempts = excluded.failed_attempts,
               first_failure = excluded.first_failure, next_attempt_time = excluded.next_attempt_time,
               pay_time = excluded.pay_time, suspends = excluded.suspends",
        )
        .bind(invoice.name.id)
        .bind(invoice.name.account.0.0)
        .bind(invoice.month.to_string())
        .bind(invoice.state.name())
        .bind(invoice.failed_attempts)
        .bind(invoice.first_failure)
        .bind(invoice.next_attempt_time)
        .bind(invoice.pay_time)
        .bind(invoice.suspends)
        .bind(invoice.create_time)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// Stores what an invoice says from now on, and by which journal entry.
pub(crate) async fn insert_issued(
    db: &mut Conn,
    name: &InvoiceName,
    issued: &Issued,
    entry: i64,
) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO issued_invoice
               (invoice, space, number, issue_time, currency, total, credit_applied, sequence)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(name.id)
        .bind(name.account.0.0)
        .bind(issued.number)
        .bind(issued.issue_time)
        .bind(&issued.currency)
        .bind(issued.total.to_string())
        .bind(issued.credit_applied.normalize().to_string())
        .bind(entry)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// The journal entry by which an invoice was issued; nothing if that was before this was kept.
pub(crate) async fn issue_entry(db: &mut Conn, invoice: Uuid) -> Result<Option<i64>, Error> {
    Ok(on!(db, |c| {
        sqlx::query_scalar("SELECT sequence FROM issued_invoice WHERE invoice = $1 AND sequence > 0")
            .bind(invoice)
            .fetch_optional(c)
            .await
    })?)
}

/// Whether a space has an invoice in this state: one of those that are to be paid.
pub(crate) async fn is_any(db: &mut Conn, space: SpaceName, state: State) -> Result<bool, Error> {
    let found: Option<Uuid> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT id FROM invoice WHERE space = $1 AND state = $2 AND state IN ('OPEN', 'PAST_DUE') LIMIT 1",
        )
        .bind(space.0)
        .bind(state.name())
        .fetch_optional(c)
        .await
    })?;
    Ok(found.is_some())
}

/// Invoices that are past due and for which the apps on them are not suspended yet.
pub(crate) async fn untold(db: &mut Conn, limit: i64) -> Result<Vec<InvoiceName>, Error> {
    let rows: Vec<(Uuid, Uuid)> = on!(db, |c| {
        sqlx::query_as(
            "SELECT id, space FROM invoice WHERE state = 'PAST_DUE' AND NOT suspends ORDER BY id LIMIT $1",
        )
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(rows
        .into_iter()
        .map(|(id, space)| InvoiceName { account: AccountName(SpaceName(space)), id })
        .collect())
}

/// The apps whose usage is on an issued invoice, in the order of their ids: not those of which something is only taken back.
pub(crate) async fn apps_on(db: &mut Conn, invoice: Uuid) -> Result<Vec<AppName>, Error> {
    let apps: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar("SELECT DISTINCT app FROM invoice_line WHERE invoice = $1 AND quantity NOT LIKE '-%' ORDER BY app")
            .bind(invoice)
            .fetch_all(c)
            .await
    })?;
    Ok(apps.into_iter().map(AppName).collect())
}

/// An attempt of payment that was reported.
pub(crate) async fn attempt(db: &mut Conn, invoice: Uuid, id: &str) -> Result<Option<Attempt>, Error> {
    let row: Option<(bool, Timestamp)> = on!(db, |c| {
        sqlx::query_as("SELECT succeeded, time FROM payment_attempt WHERE invoice = $1 AND id = $2")
            .bind(invoice)
            .bind(id)
            .fetch_optional(c)
            .await
    })?;
    Ok(row.map(|(succeeded, time)| Attempt { id: id.to_owned(), succeeded, time }))
}

/// Stores an attempt of payment.
pub(crate) async fn insert_attempt(db: &mut Conn, invoice: Uuid, attempt: &Attempt) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query("INSERT INTO payment_attempt (invoice, id, succeeded, time) VALUES ($1, $2, $3, $4)")
            .bind(invoice)
            .bind(&attempt.id)
            .bind(attempt.succeeded)
            .bind(attempt.time)
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}
