//! Which space held an app, and when (R-B5).
use std::sync::LazyLock;

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

/// A time in which a space held an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) app: AppName,
    pub(crate) space: SpaceName,
    /// Inclusive.
    pub(crate) start: Timestamp,
    /// Exclusive. `None`: until now.
    pub(crate) end: Option<Timestamp>,
}

/// Notes who holds an app from now on, where that has changed.
pub(crate) async fn follow(
    db: &mut Conn,
    app: AppName,
    before: Option<SpaceName>,
    after: Option<SpaceName>,
    now: Timestamp,
) -> Result<(), Error> {
    if before == after {
        return Ok(());
    }
    if before.is_some() {
        end(db, app, now).await?;
    }
    match after {
        Some(space) => begin(db, app, space, now).await,
        None => Ok(()),
    }
}

async fn begin(db: &mut Conn, app: AppName, space: SpaceName, now: Timestamp) -> Result<(), Error> {
    // What began in this very moment has held the app for no time.
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO holding (app, start_time, space, end_time) VALUES ($1, $2, $3, NULL)
             ON CONFLICT (app, start_time) DO UPDATE SET space = excluded.space, end_time = NULL",
        )
        .bind(app.0)
        .bind(now)
        .bind(space.0)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

async fn end(db: &mut Conn, app: AppName, now: Timestamp) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query("UPDATE holding SET end_time = $2 WHERE app = $1 AND end_time IS NULL")
            .bind(app.0)
            .bind(now)
            .execute(c)
            .await
            .map(drop)
    })?;
    Ok(())
}

// The holdings of an app don't overlap. Two halves, each of which looks for one start: with both in one condition
// PostgreSQL would look at every holding of the app for every question.
static AROUND: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["id", "time"],
        "SELECT h.app, h.start_time, h.space, h.end_time
         FROM wanted w JOIN holding h ON h.app = w.id AND h.start_time =
           (SELECT MAX(b.start_time) FROM holding b WHERE b.app = w.id AND b.start_time <= w.time)
         UNION
         SELECT h.app, h.start_time, h.space, h.end_time
         FROM wanted w JOIN holding h ON h.app = w.id AND h.start_time =
           (SELECT MIN(a.start_time) FROM holding a WHERE a.app = w.id AND a.start_time > w.time)",
    )
});

/// Which spaces held these apps around these times: the last holding that began by then, and the first that began later; the
/// earliest first for each app.
pub(crate) async fn around(db: &mut Conn, questions: &[(AppName, Timestamp)]) -> Result<Vec<Holding>, Error> {
    type Row = (Uuid, Timestamp, Uuid, Option<Timestamp>);
    let rows: Vec<Row> =
        AROUND.fetch_all(db, questions, |(app, time)| [app.0.into(), (*time).into()]).await?;
    let holding =
        |(app, start, space, end)| Holding { app: AppName(app), space: SpaceName(space), start, end };
    let mut found: Vec<Holding> = rows.into_iter().map(holding).collect();
    // Of many questions each part is asked by itself.
    found.sort_unstable_by_key(|it| (it.app, it.start));
    found.dedup_by_key(|it| (it.app, it.start));
    Ok(found)
}
