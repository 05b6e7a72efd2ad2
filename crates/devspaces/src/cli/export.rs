use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use devspaces_kit::{clock::Timestamp, name::Scope};
use devspaces_ledger::{
    db::{Conn, Error, Pool},
    journal::{self, Entry, Place},
};
use serde::Serialize;
use serde_json::Value;

use super::{Failure, database::Databases};
use crate::Service;

/// Entries, and scopes, that are read at a time.
const PAGE: i64 = 500;

/// Which entries are printed: those of one service after the other, by scope and in the order of their sequence.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    databases: Databases,
    /// Only entries of this scope: spaces/{uuid}, apps/{uuid} or vendorProfiles/{uuid}
    #[arg(long)]
    scope: Option<Scope>,
    /// Only entries of this time and later: 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    /// Only entries before this time
    #[arg(long, value_name = "TIME")]
    end: Option<Timestamp>,
}

/// An entry as a line of JSON, with its fields in this order.
#[derive(Serialize)]
struct Line<'a> {
    service: &'a str,
    scope: &'a str,
    sequence: i64,
    time: String,
    actor: &'a str,
    on_behalf_of: Option<&'a str>,
    method: &'a str,
    resources: &'a [String],
    before: &'a Value,
    after: &'a Value,
    facts: bool,
    hash: String,
}

impl<'a> Line<'a> {
    fn new(service: &'a str, entry: &'a Entry) -> Self {
        Self {
            service,
            scope: &entry.scope,
            sequence: entry.sequence,
            time: entry.time.to_string(),
            actor: &entry.actor,
            on_behalf_of: entry.on_behalf_of.as_deref(),
            method: &entry.method,
            resources: &entry.resources,
            before: &entry.before,
            after: &entry.after,
            facts: entry.facts,
            hash: hex::encode(&entry.hash),
        }
    }
}

/// What ends an export before its end.
enum Ended {
    /// Nobody reads on, as behind `head`: that is no failure.
    Unread,
    Failed(Failure),
}

impl Export {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut unread = false;
        let export = async |service, pool: &Pool| {
            if unread {
                return Ok(());
            }
            match self.export(service, pool).await {
                Ok(()) => Ok(()),
                Err(Ended::Unread) => {
                    unread = true;
                    Ok(())
                }
                Err(Ended::Failed(failure)) => Err(failure),
            }
        };
        self.databases.beside(export).await?;
        Ok(ExitCode::SUCCESS)
    }

    async fn export(&self, service: Service, pool: &Pool) -> Result<(), Ended> {
        let refused = |error: Error| {
            Ended::Failed(format!("the journal of {service}: {}", error.for_operator()).into())
        };
        let mut db = pool.read().await.map_err(refused)?;
        if let Some(scope) = &self.scope {
            return self.export_scope(service, &mut db, &scope.to_string()).await;
        }
        let mut after = String::new();
        loop {
            let scopes = journal::scopes(&mut db, &after, PAGE).await.map_err(refused)?;
            let Some(last) = scopes.last() else { return Ok(()) };
            after.clone_from(last);
            for scope in &scopes {
                self.export_scope(service, &mut db, scope).await?;
            }
        }
    }

    async fn export_scope(&self, service: Service, db: &mut Conn, scope: &str) -> Result<(), Ended> {
        let mut place = Place::before(self.start.unwrap_or(Timestamp::EPOCH));
        loop {
            let entries = journal::entries(db, scope, place, self.end, PAGE).await.map_err(|error| {
                Ended::Failed(format!("the journal of {service}: {}", error.for_operator()).into())
            })?;
            let Some(last) = entries.last() else { return Ok(()) };
            place = Place::after(last);
            print(service, &entries)?;
        }
    }
}

fn print(service: Service, entries: &[Entry]) -> Result<(), Ended> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, &Line::new(service.name(), entry))
            .map_err(|error| Ended::Failed(error.into()))?;
        lines.push(b'\n');
    }
    let mut out = io::stdout().lock();
    out.write_all(&lines).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Ended::Unread,
        _ => Ended::Failed(format!("the lines can't be written: {error}").into()),
    })
}
