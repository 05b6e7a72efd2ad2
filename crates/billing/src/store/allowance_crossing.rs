//! The thresholds of allowances whose crossing the journal has told (R-B12).
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use devspaces_kit::name::AppName;
use devspaces_ledger::db::{Conn, Error, RowsSql};
use uuid::Uuid;

use super::stored::{month, tariff};
use crate::domain::pricing::Allowance;

static ADD: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "reached",
        &["app", "month", "tariff", "percent"],
        "INSERT INTO allowance_crossing (app, month, tariff, percent)
         SELECT app, month, tariff, CAST(percent AS INTEGER) FROM reached WHERE TRUE
         ON CONFLICT DO NOTHING RETURNING app, month, tariff, percent",
    )
});

/// Notes that these thresholds are crossed, in percent, and says which of them were not: of several writers at once each is told so
/// to one.
pub(crate) async fn add(
    db: &mut Conn,
    reached: &[(&Allowance, i32)],
) -> Result<BTreeMap<Allowance, BTreeSet<i32>>, Error> {
    let row = |(allowance, percent): &(&Allowance, i32)| {
        [
            allowance.app.0.into(),
            allowance.usage_month.to_string().into(),
            allowance.tariff.to_string().into(),
            i64::from(*percent).into(),
        ]
    };
    let rows: Vec<(Uuid, String, String, i32)> = ADD.fetch_all(db, reached, row).await?;
    let mut crossed = BTreeMap::<_, BTreeSet<i32>>::new();
    for (app, used, by, percent) in rows {
        let allowance = Allowance { app: AppName(app), usage_month: month(&used)?, tariff: tariff(&by)? };
        crossed.entry(allowance).or_default().insert(percent);
    }
    Ok(crossed)
}
