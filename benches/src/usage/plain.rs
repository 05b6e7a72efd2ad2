use std::{collections::HashMap, fmt::Write as _};

use devspaces::Service;
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use devspaces_ledger::db::Pool;
use devspaces_proto::billing::v1::UsageEvent;
use devspaces_tests::{Engine, Suite, engine::temporary_folder};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;

/// A row as the service stores it.
pub(crate) struct Row {
    id: String,
    app: AppName,
    meter: String,
    quantity: String,
    time: Timestamp,
    dimensions: String,
    space: SpaceName,
    /// Of the batch.
    sequence: i64,
}

/// How many rows an INSERT writes on SQLite, where one of many more takes longer than several.
const AT_ONCE: usize = 100;

const COPY: &str = "COPY plain (id, app, meter, quantity, time, space, dimensions, held_from, billable, sequence) FROM STDIN";
/// How much of a COPY is sent at once.
const PIECE: usize = 16 * 1024;

/// A table like that of the events, with its indexes, written in the quickest way that the driver has: by COPY on PostgreSQL, by INSERTs of
/// many rows in one transaction on SQLite. Nothing is looked up, compared or added.
///
/// On SQLite it has a file of its own: a second writer would have the service read anew each time what it keeps at hand.
pub(crate) struct Plain {
    pool: Pool,
    _folder: TempDir,
}

impl Plain {
    /// Beside a suite's billing service.
    pub(crate) async fn of(suite: &Suite) -> Self {
        let folder = temporary_folder();
        let pool = match suite.engine() {
            Engine::Sqlite => {
                let url = format!("sqlite:{}", folder.path().join("plain.db").display());
                Pool::open(&url).await.expect("a file of its own")
            }
            Engine::Postgres => suite.pool(Service::Billing).await,
        };
        match &pool {
            Pool::Sqlite { write, .. } => {
                let table = "CREATE TABLE plain (id TEXT NOT NULL PRIMARY KEY, app UUID NOT NULL, meter TEXT NOT NULL,
                             quantity TEXT NOT NULL, time TIMESTAMPTZ NOT NULL, space UUID NOT NULL,
                             dimensions TEXT NOT NULL, held_from TIMESTAMPTZ, billable BOOLEAN,
                             sequence BIGINT NOT NULL)";
                sqlx::query(table).execute(write).await.expect("a table");
                let index = "CREATE INDEX plain_in_order ON plain (space, sequence, id)";
                sqlx::query(index).execute(write).await.expect("an index");
            }
            Pool::Postgres(server) => {
                let table = "CREATE TABLE plain (LIKE usage_event INCLUDING ALL)";
                sqlx::query(table).execute(&server.main()).await.expect("a table");
            }
        }
        Self { pool, _folder: folder }
    }

    /// The rows of these events, of apps that these spaces hold.
    pub(crate) fn rows(
        events: &[UsageEvent],
        holders: &HashMap<String, SpaceName>,
        sequence: i64,
    ) -> Vec<Row> {
        let row = |event: &UsageEvent| Row {
            id: event.id.clone(),
            app: event.app.parse().expect("an app"),
            meter: event.meter.clone(),
            quantity: event.quantity.clone(),
            time: event.time.expect("a time").try_into().expect("a time"),
            dimensions: {
                let pairs = event.dimensions.iter().map(|(name, value)| format!(r#""{name}":"{value}""#));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
            },
            space: holders[&event.app],
            sequence,
        };
        events.iter().map(row).collect()
    }

    /// Writes rows, and makes them durable.
    pub(crate) async fn write(&self, rows: &[Row]) {
        match &self.pool {
            Pool::Sqlite { write, .. } => {
                let mut tx = write.begin().await.expect("a transaction");
                for rows in rows.chunks(AT_ONCE) {
                    let sql = format!(
                        "INSERT INTO plain VALUES {}",
                        ["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"].repeat(rows.len()).join(", ")
                    );
                    let mut query = sqlx::query(AssertSqlSafe(sql));
                    for Row { id, app, meter, quantity, time, dimensions, space, sequence } in rows {
                        query =
                            query.bind(id).bind(app.0).bind(meter).bind(quantity).bind(*time).bind(space.0);
                        query = query.bind(dimensions).bind(*time).bind(true).bind(sequence);
                    }
                    query.execute(&mut *tx).await.expect("written");
                }
                tx.commit().await.expect("durable");
            }
            Pool::Postgres(server) => {
                let mut text = String::with_capacity(rows.len() * 256);
                for Row { id, app, meter, quantity, time, dimensions, space, sequence } in rows {
                    let of_event = format!("{id}\t{}\t{meter}\t{quantity}\t{time}", app.0);
                    writeln!(text, "{of_event}\t{}\t{dimensions}\t{time}\tt\t{sequence}", space.0)
                        .expect("a line");
                }
                let mut connection = server.main().acquire().await.expect("a connection");
                let mut copy = connection.copy_in_raw(COPY).await.expect("a copy");
                for piece in text.as_bytes().chunks(PIECE) {
                    copy.send(piece).await.expect("sent");
                }
                copy.finish().await.expect("written");
            }
        }
    }
}
