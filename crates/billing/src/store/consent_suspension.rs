//! The apps that are suspended for want of consent (R-E3).
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use super::stored::month;
use crate::domain::Month;

static KNOWN: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["space", "app"],
        "SELECT c.space, c.app, c.held_from FROM wanted w
         JOIN consent_suspension c ON c.space = w.space AND c.app = w.app",
    )
});

static PUT: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "exhausted",
        &["space", "app", "held_from", "month"],
        "INSERT INTO consent_suspension (space, app, held_from, month)
         SELECT space, app, held_from, month FROM exhausted WHERE TRUE
         ON CONFLICT (space, app) DO UPDATE SET held_from = excluded.held_from,
           month = CASE WHEN excluded.month > consent_suspension.month THEN excluded.month ELSE consent_suspension.month END",
    )
});

/// Notes that these apps are suspended until the month ends, and says which of them were not, by their spaces: an app that was
/// moved away and back was not.
pub(crate) async fn add(
    db: &mut Conn,
    exhausted: &BTreeMap<(SpaceName, AppName), Timestamp>,
    month: Month,
) -> Result<BTreeMap<SpaceName, BTreeSet<AppName>>, Error> {
    let exhausted: Vec<_> = exhausted.iter().map(|((space, app), since)| (*space, *app, *since)).collect();
    let known: Vec<(Uuid, Uuid, Timestamp)> =
        KNOWN.fetch_all(db, &exhausted, |(space, app, _)| [space.0.into(), app.0.into()]).await?;
    let is_known = |it: &(SpaceName, AppName, Timestamp)| known.contains(&(it.0.0, it.1.0, it.2));
    let row = |(space, app, since): &(SpaceName, AppName, Timestamp)| {
        [space.0.into(), app.0.into(), (*since).into(), month.to_string().into()]
    };
    PUT.execute(db, &exhausted, row).await?;
    let mut added = BTreeMap::<_, BTreeSet<_>>::new();
    for (space, app, _) in exhausted.iter().filter(|it| !is_known(it)) {
        added.entry(*space).or_default().insert(*app);
    }
    Ok(added)
}

/// Takes the suspended apps of a space out, those of before a month or all, in the order of their ids.
pub(crate) async fn take(
    db: &mut Conn,
    space: SpaceName,
    before: Option<Month>,
) -> Result<Vec<AppName>, Error> {
    let mut apps: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar("DELETE FROM consent_suspension WHERE space = $1 AND month < $2 RETURNING app")
            .bind(space.0)
            .bind(bound(before))
            .fetch_all(c)
            .await
    })?;
    apps.sort_unstable();
    Ok(apps.into_iter().map(AppName).collect())
}

static HOLDERS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["app", "month"],
        "SELECT c.space, c.app, c.month FROM wanted w JOIN consent_suspension c ON c.app = w.app AND c.month = w.month",
    )
});

/// The spaces in which these apps are suspended until the end of these months.
pub(crate) async fn holders(
    db: &mut Conn,
    apps: &[(AppName, Month)],
) -> Result<BTreeSet<(SpaceName, AppName, Month)>, Error> {
    let row = |(app, month): &(AppName, Month)| [app.0.into(), month.to_string().into()];
    let rows: Vec<(Uuid, Uuid, String)> = HOLDERS.fetch_all(db, apps, row).await?;
    let holder = |(space, app, name): (_, _, String)| Ok((SpaceName(space), AppName(app), month(&name)?));
    rows.into_iter().map(holder).collect()
}

static RELEASE: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "lifted",
        &["space", "app", "month"],
        "DELETE FROM consent_suspension WHERE (space, app, month) IN (SELECT space, app, month FROM lifted)
         RETURNING space, app",
    )
});

/// Takes out those of these apps that are suspended in these spaces until the end of that month, by their spaces.
pub(crate) async fn release(
    db: &mut Conn,
    lifted: &[(SpaceName, AppName, Month)],
) -> Result<BTreeMap<SpaceName, BTreeSet<AppName>>, Error> {
    let row = |(space, app, month): &(SpaceName, AppName, Month)| {
        [space.0.into(), app.0.into(), month.to_string().into()]
    };
    let rows: Vec<(Uuid, Uuid)> = RELEASE.fetch_all(db, lifted, row).await?;
    let mut released = BTreeMap::<_, BTreeSet<_>>::new();
    for (space, app) in rows {
        released.entry(SpaceName(space)).or_default().insert(AppName(app));
    }
    Ok(released)
}

/// Spaces after this one with apps that are suspended for a month before this, or for any, in the order of their ids.
pub(crate) async fn over(
    db: &mut Conn,
    before: Option<Month>,
    after: SpaceName,
    limit: i64,
) -> Result<Vec<SpaceName>, Error> {
    let spaces: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT DISTINCT space FROM consent_suspension WHERE month < $1 AND space > $2 ORDER BY space LIMIT $3",
        )
        .bind(bound(before))
        .bind(after.0)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(spaces.into_iter().map(SpaceName).collect())
}

/// What sorts after every month that is before this, or after all.
fn bound(before: Option<Month>) -> String {
    before.map_or("end".to_owned(), |month| month.to_string())
}
