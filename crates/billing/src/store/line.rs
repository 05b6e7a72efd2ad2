//! The lines of issued invoices.
use std::{collections::BTreeMap, sync::LazyLock};

use devspaces_kit::name::{AppName, SpaceName};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use super::stored::{decimal, month, tariff, unreadable};
use crate::domain::{
    Month,
    beside::Beside,
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

/// Of the lines of an issued invoice, in their order, what else than its events decides each.
pub(crate) async fn beside(db: &mut Conn, invoice: Uuid) -> Result<Vec<Option<Beside>>, Error> {
    let texts: Vec<String> = on!(db, |c| {
        sqlx::query_scalar("SELECT beside FROM invoice_line WHERE invoice = $1 ORDER BY place")
            .bind(invoice)
            .fetch_all(c)
            .await
    })?;
    let read = |text: String| (!text.is_empty()).then(|| text.parse()).transpose();
    let read = texts.into_iter().map(read).collect::<Result<_, _>>();
    read.map_err(|_| unreadable("what is stored beside a line is unreadable"))
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
            "beside",
        ],
        "INSERT INTO invoice_line
           (invoice, place, app, tariff, usage_month, quantity, free_quantity, unit_price, rate_card_version, beside)
         SELECT invoice, line, app, tariff, usage_month, quantity, free_quantity, unit_price,
           rate_card_version, beside FROM line",
    )
});

/// Stores the lines of an invoice that is being issued, each with what else than its events decides it.
pub(crate) async fn insert(
    db: &mut Conn,
    invoice: Uuid,
    lines: &[Line],
    beside: &[Option<Beside>],
) -> Result<(), Error> {
    let placed: Vec<(i64, (&Line, &Option<Beside>))> = (0..).zip(lines.iter().zip(beside)).collect();
    let row = |(place, (line, beside)): &(i64, (&Line, &Option<Beside>))| {
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
            beside.as_ref().map(ToString::to_string).unwrap_or_default().into(),
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
