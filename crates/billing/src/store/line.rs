//! The lines of issued invoices.
use std::{collections::BTreeMap, sync::LazyLock};

use devspaces_kit::name::AppName;
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::stored::{decimal, month, tariff};
use crate::domain::{
    Month,
    pricing::{Allowance, Line},
};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    app: Uuid,
    tariff: String,
    usage_month: String,
    quantity: String,
    free_quantity: String,
    unit_price: String,
    rate_card_version: i32,
}

impl Row {
    /// The line; nothing if what it comes to can't be kept exactly, as of usage that was accepted before it was bounded.
    fn line(self) -> Result<Option<Line>, Error> {
        let allowance = Allowance {
            app: AppName(self.app),
            usage_month: month(&self.usage_month)?,
            tariff: tariff(&self.tariff)?,
        };
        let (quantity, free) = (decimal(&self.quantity)?, decimal(&self.free_quantity)?);
        Ok(Line::new(allowance, quantity, free, decimal(&self.unit_price)?, self.rate_card_version))
    }
}

/// The lines of an issued invoice, in their order; nothing if of one it can't be kept exactly what it comes to.
pub(crate) async fn of_invoice(db: &mut Conn, invoice: Uuid) -> Result<Option<Vec<Line>>, Error> {
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(
            "SELECT app, tariff, usage_month, quantity, free_quantity, unit_price, rate_card_version
             FROM invoice_line WHERE invoice = $1 ORDER BY place",
        )
        .bind(invoice)
        .fetch_all(c)
        .await
    })?;
    rows.into_iter().map(Row::line).collect()
}

static INSERT: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "line",
        &[
            "invoice",
            "line",
            "app",
            "tariff",
            "usage_month",
            "quantity",
            "free_quantity",
            "unit_price",
            "rate_card_version",
        ],
        "INSERT INTO invoice_line
           (invoice, place, app, tariff, usage_month, quantity, free_quantity, unit_price, rate_card_version)
         SELECT invoice, line, app, tariff, usage_month, quantity, free_quantity, unit_price,
           rate_card_version FROM line",
    )
});

/// Stores the lines of an invoice that is being issued.
pub(crate) async fn insert(db: &mut Conn, invoice: Uuid, lines: &[Line]) -> Result<(), Error> {
    let placed: Vec<(i64, &Line)> = (0..).zip(lines).collect();
    let row = |(place, line): &(i64, &Line)| {
        [
            invoice.into(),
            (*place).into(),
            line.allowance.app.0.into(),
            line.allowance.tariff.to_string().into(),
            line.allowance.usage_month.to_string().into(),
            line.quantity.to_string().into(),
            line.free.to_string().into(),
            line.unit_price.to_string().into(),
            i64::from(line.card).into(),
        ]
    };
    INSERT.execute(db, &placed, row).await.map(drop)
}

static CONSUMED: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["app", "usage_month"],
        "SELECT DISTINCT l.invoice, l.place, l.app, l.tariff, l.usage_month, l.free_quantity
         FROM wanted w JOIN invoice_line l ON l.app = w.app AND l.usage_month = w.usage_month",
    )
});

#[derive(Debug, sqlx::FromRow)]
struct Consumed {
    app: Uuid,
    tariff: String,
    usage_month: String,
    free_quantity: String,
}

/// How much of these apps' allowances of these months issued invoices have used up.
pub(crate) async fn consumed(
    db: &mut Conn,
    apps: &[(AppName, Month)],
) -> Result<BTreeMap<Allowance, Decimal>, Error> {
    let mut consumed = BTreeMap::<Allowance, Decimal>::new();
    let row = |(app, used): &(AppName, Month)| [app.0.into(), used.to_string().into()];
    let rows: Vec<Consumed> = CONSUMED.fetch_all(db, apps, row).await?;
    for row in rows {
        let allowance = Allowance {
            app: AppName(row.app),
            usage_month: month(&row.usage_month)?,
            tariff: tariff(&row.tariff)?,
        };
        *consumed.entry(allowance).or_default() += decimal(&row.free_quantity)?;
    }
    Ok(consumed)
}
