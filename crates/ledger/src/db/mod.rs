//! Storage: one SQL text, two engines. SQLite is the embedded default, PostgreSQL the production engine.
//!
//! SQL is portable by rule: `$1` parameters, `ON CONFLICT … RETURNING`, no engine functions, no `FOR UPDATE`.
//! Decimals are TEXT columns, sort keys are NOT NULL, and every column of time holds a
//! [`Timestamp`](devspaces_kit::clock::Timestamp).
//!
//! A statement has one plan, whatever its parameters are and however much is stored, so it is written such that every
//! plan but the good one is plainly worse (docs/scale.md shows what happens otherwise):
//! - A list reads an index in the index's own order, `WHERE scope = $1 AND key > $2 ORDER BY key LIMIT $3`. An optional
//!   filter has a text of its own.
//! - Whether there is any such row is asked as `ORDER BY key LIMIT 1`, never without an order, and by EXISTS only where an
//!   index holds just the rows in question.
//! - What is looked up of each row of a list is a scalar subquery and not a join, unless they are the rows of a [`RowsSql`].
mod backup;
mod error;
mod migrate;
mod open;
mod open_error;
mod postgres;
mod rows;
mod sqlite;
mod union;

use std::{io, time::Duration};

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction, pool::PoolConnection};
use tokio::time::timeout;

pub use self::{
    backup::{Backup, BackupError},
    error::Error,
    migrate::{Migration, SCHEMA, is_current, migrate},
    open_error::OpenError,
    postgres::{Server, hosts_without_tls},
    rows::{RowsSql, Value},
    sqlite::{FolderLock, make_folder},
    union::UnionSql,
};

/// The connections to one service's database.
#[derive(Clone, Debug)]
pub enum Pool {
    /// An embedded file. SQLite has one writer, so writing has one connection.
    Sqlite {
        /// The one connection that writes.
        write: SqlitePool,
        /// Reads of handlers.
        read: SqlitePool,
        /// Reads of facts, so that no handler keeps a check waiting.
        facts: SqlitePool,
    },
    /// PostgreSQL, 15 or later. Nothing is read from a server that can't show that it still is the primary.
    Postgres(Server),
}

impl Pool {
    /// A connection for reading, each statement on its own.
    pub async fn read(&self) -> Result<Conn, Error> {
        Ok(match self {
            Self::Sqlite { read, .. } => Conn::Sqlite(read.acquire().await?),
            Self::Postgres(server) => Conn::Postgres(server.pools().await?.main.acquire().await?),
        })
    }

    /// A connection for reading facts: these have connections of their own.
    pub async fn facts(&self) -> Result<Conn, Error> {
        Ok(match self {
            Self::Sqlite { facts, .. } => Conn::Sqlite(facts.acquire().await?),
            Self::Postgres(server) => Conn::Postgres(server.pools().await?.facts.acquire().await?),
        })
    }

    /// A connection for writing single statements outside any scope, such as the outbox's book-keeping.
    pub(crate) async fn write(&self) -> Result<Conn, Error> {
        Ok(match self {
            Self::Sqlite { write, .. } => Conn::Sqlite(write.acquire().await?),
            Self::Postgres(server) => Conn::Postgres(server.pools().await?.main.acquire().await?),
        })
    }

    pub(crate) async fn transaction(&self) -> Result<Conn, Error> {
        Ok(match self {
            // A deferred transaction that reads first can fail to become a writer; an immediate one waits its turn.
            Self::Sqlite { write, .. } => Conn::SqliteTx(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(server) => Conn::PostgresTx(in_time(server.pools().await?.main.begin()).await?),
        })
    }

    /// How many connections each of the pools has, by what they are for.
    pub(crate) fn connections(&self) -> Vec<(&'static str, Connections)> {
        match self {
            Self::Sqlite { write, read, facts } => {
                vec![
                    ("write", connections(write)),
                    ("read", connections(read)),
                    ("facts", connections(facts)),
                ]
            }
            Self::Postgres(server) => {
                vec![("main", connections(&server.main())), ("facts", connections(&server.facts()))]
            }
        }
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read, facts } => {
                read.close().await;
                facts.close().await;
                write.close().await;
            }
            Self::Postgres(server) => server.close().await,
        }
    }
}

/// How many connections a pool has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connections {
    /// Those that are open.
    pub(crate) open: u32,
    /// Those of the open ones that nobody uses.
    pub(crate) idle: u32,
    /// As many as there may be.
    pub(crate) limit: u32,
}

fn connections<E: sqlx::Database>(pool: &sqlx::Pool<E>) -> Connections {
    Connections {
        open: pool.size(),
        idle: u32::try_from(pool.num_idle()).unwrap_or(u32::MAX),
        limit: pool.options().get_max_connections(),
    }
}

/// A connection, or the transaction that is open on it. Run SQL on it with [`on!`](crate::on).
#[derive(Debug)]
pub enum Conn {
    /// SQLite, each statement on its own.
    Sqlite(PoolConnection<Sqlite>),
    /// SQLite, in a transaction.
    SqliteTx(Transaction<'static, Sqlite>),
    /// PostgreSQL, each statement on its own.
    Postgres(PoolConnection<Postgres>),
    /// PostgreSQL, in a transaction.
    PostgresTx(Transaction<'static, Postgres>),
}

/// The engine's own connection type, for [`on!`](crate::on).
#[derive(Debug)]
pub enum Engine<'c> {
    /// SQLite.
    Sqlite(&'c mut SqliteConnection),
    /// PostgreSQL.
    Postgres(&'c mut PgConnection),
}

impl Conn {
    /// The engine's own connection.
    pub fn engine(&mut self) -> Engine<'_> {
        match self {
            Self::Sqlite(conn) => Engine::Sqlite(conn),
            Self::SqliteTx(tx) => Engine::Sqlite(tx),
            Self::Postgres(conn) => Engine::Postgres(conn),
            Self::PostgresTx(tx) => Engine::Postgres(tx),
        }
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self {
            Self::SqliteTx(tx) => tx.commit().await?,
            Self::PostgresTx(tx) => in_time(tx.commit()).await?,
            Self::Sqlite(_) | Self::Postgres(_) => {}
        }
        Ok(())
    }

    pub(crate) async fn rollback(self) -> Result<(), Error> {
        match self {
            Self::SqliteTx(tx) => tx.rollback().await?,
            Self::PostgresTx(tx) => in_time(tx.rollback()).await?,
            Self::Sqlite(_) | Self::Postgres(_) => {}
        }
        Ok(())
    }
}

/// How long PostgreSQL may take to answer a statement, waiting for other transactions included. A server that is gone
/// without a word, with its machine or behind a network that is cut, would be waited for without an end: whoever only
/// waits for an answer has nothing to send, and so nothing that could fail to arrive.
const ANSWER: Duration = Duration::from_secs(20);

/// The result of a statement, unless the server says nothing for too long. Whether the statement was carried out is then
/// unknown, as it is whenever a connection breaks.
#[doc(hidden)]
pub async fn in_time<T>(statement: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    within(ANSWER, statement).await
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let silent = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer").into());
    timeout(limit, answer).await.unwrap_or_else(silent)
}

/// Runs one sqlx expression on whichever engine a connection or transaction is of. The expression is compiled once
/// for each: `on!(db, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await)`. On PostgreSQL it has 20 s.
#[macro_export]
macro_rules! on {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db.engine() {
            $crate::db::Engine::Sqlite($c) => $body,
            $crate::db::Engine::Postgres($c) => $crate::db::in_time(async { $body }).await,
        }
    };
}
