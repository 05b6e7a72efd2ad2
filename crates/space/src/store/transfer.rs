//! The transfer table. What is read from it is as at the time given: nobody has to note that a transfer has expired (R-A7).
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName, TransferName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::domain::{Transfer, TransferState};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    app: Uuid,
    app_display_name: String,
    source: Uuid,
    destination: Uuid,
    initiator: String,
    state: String,
    create_time: Timestamp,
    expire_time: Timestamp,
    end_time: Option<Timestamp>,
    revision: i64,
}

impl TryFrom<Row> for Transfer {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let known = TransferState::ALL.into_iter().find(|state| state.name() == row.state);
        // The table's CHECK allows no other.
        let state =
            known.ok_or_else(|| Error::from(sqlx::Error::Decode("an unknown state is stored".into())))?;
        let Row { app_display_name, create_time, expire_time, end_time, revision, .. } = row;
        Ok(Self {
            name: TransferName(row.id),
            app: AppName(row.app),
            app_display_name,
            source: SpaceName(row.source),
            destination: SpaceName(row.destination),
            initiator: UserName::from_stored(row.initiator),
            state,
            create_time,
            expire_time,
            end_time,
            revision,
        })
    }
}

const TRANSFERS: &str =
    "SELECT id, app, app_display_name, source, destination, initiator, state, create_time, expire_time,
      end_time, revision
    FROM transfer";

fn select(rest: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("{TRANSFERS} WHERE {rest}"))
}

/// A transfer.
pub(crate) async fn find(
    db: &mut Conn,
    name: TransferName,
    now: Timestamp,
) -> Result<Option<Transfer>, Error> {
    let row: Option<Row> =
        on!(db, |c| sqlx::query_as(select("id = $1")).bind(name.0).fetch_optional(c).await)?;
    Ok(row.map(Transfer::try_from).transpose()?.map(|transfer| transfer.at(now)))
}

/// The transfer of an app that nobody has ended: it is pending, or has expired. There is one at most.
pub(crate) async fn last_open(
    db: &mut Conn,
    app: AppName,
    now: Timestamp,
) -> Result<Option<Transfer>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as(select("app = $1 AND state = 'PENDING'")).bind(app.0).fetch_optional(c).await
    })?;
    Ok(row.map(Transfer::try_from).transpose()?.map(|transfer| transfer.at(now)))
}

/// The pending transfer of an app.
pub(crate) async fn pending(db: &mut Conn, app: AppName, now: Timestamp) -> Result<Option<Transfer>, Error> {
    Ok(last_open(db, app, now).await?.filter(Transfer::is_pending))
}

/// Stores a transfer, in place of what was stored of it.
pub(crate) async fn put(db: &mut Conn, transfer: &Transfer) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO transfer (id, app, app_display_name, source, destination, initiator, state, create_time,
               expire_time, end_time, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (id) DO UPDATE SET state = excluded.state, end_time = excluded.end_time,
               revision = excluded.revision",
        )
        .bind(transfer.name.0)
        .bind(transfer.app.0)
        .bind(&transfer.app_display_name)
        .bind(transfer.source.0)
        .bind(transfer.destination.0)
        .bind(transfer.initiator.id())
        .bind(transfer.state.name())
        .bind(transfer.create_time)
        .bind(transfer.expire_time)
        .bind(transfer.end_time)
        .bind(transfer.revision)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}

/// Removes all transfers of an app.
pub(crate) async fn remove_all(db: &mut Conn, app: AppName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM transfer WHERE app = $1").bind(app.0).execute(c).await.map(drop))?;
    Ok(())
}

/// The transfers from and to a space after one, oldest first; all of them, or those that are pending. Two halves, each of
/// which is read from an index: a transfer is in one of them, since its spaces differ.
pub(crate) async fn list(
    db: &mut Conn,
    space: SpaceName,
    pending_only: bool,
    after: TransferName,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Transfer>, Error> {
    let half = |side: &str| {
        let of_side =
            format!("{side} = $1 AND id > $2 AND ($4 = FALSE OR (state = 'PENDING' AND expire_time > $5))");
        format!("SELECT * FROM ({TRANSFERS} WHERE {of_side} ORDER BY id LIMIT $3) AS by_{side}")
    };
    let sql = format!("{} UNION ALL {} ORDER BY id LIMIT $3", half("source"), half("destination"));
    let rows: Vec<Row> = on!(db, |c| {
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(space.0)
            .bind(after.0)
            .bind(limit)
            .bind(pending_only)
            .bind(now)
            .fetch_all(c)
            .await
    })?;
    rows.into_iter().map(|row| Ok(Transfer::try_from(row)?.at(now))).collect()
}
