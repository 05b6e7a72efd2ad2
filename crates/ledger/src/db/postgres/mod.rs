//! Connections to PostgreSQL: to whichever server is the primary, for as long as it can show that it is.
mod fitness;
mod hosts;
mod lease;
mod primary;
mod server;

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgRow, raw_sql};

pub use self::{hosts::hosts_without_tls, server::Server};
use super::{OpenError, Pool, open_error::told};

/// How long a call waits for a connection before it answers UNAVAILABLE.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection that is given back to its pool may take to show that it is alive.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections for handlers, and for facts: two Revalidate calls of each of three peers may be under way at once.
const CONNECTIONS: (u32, u32) = (15, 6);
/// As many more as are used to see whether the primary still is one.
const KEEPERS: u32 = 1;

/// What each connection asks of the server.
const SETTINGS: &[(&str, &str)] = &[
    // A reply says that the change is durable, whatever the server's default is.
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
    // A limit that an operator sets for all roles would end what takes its time, such as the verification of a journal.
    ("statement_timeout", "0"),
    // A process that freezes within a transaction holds its scopes: not for as long as TCP keeps hoping.
    ("idle_in_transaction_session_timeout", "60s"),
    // Nor does one whose machine or network is gone without a word.
    ("tcp_user_timeout", "20s"),
    ("tcp_keepalives_idle", "10s"),
    ("tcp_keepalives_interval", "5s"),
    ("tcp_keepalives_count", "2"),
    // Also while it waits for a lock, where it would not look.
    ("client_connection_check_interval", "10s"),
    // A statement has one plan, made without its parameters' values: rules of SQL (see ledger::db) see to it that one
    // fits all. Left to itself the server takes a page's size for a tenth of what there is, finds plans for the
    // values at hand cheaper, and makes a new one for each call: that costs more than the statement.
    ("plan_cache_mode", "force_generic_plan"),
    // For the same reason it may find a plan dear enough to compile it first.
    ("jit", "off"),
    // All joins look up by key what goes with some given keys. The server would rather read a whole table, as long as
    // that has some ten thousand rows at most, and takes several times as long.
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // Nor of a table that was small when the plan was made: it takes the rows of an array for ten, and would go through
    // the whole table for each of a thousand until it looks at the table again.
    ("enable_seqscan", "off"),
];

/// So a pooler begins what it says to who asks for what it does not pass on.
const UNASKED: &str = "unsupported startup parameter";
const NOT_PASSED_ON: &str = "a pooler does not pass on what connections ask for: connect directly, or by a pool of session mode \
                             that ignores options and extra_float_digits, with the settings given by ALTER ROLE … SET";

/// Whether no transaction is open on a connection: one that was given up while it began may be, and sqlx does not know.
async fn is_at_rest(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // In a transaction it is the time of an earlier statement. By the simple protocol, in which a statement has one time.
    raw_sql("SELECT now() = statement_timestamp()").fetch_one(conn).await?.try_get(0)
}

/// Connects; to a database that the services are to run on only if it is fit for that.
pub(super) async fn open(url: &str, must_be_fit: bool) -> Result<Pool, OpenError> {
    let hosts = hosts::hosts(url)?;
    let database = hosts.first().and_then(|host| host.get_database()).unwrap_or("postgres").to_owned();
    let refused = |error: sqlx::Error| {
        let database = database.clone();
        if told(&error).starts_with(UNASKED) {
            return OpenError::Unfit { database, reason: NOT_PASSED_ON.to_owned() };
        }
        OpenError::Refused { database, error }
    };
    // By connections of its own: a pool goes on trying, and in the end says only that it took too long.
    let found = primary::find(&hosts, lease::Timeline::MAX).await.map_err(refused)?;
    if !must_be_fit {
        let server = Server::as_it_is(&found);
        found.conn.close().await.map_err(refused)?;
        return Ok(Pool::Postgres(server));
    }
    if let Some(reason) = fitness::check(&found.options).await.map_err(refused)? {
        return Err(OpenError::Unfit { database, reason });
    }
    Server::kept(hosts, found).await.map(Pool::Postgres).map_err(refused)
}

async fn row(conn: &mut PgConnection, sql: &'static str) -> Result<PgRow, sqlx::Error> {
    // By the simple protocol: a prepared statement is what a pooler may lose.
    raw_sql(sql).fetch_one(conn).await
}
