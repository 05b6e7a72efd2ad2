//! The lines of issued invoices.
use std::{collections::BTreeMap, sync::LazyLock};

use devspaces_kit::name::{AppName, SpaceName};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use super::stored::{decimal, month, tariff};
use crate::domain::{
    Month,
    pricing::{Allowance, Line, Portion},
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

static PORTIONS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["app", "usage_month"],
        "SELECT DISTINCT l.invoice, l.place, i.space, l.app, l.tariff, l.usage_month, l.quantity, l.free_quantity
         FROM wanted w JOIN invoice_line l ON l.app = w.app AND l.usage_month = w.usage_month
         JOIN invoice i ON i.id = l.invoice",
    )
});

#[derive(Debug, sqlx::FromRow)]
struct PortionRow {
    space: Uuid,
    app: Uuid,
    tariff: String,
    usage_month: String,
    quantity: String,
    free_quantity: String,
}

/// What issued invoices have said of these apps' usage of these months, and how much of the allowances they have used up.
pub(crate) async fn portions(
    db: &mut Conn,
    apps: &[(AppName, Month)],
) -> Result<BTreeMap<Allowance, BTreeMap<SpaceName, Portion>>, Error> {
    let mut portions = BTreeMap::<Allowance, BTreeMap<SpaceName, Portion>>::new();
    let row = |(app, used): &(AppName, Month)| [app.0.into(), used.to_string().into()];
    let rows: Vec<PortionRow> = PORTIONS.fetch_all(db, apps, row).await?;
    for row in rows {
        let allowance = Allowance {
            app: AppName(row.app),
            usage_month: month(&row.usage_month)?,
            tariff: tariff(&row.tariff)?,
        };
        let portion = portions.entry(allowance).or_default().entry(SpaceName(row.space)).or_default();
        // What was stored before there were limits may be of any size, and is only ever compared.
        portion.quantity = portion.quantity.saturating_add(decimal(&row.quantity)?);
        portion.free += decimal(&row.free_quantity)?;
    }
    Ok(portions)
}
