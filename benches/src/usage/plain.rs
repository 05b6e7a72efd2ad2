use std::fmt::Write as _;

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use devspaces_ledger::db::Pool;
use devspaces_proto::billing::v1::UsageEvent;
use sqlx::AssertSqlSafe;

/// A row as the service stores it, of nothing but what the event says.
pub(crate) struct Row {
    id: String,
    app: AppName,
    meter: String,
    quantity: String,
    time: Timestamp,
    dimensions: String,
}

/// How many rows an INSERT writes on SQLite, where one of many more takes longer than several.
const AT_ONCE: usize = 100;

/// A table like that of the events, written in the quickest way that the driver has: by COPY on PostgreSQL, by INSERTs of
/// many rows in one transaction on SQLite. Nothing is looked up, compared or added.
pub(crate) struct Plain {
    pool: Pool,
}

impl Plain {
    pub(crate) async fn of(pool: Pool) -> Self {
        match &pool {
            Pool::Sqlite { write, .. } => {
                let table = "CREATE TABLE plain (id TEXT NOT NULL PRIMARY KEY, app UUID NOT NULL, meter TEXT NOT NULL,
                             quantity TEXT NOT NULL, time TIMESTAMPTZ NOT NULL, space UUID NOT NULL,
                             dimensions TEXT NOT NULL)";
                sqlx::query(table).execute(write).await.expect("a table");
            }
            Pool::Postgres { main, .. } => {
                let table = "CREATE TABLE plain (LIKE usage_event INCLUDING ALL)";
                sqlx::query(table).execute(main).await.expect("a table");
            }
        }
        Self { pool }
    }

    pub(crate) fn rows(events: &[UsageEvent]) -> Vec<Row> {
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
        };
        events.iter().map(row).collect()
    }

    /// Writes rows, and makes them durable.
    pub(crate) async fn write(&self, rows: &[Row]) {
        let space = SpaceName(rows[0].app.0).0;
        match &self.pool {
            Pool::Sqlite { write, .. } => {
                let mut tx = write.begin().await.expect("a transaction");
                for rows in rows.chunks(AT_ONCE) {
                    let sql = format!(
                        "INSERT INTO plain VALUES {}",
                        ["(?, ?, ?, ?, ?, ?, ?)"].repeat(rows.len()).join(", ")
                    );
                    let mut query = sqlx::query(AssertSqlSafe(sql));
                    for Row { id, app, meter, quantity, time, dimensions } in rows {
                        query = query.bind(id).bind(app.0).bind(meter).bind(quantity).bind(*time).bind(space);
                        query = query.bind(dimensions);
                    }
                    query.execute(&mut *tx).await.expect("written");
                }
                tx.commit().await.expect("durable");
            }
            Pool::Postgres { main, .. } => {
                let mut text = String::with_capacity(rows.len() * 200);
                for Row { id, app, meter, quantity, time, dimensions } in rows {
                    writeln!(text, "{id}\t{}\t{meter}\t{quantity}\t{time}\t{space}\t{dimensions}", app.0)
                        .expect("a line");
                }
                let mut connection = main.acquire().await.expect("a connection");
                let mut copy = connection.copy_in_raw("COPY plain FROM STDIN").await.expect("a copy");
                copy.send(text.into_bytes()).await.expect("sent");
                copy.finish().await.expect("written");
            }
        }
    }
}
