//! The sums of usage, as invoices need them.
use std::{collections::BTreeSet, sync::LazyLock};

use devspaces_kit::{
    clock::Timestamp,
    db::{BatchSql, Conn, Error},
    name::{AppName, SpaceName},
    on,
};
use uuid::Uuid;

use super::stored::{decimal, metric, month};
use crate::domain::{
    Month,
    usage::{Sum, TotalKey},
};

#[derive(Debug, sqlx::FromRow)]
pub(super) struct TotalRow {
    space: Uuid,
    billed_month: String,
    app: Uuid,
    metric: String,
    usage_month: String,
    held_from: Timestamp,
    billable: bool,
    quantity: String,
    events: i64,
}

impl TryFrom<TotalRow> for (TotalKey, Sum) {
    type Error = Error;

    fn try_from(row: TotalRow) -> Result<Self, Error> {
        let key = TotalKey {
            space: SpaceName(row.space),
            billed_month: month(&row.billed_month)?,
            app: AppName(row.app),
            metric: metric(&row.metric)?,
            usage_month: month(&row.usage_month)?,
            held_from: row.held_from,
            billable: row.billable,
        };
        Ok((key, Sum { quantity: decimal(&row.quantity)?, events: row.events }))
    }
}

/// Whose allowances the invoice of a space for a month touches: apps, and the months in which they were used.
pub(crate) async fn touched_by(
    db: &mut Conn,
    space: SpaceName,
    billed_month: Month,
) -> Result<Vec<(AppName, Month)>, Error> {
    let rows: Vec<(Uuid, String)> = on!(db, |c| {
        sqlx::query_as(
            "SELECT DISTINCT app, usage_month FROM usage_total
             WHERE space = $1 AND billed_month = $2 AND billable ORDER BY app, usage_month",
        )
        .bind(space.0)
        .bind(billed_month.to_string())
        .fetch_all(c)
        .await
    })?;
    rows.into_iter().map(|(app, used)| Ok((AppName(app), month(&used)?))).collect()
}

static OF_APPS: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH wanted (place, app, usage_month) AS (VALUES ",
        2,
        ") SELECT DISTINCT t.space, t.billed_month, t.app, t.metric, t.usage_month, t.held_from, t.billable, t.quantity,
             t.events
           FROM wanted w JOIN usage_total t ON t.app = w.app AND t.usage_month = w.usage_month",
    )
});

/// All sums of these apps' usage in these months, whichever spaces held the apps.
pub(crate) async fn of_apps(db: &mut Conn, apps: &[(AppName, Month)]) -> Result<Vec<(TotalKey, Sum)>, Error> {
    let mut found = Vec::new();
    for (sql, filled) in OF_APPS.statements(db, apps) {
        let rows: Vec<TotalRow> = on!(db, |c| {
            let mut query = sqlx::query_as(sql);
            for (app, used) in filled {
                query = query.bind(app.0).bind(used.to_string());
            }
            query.fetch_all(c).await
        })?;
        for row in rows {
            found.push(row.try_into()?);
        }
    }
    Ok(found)
}

static HOLDERS: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH wanted (place, app, usage_month) AS (VALUES ",
        2,
        ") SELECT DISTINCT t.space FROM wanted w JOIN usage_total t ON t.app = w.app AND t.usage_month = w.usage_month",
    )
});

/// The spaces in which these apps were used in these months.
pub(crate) async fn holders(db: &mut Conn, apps: &[(AppName, Month)]) -> Result<BTreeSet<SpaceName>, Error> {
    let mut found = BTreeSet::new();
    for (sql, filled) in HOLDERS.statements(db, apps) {
        let spaces: Vec<Uuid> = on!(db, |c| {
            let mut query = sqlx::query_scalar(sql);
            for (app, used) in filled {
                query = query.bind(app.0).bind(used.to_string());
            }
            query.fetch_all(c).await
        })?;
        found.extend(spaces.into_iter().map(SpaceName));
    }
    Ok(found)
}

/// Whether there is usage to be billed that no issued invoice covers (R-S6): of a month after the last that is issued.
pub(crate) async fn is_any_after(
    db: &mut Conn,
    space: SpaceName,
    issued: Option<Month>,
) -> Result<bool, Error> {
    let issued = issued.map(|month| month.to_string()).unwrap_or_default();
    let found: Option<String> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT billed_month FROM usage_total WHERE space = $1 AND billed_month > $2 AND billable
             ORDER BY billed_month LIMIT 1",
        )
        .bind(space.0)
        .bind(issued)
        .fetch_optional(c)
        .await
    })?;
    Ok(found.is_some())
}
