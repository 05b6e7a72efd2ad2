//! Whether a server and a database are such that the suite can be right on them.
use sqlx::{
    Connection as _, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgRow},
    raw_sql,
};

use super::{ACQUIRE_TIMEOUT, CONNECTIONS, KEEPERS, row};
use crate::db::within;

/// The first version that has what is used: 15.0, as `server_version_num` says it.
const VERSION: i32 = 150_000;
/// Collations of the C library that sort by bytes, or by code points, which is the same in UTF-8.
const BYTEWISE: [&str; 4] = ["C", "POSIX", "C.UTF-8", "C.utf8"];
/// How often one connection looks whether it still is in the session in which it began.
const LOOKS: usize = 3;

/// Of the settings those without which answers would be wrong, late or lost, as `pg_settings` shows them. A pooler may
/// drop what a connection asks for and say nothing; they are then those of the role, the database or the server.
const NEEDED: &[(&str, &[&str])] = &[
    // Stronger than what is asked for is as good.
    ("synchronous_commit", &["on", "remote_apply"]),
    ("default_transaction_isolation", &["read committed"]),
    ("statement_timeout", &["0"]),
    ("idle_in_transaction_session_timeout", &["60000"]),
    ("plan_cache_mode", &["force_generic_plan"]),
    ("jit", &["off"]),
    ("enable_hashjoin", &["off"]),
    ("enable_mergejoin", &["off"]),
    ("enable_seqscan", &["off"]),
];

/// Connects twice and says what is wrong with the database, if something is.
pub(super) async fn check(options: &PgConnectOptions) -> Result<Option<String>, sqlx::Error> {
    let connect = || within(ACQUIRE_TIMEOUT, PgConnection::connect_with(options));
    let mut first = connect().await?;
    let looked = async {
        if let Some(reason) = look(&mut first).await? {
            return Ok(Some(reason));
        }
        let mut second = connect().await?;
        let mixed = are_mixed(&mut first, &mut second).await;
        second.close().await?;
        Ok(mixed?.then(|| MIXED.to_owned()))
    };
    let found = within(ACQUIRE_TIMEOUT * 2, looked).await;
    first.close().await?;
    found
}

const MIXED: &str = "its connections are mixed up by a pooler that gives each transaction another one, in which prepared \
                     statements and settings are not its own: connect directly, or by a pool whose mode is session";

/// What is wrong with the server, the database or the settings of this connection.
async fn look(conn: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let version: i32 = row(conn, "SELECT current_setting('server_version_num')::int").await?.try_get(0)?;
    if version < VERSION {
        return Ok(Some(format!("the server is PostgreSQL {}, and 15 or later is needed", version / 10_000)));
    }
    let database = row(
        conn,
        "SELECT pg_encoding_to_char(d.encoding) AS encoding, d.datlocprovider::text AS provider, d.datcollate AS collation,
            COALESCE(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', d.datcollate) AS locale
         FROM pg_database d WHERE d.datname = current_database()",
    )
    .await?;
    if let Some(reason) = unsorted(&database)? {
        return Ok(Some(reason));
    }
    if let Some(reason) = unset(conn).await? {
        return Ok(Some(reason));
    }
    too_few(conn).await
}

/// Whether names sort otherwise than by their bytes. Lists of several services are merged by the bytes of names.
fn unsorted(database: &PgRow) -> Result<Option<String>, sqlx::Error> {
    let text = |column| database.try_get::<String, _>(column);
    let (encoding, provider, locale) = (text("encoding")?, text("provider")?, text("locale")?);
    if encoding != "UTF8" {
        return Ok(Some(format!("its encoding is {encoding}, and must be UTF8: {REMADE}")));
    }
    let bytewise = match provider.as_str() {
        // All of PostgreSQL's own sort by code points.
        "b" => true,
        "c" => BYTEWISE.contains(&text("collation")?.as_str()),
        _ => false,
    };
    let reason =
        format!("its collation is {locale}, and must be C, so that names sort by their bytes: {REMADE}");
    Ok((!bytewise).then_some(reason))
}

/// What to do about a database that was made otherwise.
const REMADE: &str = "make it anew with `createdb --locale=C --encoding=UTF8 --template=template0`, and restore a dump \
                      into that if it holds anything";

/// Whether a setting that is needed is not what was asked for.
async fn unset(conn: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let settings = raw_sql("SELECT name, setting FROM pg_settings").fetch_all(conn).await?;
    for setting in settings {
        let (name, value): (String, String) = (setting.try_get("name")?, setting.try_get("setting")?);
        let needed = NEEDED.iter().find(|needed| needed.0 == name);
        if let Some((_, [wanted, ..])) = needed.filter(|needed| !needed.1.contains(&value.as_str())) {
            return Ok(Some(format!(
                "{name} is '{value}' although '{wanted}' was asked for: a pooler drops what connections ask for. Connect \
                 directly, or set this and the other settings by ALTER ROLE … SET"
            )));
        }
    }
    Ok(None)
}

/// Whether the pools can never have their connections.
async fn too_few(conn: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let limits = row(
        conn,
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - COALESCE(current_setting('reserved_connections', true)::int, 0) AS server,
            (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS database,
            (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS role,
            (SELECT sum(numbackends)::int FROM pg_stat_database) AS in_use",
    )
    .await?;
    let limit = |of| limits.try_get::<i32, _>(of).map(i64::from);
    let (needed, server) = (i64::from(CONNECTIONS.0 + CONNECTIONS.1 + KEEPERS), limit("server")?);
    for (of, whose) in [("server", "the server"), ("database", "the database"), ("role", "the role")] {
        let limit = limit(of)?;
        // A database or a role with -1 has no limit of its own, and one with less takes no connection at all.
        if (0..needed).contains(&limit) {
            return Ok(Some(format!(
                "{whose} allows {limit} connections, and each process needs up to {needed} for each of its services"
            )));
        }
    }
    let in_use = limit("in_use")?;
    if in_use + needed > server {
        tracing::warn!(
            in_use,
            needed,
            allowed = server,
            "the server may run out of connections: raise max_connections"
        );
    }
    Ok(None)
}

/// Whether what one connection sets for its session is seen by another, or is not seen by itself.
async fn are_mixed(one: &mut PgConnection, other: &mut PgConnection) -> Result<bool, sqlx::Error> {
    const OWN: &str = "SELECT COALESCE(current_setting('devspaces.session', true), '')";
    let set = "SELECT set_config('devspaces.session', gen_random_uuid()::text, false)";
    let own: String = row(one, set).await?.try_get(0)?;
    raw_sql("BEGIN").execute(&mut *other).await?;
    // A pooler's next transaction begins in the session that was let go last; that session is then taken, and the first
    // connection gets another one.
    let mut mixed = row(other, OWN).await?.try_get::<String, _>(0)? == own;
    for _ in 0..LOOKS {
        mixed = mixed || row(one, OWN).await?.try_get::<String, _>(0)? != own;
    }
    raw_sql("ROLLBACK").execute(other).await?;
    Ok(mixed)
}
