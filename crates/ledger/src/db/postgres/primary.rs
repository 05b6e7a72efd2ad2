//! Finding the server that takes writes among those that a URL names.
use futures::stream::{FuturesUnordered, StreamExt as _};
use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgConnectOptions, raw_sql};

use super::{ACQUIRE_TIMEOUT, lease::Timeline, row};
use crate::db::{in_time, within};

/// A connection to a server that takes writes.
pub(super) struct Primary {
    pub(super) conn: PgConnection,
    pub(super) options: PgConnectOptions,
    pub(super) timeline: Timeline,
}

/// The timeline on which a server takes writes; none of a standby. The name of the log's file begins with it; what the
/// control file says is older for a while after a promotion.
const TIMELINE: &str =
    "SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_walfile_name(pg_current_wal_insert_lsn()) END";

/// Writes to the log and changes nothing, so that there is a commit to be confirmed.
const COMMIT: &str = "SELECT pg_logical_emit_message(true, 'devspaces', '')";

pub(super) async fn timeline(conn: &mut PgConnection) -> Result<Option<Timeline>, sqlx::Error> {
    let file: Option<String> = row(conn, TIMELINE).await?.try_get(0)?;
    let number = file.map(|file| Timeline::from_str_radix(file.get(..8).unwrap_or_default(), 16));
    number.transpose().map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Refuses a server that does not take writes on this timeline.
pub(super) async fn must_be_on(conn: &mut PgConnection, expected: Timeline) -> Result<(), sqlx::Error> {
    match timeline(conn).await? {
        Some(found) if found == expected => Ok(()),
        Some(_) => Err(not_the_primary("the server is another primary")),
        None => Err(not_the_primary("the server is a standby")),
    }
}

/// Has a commit confirmed by the server, and by its synchronous standby if it has one.
pub(super) async fn confirm(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    // Carried through to its end: the first row comes before the commit.
    in_time(async { raw_sql(COMMIT).execute(conn).await.map(drop) }).await
}

fn not_the_primary(what: &str) -> sqlx::Error {
    std::io::Error::new(std::io::ErrorKind::NotConnected, what).into()
}

async fn connect(options: PgConnectOptions) -> Result<Primary, sqlx::Error> {
    let reach = async {
        let mut conn = PgConnection::connect_with(&options).await?;
        match timeline(&mut conn).await? {
            Some(timeline) => Ok((conn, timeline)),
            None => Err(not_the_primary("the server is a standby")),
        }
    };
    let (conn, timeline) = within(ACQUIRE_TIMEOUT, reach).await?;
    Ok(Primary { conn, options, timeline })
}

/// The primary: the first to answer on a later timeline than any that is known, or else the one on the latest. Where two
/// take themselves for it, the earlier one was replaced.
pub(super) async fn find(hosts: &[PgConnectOptions], known: Timeline) -> Result<Primary, sqlx::Error> {
    let mut answers: FuturesUnordered<_> = hosts.iter().cloned().map(connect).collect();
    let mut best: Result<Primary, _> = Err(not_the_primary("no host is named"));
    while let Some(answer) = answers.next().await {
        match (answer, &best) {
            (Ok(found), _) if found.timeline > known => return Ok(found),
            (Ok(found), Ok(other)) if found.timeline <= other.timeline => {}
            (Err(_), Ok(_)) => {}
            (answer, _) => best = answer,
        }
    }
    best
}
