//! What is set aside for apps (R-E5). A reservation counts as long as its row is there.
use std::{collections::HashMap, sync::LazyLock};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, ReservationName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use super::stored::{decimal, month, tariff};
use crate::domain::{Month, reservation::Reservation};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    space: Uuid,
    app: Uuid,
    held_from: Timestamp,
    month: String,
    tariff: String,
    remaining: String,
    end_time: Timestamp,
}

impl TryFrom<Row> for Reservation {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            name: ReservationName(row.id),
            space: SpaceName(row.space),
            app: AppName(row.app),
            held_from: row.held_from,
            month: month(&row.month)?,
            tariff: tariff(&row.tariff)?,
            remaining: decimal(&row.remaining)?,
            end_time: row.end_time,
        })
    }
}

/// Adds a reservation.
pub(crate) async fn add(db: &mut Conn, it: &Reservation) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "INSERT INTO reservation (id, space, app, held_from, month, tariff, remaining, end_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    )
    .bind(it.name.0)
    .bind(it.space.0)
    .bind(it.app.0)
    .bind(it.held_from)
    .bind(it.month.to_string())
    .bind(it.tariff.to_string())
    .bind(it.remaining.to_string())
    .bind(it.end_time)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

static OF_NAMES: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["id"],
        "SELECT DISTINCT r.id, r.space, r.app, r.held_from, r.month, r.tariff, r.remaining, r.end_time
         FROM wanted w JOIN reservation r ON r.id = w.id",
    )
});

/// Those of these reservations that there are.
pub(crate) async fn of_names(
    db: &mut Conn,
    names: &[ReservationName],
) -> Result<HashMap<ReservationName, Reservation>, Error> {
    let rows: Vec<Row> = OF_NAMES.fetch_all(db, names, |name| [name.0.into()]).await?;
    rows.into_iter().map(|row| Ok((ReservationName(row.id), row.try_into()?))).collect()
}

/// The apps for which something is set aside in a space for a month.
pub(crate) async fn apps_in(db: &mut Conn, space: SpaceName, month: Month) -> Result<Vec<AppName>, Error> {
    let apps: Vec<Uuid> = on!(db, |c| sqlx::query_scalar(
        "SELECT DISTINCT app FROM reservation WHERE space = $1 AND month = $2"
    )
    .bind(space.0)
    .bind(month.to_string())
    .fetch_all(c)
    .await)?;
    Ok(apps.into_iter().map(AppName).collect())
}

static OF_APPS: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["app", "month"],
        "SELECT DISTINCT r.id, r.space, r.app, r.held_from, r.month, r.tariff, r.remaining, r.end_time
         FROM wanted w JOIN reservation r ON r.app = w.app AND r.month = w.month AND r.remaining <> '0'",
    )
});

/// What is still set aside for these apps in these months, whichever spaces held them.
pub(crate) async fn of_apps(db: &mut Conn, apps: &[(AppName, Month)]) -> Result<Vec<Reservation>, Error> {
    let row = |(app, month): &(AppName, Month)| [app.0.into(), month.to_string().into()];
    let rows: Vec<Row> = OF_APPS.fetch_all(db, apps, row).await?;
    rows.into_iter().map(Reservation::try_from).collect()
}

/// How many reservations a space has of which something is left.
pub(crate) async fn count(db: &mut Conn, space: SpaceName) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar(
        "SELECT COUNT(*) FROM reservation WHERE space = $1 AND remaining <> '0'"
    )
    .bind(space.0)
    .fetch_one(c)
    .await)?)
}

static PUT_REMAINING: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "changed",
        &["id", "remaining"],
        "UPDATE reservation SET remaining = changed.remaining FROM changed WHERE reservation.id = changed.id",
    )
});

/// Stores what is left of these reservations.
pub(crate) async fn put_remaining(db: &mut Conn, changed: &[Reservation]) -> Result<(), Error> {
    let row = |it: &Reservation| [it.name.0.into(), it.remaining.to_string().into()];
    PUT_REMAINING.execute(db, changed, row).await.map(drop)
}

/// Removes a reservation.
pub(crate) async fn remove(db: &mut Conn, name: ReservationName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM reservation WHERE id = $1")
        .bind(name.0)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Removes the reservations of a space that have ended by a time.
pub(crate) async fn remove_ended(db: &mut Conn, space: SpaceName, now: Timestamp) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM reservation WHERE space = $1 AND end_time <= $2")
        .bind(space.0)
        .bind(now)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}

/// Spaces after this one with reservations that have ended by a time, in the order of their ids.
pub(crate) async fn with_ended(
    db: &mut Conn,
    now: Timestamp,
    after: SpaceName,
    limit: i64,
) -> Result<Vec<SpaceName>, Error> {
    let spaces: Vec<Uuid> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT DISTINCT space FROM reservation WHERE end_time <= $1 AND space > $2 ORDER BY space LIMIT $3",
        )
        .bind(now)
        .bind(after.0)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(spaces.into_iter().map(SpaceName).collect())
}
