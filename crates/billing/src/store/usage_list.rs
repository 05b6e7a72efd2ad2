//! A month's usage by app and meter, page by page.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, MeterName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use uuid::Uuid;

use super::{
    stored::{month, unreadable},
    total::TotalRow,
};
use crate::domain::{
    Month,
    usage::{Sum, Sums, TotalKey},
};

/// Which sums of a month's usage to read.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) space: SpaceName,
    /// The month in which it was used.
    pub(crate) month: Month,
    /// Only of this app.
    pub(crate) app: Option<AppName>,
    /// Only what comes after this app and meter.
    pub(crate) after: Option<(AppName, MeterName)>,
    pub(crate) limit: usize,
}

impl Wanted {
    fn has(&self, app: AppName, meter: &MeterName) -> bool {
        self.after.as_ref().is_none_or(|(after, last)| (app, meter) > (*after, last))
    }
}

/// Sums in the order in which they are listed: by app, and then by meter.
type Listed = BTreeMap<(AppName, MeterName), Sum>;

/// A month's usage by app and meter, in the order of both, whichever invoice bills it and whatever it costs.
pub(crate) async fn sums(db: &mut Conn, wanted: &Wanted) -> Result<Vec<(AppName, MeterName, Sum)>, Error> {
    let mut listed = Listed::new();
    for billed_month in billed_months(db, wanted).await? {
        for (place, sum) in billed_by(db, wanted, billed_month).await? {
            add(&mut listed, place, sum)?;
        }
    }
    let sums = listed.into_iter().map(|((app, meter), sum)| (app, meter, sum));
    Ok(sums.take(wanted.limit).collect())
}

/// The months whose invoices bill a month's usage: its own, that of the month after if usage came late (R-B8), and later ones if
/// some was voided later (R-B15).
async fn billed_months(db: &mut Conn, wanted: &Wanted) -> Result<BTreeSet<Month>, Error> {
    let adjusting: Vec<String> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT DISTINCT billed_month FROM usage_sums
             WHERE space = $1 AND usage_month = $2 AND billed_month <> usage_month",
        )
        .bind(wanted.space.0)
        .bind(wanted.month.to_string())
        .fetch_all(c)
        .await
    })?;
    let adjusting = adjusting.iter().map(|name| month(name)).collect::<Result<BTreeSet<_>, _>>()?;
    Ok(adjusting.into_iter().chain([wanted.month]).collect())
}

fn add(listed: &mut Listed, place: (AppName, MeterName), sum: Sum) -> Result<(), Error> {
    let total = listed.entry(place).or_default();
    *total = total.and(sum).ok_or_else(|| unreadable("sums are too large to be added"))?;
    Ok(())
}

/// What an invoice bills of a month's usage: at least so many sums as are wanted, if there are as many, and those of an app
/// all or none.
async fn billed_by(db: &mut Conn, wanted: &Wanted, billed_month: Month) -> Result<Listed, Error> {
    let (mut after, mut listed) = (Place::before(wanted), Listed::new());
    loop {
        let page = rows_after(db, wanted, billed_month, &after).await?;
        let more = page.len() == PAGE;
        for row in page {
            let (key, sums): (TotalKey, Sums) = row.try_into()?;
            if key.app.0 != after.app && listed.len() >= wanted.limit {
                return Ok(listed);
            }
            after = Place::of(&key);
            for (tariff, sum) in sums.iter().filter(|(tariff, _)| wanted.has(key.app, &tariff.meter)) {
                add(&mut listed, (key.app, tariff.meter.clone()), sum)?;
            }
        }
        if !more {
            return Ok(listed);
        }
    }
}

/// How many rows are read at once.
const PAGE: usize = 200;

/// Where a row stands among those of one invoice and one month of usage.
struct Place {
    app: Uuid,
    /// Empty before all rows of the app.
    usage_month: String,
    held_from: Timestamp,
    billable: bool,
}

impl Place {
    fn of(&TotalKey { app, usage_month, held_from, billable, .. }: &TotalKey) -> Self {
        Self { app: app.0, usage_month: usage_month.to_string(), held_from, billable }
    }

    /// Before all that is wanted: of the app of which some meters come before, all rows have others.
    fn before(wanted: &Wanted) -> Self {
        let after = wanted.after.as_ref().map(|(app, _)| *app);
        let app = after.or(wanted.app).unwrap_or(AppName::NIL);
        Self { app: app.0, usage_month: String::new(), held_from: Timestamp::EPOCH, billable: false }
    }
}

async fn rows_after(
    db: &mut Conn,
    wanted: &Wanted,
    billed_month: Month,
    after: &Place,
) -> Result<Vec<TotalRow>, Error> {
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    Ok(on!(db, |c| {
        sqlx::query_as(
            "SELECT space, billed_month, app, usage_month, held_from, billable, sums FROM usage_sums
             WHERE space = $1 AND billed_month = $2 AND (app, usage_month, held_from, billable) > ($3, $4, $5, $6)
             AND app <= $7 AND usage_month = $8
             ORDER BY app, usage_month, held_from, billable LIMIT $9",
        )
        .bind(wanted.space.0)
        .bind(billed_month.to_string())
        .bind(after.app)
        .bind(&after.usage_month)
        .bind(after.held_from)
        .bind(after.billable)
        .bind(wanted.app.map_or(Uuid::max(), |app| app.0))
        .bind(wanted.month.to_string())
        .bind(limit)
        .fetch_all(c)
        .await
    })?)
}
