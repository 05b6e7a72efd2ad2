//! Corrections of issued invoices.
use std::{collections::HashMap, sync::LazyLock};

use devspaces_kit::{
    clock::Timestamp,
    name::{InvoiceName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::stored::decimal;
use crate::domain::invoice::CreditNote;

/// The credit notes of an invoice, the earliest first.
pub(crate) async fn of_invoice(db: &mut Conn, name: &InvoiceName) -> Result<Vec<CreditNote>, Error> {
    let rows: Vec<(i64, String, String, Timestamp)> = on!(db, |c| {
        sqlx::query_as(
            "SELECT number, amount, reason, create_time FROM credit_note WHERE invoice = $1 ORDER BY number",
        )
        .bind(name.id)
        .fetch_all(c)
        .await
    })?;
    let note = |(number, amount, reason, create_time): (_, String, _, _)| {
        Ok(CreditNote { number, amount: decimal(&amount)?, reason, create_time })
    };
    rows.into_iter().map(note).collect()
}

static AMOUNTS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["invoice"],
        "SELECT n.invoice, n.amount FROM wanted w JOIN credit_note n ON n.invoice = w.invoice",
    )
});

/// How much of these invoices is credited; of those of which something is.
pub(crate) async fn sums(db: &mut Conn, invoices: &[Uuid]) -> Result<HashMap<Uuid, Decimal>, Error> {
    let mut sums = HashMap::<Uuid, Decimal>::new();
    let rows: Vec<(Uuid, String)> = AMOUNTS.fetch_all(db, invoices, |id| [(*id).into()]).await?;
    for (invoice, amount) in rows {
        *sums.entry(invoice).or_default() += decimal(&amount)?;
    }
    Ok(sums)
}

/// The number that the next credit note of an account has.
pub(crate) async fn next_number(db: &mut Conn, space: SpaceName) -> Result<i64, Error> {
    let last: Option<i64> = on!(db, |c| {
        sqlx::query_scalar("SELECT number FROM credit_note WHERE space = $1 ORDER BY number DESC LIMIT 1")
            .bind(space.0)
            .fetch_optional(c)
            .await
    })?;
    Ok(last.unwrap_or_default() + 1)
}

/// Stores a credit note.
pub(crate) async fn insert(db: &mut Conn, name: &InvoiceName, note: &CreditNote) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO credit_note (space, number, invoice, amount, reason, create_time)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(name.account.0.0)
        .bind(note.number)
        .bind(name.id)
        .bind(note.amount.to_string())
        .bind(&note.reason)
        .bind(note.create_time)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}
