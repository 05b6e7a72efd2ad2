//! The sums of usage, as invoices need them: a row for all that is billed alike, with the sums of every tariff.
use std::{collections::BTreeSet, sync::LazyLock};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use super::stored::{month, sums, sums_text};
use crate::domain::{
    Month,
    usage::{Sums, TotalKey},
};

#[derive(Debug, sqlx::FromRow)]
pub(super) struct TotalRow {
    space: Uuid,
    billed_month: String,
    app: Uuid,
    usage_month: String,
    held_from: Timestamp,
    billable: bool,
    sums: String,
}

impl TryFrom<TotalRow> for (TotalKey, Sums) {
    type Error = Error;

    fn try_from(row: TotalRow) -> Result<Self, Error> {
        let key = TotalKey {
            space: SpaceName(row.space),
            billed_month: month(&row.billed_month)?,
            app: AppName(row.app),
            usage_month: month(&row.usage_month)?,
            held_from: row.held_from,
            billable: row.billable,
        };
        Ok((key, sums(&row.sums)?))
    }
}

static PUT: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "total",
        &["space", "billed_month", "app", "usage_month", "held_from", "billable", "sums"],
        "INSERT INTO usage_sums (space, billed_month, app, usage_month, held_from, billable, sums)
         SELECT space, billed_month, app, usage_month, held_from, billable, sums FROM total WHERE TRUE
         ON CONFLICT (space, billed_month, app, usage_month, held_from, billable) DO UPDATE SET sums = excluded.sums",
    )
});

static DROP: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "total",
        &["space", "billed_month", "app", "usage_month", "held_from", "billable"],
        "DELETE FROM usage_sums WHERE (space, billed_month, app, usage_month, held_from, billable) IN
           (SELECT space, billed_month, app, usage_month, held_from, billable FROM total)",
    )
});

/// Stores sums in place of what they were. Where nothing counts any more, nothing stays.
pub(crate) async fn put(db: &mut Conn, totals: &[(TotalKey, Sums)]) -> Result<(), Error> {
    let (none, some): (Vec<_>, Vec<_>) = totals.iter().partition(|(_, sums)| sums.is_empty());
    let place = |(key, _): &&(TotalKey, Sums)| {
        [
            key.space.0.into(),
            key.billed_month.to_string().into(),
            key.app.0.into(),
            key.usage_month.to_string().into(),
            key.held_from.into(),
            key.billable.into(),
        ]
    };
    DROP.execute(db, &none, place).await?;
    let row = |(key, sums): &&(TotalKey, Sums)| {
        [
            key.space.0.into(),
            key.billed_month.to_string().into(),
            key.app.0.into(),
            key.usage_month.to_string().into(),
            key.held_from.into(),
            key.billable.into(),
            sums_text(sums).into(),
        ]
    };
    PUT.execute(db, &some, row).await.map(drop)
}

/// Whose allowances the invoice of a space for a month touches: apps, and the months in which they were used.
pub(crate) async fn touched_by(
    db: &mut Conn,
    space: SpaceName,
    billed_month: Month,
) -> Result<Vec<(AppName, Month)>, Error> {
    let rows: Vec<(Uuid, String)> = on!(db, |c| {
        sqlx::query_as(
            "SELECT DISTINCT app, usage_month FROM usage_sums
             WHERE space = $1 AND billed_month = $2 AND billable ORDER BY app, usage_month",
        )
        .bind(space.0)
        .bind(billed_month.to_string())
        .fetch_all(c)
        .await
    })?;
    rows.into_iter().map(|(app, used)| Ok((AppName(app), month(&used)?))).collect()
}

static OF_APPS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["app", "usage_month"],
        "SELECT DISTINCT t.space, t.billed_month, t.app, t.usage_month, t.held_from, t.billable, t.sums
         FROM wanted w JOIN usage_sums t ON t.app = w.app AND t.usage_month = w.usage_month",
    )
});

/// All sums of these apps' usage in these months, whichever spaces held the apps.
pub(crate) async fn of_apps(
    db: &mut Conn,
    apps: &[(AppName, Month)],
) -> Result<Vec<(TotalKey, Sums)>, Error> {
    let row = |(app, used): &(AppName, Month)| [app.0.into(), used.to_string().into()];
    let rows: Vec<TotalRow> = OF_APPS.fetch_all(db, apps, row).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

static HOLDERS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["app", "usage_month"],
        "SELECT DISTINCT t.space FROM wanted w JOIN usage_sums t ON t.app = w.app AND t.usage_month = w.usage_month",
    )
});

/// The spaces in which these apps were used in these months.
pub(crate) async fn holders(db: &mut Conn, apps: &[(AppName, Month)]) -> Result<BTreeSet<SpaceName>, Error> {
    let row = |(app, used): &(AppName, Month)| [app.0.into(), used.to_string().into()];
    let spaces: Vec<(Uuid,)> = HOLDERS.fetch_all(db, apps, row).await?;
    Ok(spaces.into_iter().map(|(space,)| SpaceName(space)).collect())
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
            "SELECT billed_month FROM usage_sums WHERE space = $1 AND billed_month > $2 AND billable
             ORDER BY billed_month LIMIT 1",
        )
        .bind(space.0)
        .bind(issued)
        .fetch_optional(c)
        .await
    })?;
    Ok(found.is_some())
}
