//! Following whole journals as they grow (R-J4).
use std::{collections::VecDeque, sync::Arc, time::Duration};

use devspaces_kit::{
    identity::Caller,
    name::Scope,
    server::Tasks,
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::{
    db::Error,
    journal::{self, BATCH, Cursor, Numbered},
};
use devspaces_proto::journal::v1::{WatchEntriesRequest, WatchEntriesResponse};
use futures::stream::{self, BoxStream};
use tokio::{sync::Semaphore, time::sleep};
use tonic::{Code, Status};

use super::{
    server::{Journal, JournalServer},
    wire,
};

/// How long it takes at most until a new entry is looked for. Other replicas write too, so nobody tells of all.
const PAUSE: Duration = Duration::from_millis(200);

/// Someone who follows journals. It holds no transaction and no connection while its reader takes its time.
struct Watch {
    /// Each journal with the position up to which it is read.
    journals: Vec<(Journal, i64)>,
    /// Read, and not sent yet: no more than a batch of each journal.
    read: VecDeque<(Journal, Numbered)>,
    /// Up to where it is sent.
    cursor: Cursor,
    scope: Option<String>,
    tasks: Tasks,
    catching_up: Arc<Semaphore>,
}

impl Watch {
    /// The next entry, whenever it comes.
    async fn next(&mut self) -> Result<WatchEntriesResponse, Fault> {
        loop {
            while let Some((journal, Numbered { position, entry })) = self.read.pop_front() {
                self.cursor.advance(journal.service.name(), position, &entry.hash);
                if self.scope.as_ref().is_none_or(|scope| *scope == entry.scope) {
                    let entry = Some(wire::entry(journal.service, entry));
                    return Ok(WatchEntriesResponse { entry, cursor: self.cursor.to_string() });
                }
            }
            self.read_on().await?;
            if self.read.is_empty() {
                sleep(PAUSE).await;
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), Fault> {
        // The semaphore is never closed.
        let _reading = self.catching_up.acquire().await.map_err(Fault::internal)?;
        for (journal, position) in &mut self.journals {
            let batch = read_after(journal, *position, &self.tasks).await?;
            if let Some(last) = batch.last() {
                *position = last.position;
            }
            self.read.extend(batch.into_iter().map(|numbered| (journal.clone(), numbered)));
        }
        Ok(())
    }
}

/// The next entries of a journal. Those that have no position yet get one first.
async fn read_after(journal: &Journal, position: i64, tasks: &Tasks) -> Result<Vec<Numbered>, Fault> {
    let mut db = journal.pool.read().await?;
    let batch = journal::numbered(&mut db, position, BATCH).await?;
    if !batch.is_empty() || !journal::has_unnumbered(&mut db).await? {
        return Ok(batch);
    }
    drop(db);
    let pool = journal.pool.clone();
    let numbering = async move {
        match journal::number(&pool).await {
            // Another numbers them.
            Ok(()) | Err(Error::Contended(_)) => Ok(()),
            Err(error) => Err(Fault::from(error)),
        }
    };
    // In a task of its own: a reader that hangs up leaves no transaction half done.
    tasks.run(numbering).await?;
    Ok(journal::numbered(&mut journal.pool.read().await?, position, BATCH).await?)
}

impl JournalServer {
    /// R-J4
    pub(super) async fn watch_entries(
        &self,
        caller: Caller,
        request: WatchEntriesRequest,
    ) -> Result<BoxStream<'static, Result<WatchEntriesResponse, Status>>, Fault> {
        let (journals, scope, cursor) = self.admit_watcher(&caller, &request)?;
        let mut from = Vec::with_capacity(journals.len());
        for journal in journals {
            let position = place(&journal, &cursor).await?;
            from.push((journal, position));
        }
        let watch = Watch {
            journals: from,
            read: VecDeque::new(),
            cursor,
            scope,
            tasks: self.tasks.clone(),
            catching_up: self.catching_up.clone(),
        };
        let messages = stream::try_unfold(watch, async |mut watch| Ok(Some((watch.next().await?, watch))));
        // Who may follow is set when the process starts, so there is nothing to ask again but the token.
        self.streams.open(&caller, messages, async || Ok(()))
    }

    /// The journals that the caller may follow and asks for, the scope of which, and from where on.
    fn admit_watcher(
        &self,
        caller: &Caller,
        request: &WatchEntriesRequest,
    ) -> Result<(Vec<Journal>, Option<String>, Cursor), Fault> {
        let denied = || {
            let message = "Only services of the suite call this method, each with a token for the service whose \
                           journal it follows, and services that the operator names";
            Fault::new(Code::PermissionDenied, Reason::PermissionDenied, message)
        };
        let asked = match &caller.suite {
            // A token for one service is of no use with another, wherever both live.
            Some(suite) if request.service.is_empty() || request.service == suite.audience => &suite.audience,
            None if self.named_watchers.contains(&caller.principal) => &request.service,
            _ => return Err(denied()),
        };
        let mut fields = Fields::new();
        let journals = match asked.as_str() {
            "" => self.journals.clone(),
            service => self.hosted(service).cloned().into_iter().collect(),
        };
        if journals.is_empty() {
            fields.bad("service", self.services());
        }
        let scope =
            (!request.scope.is_empty()).then(|| fields.parse::<Scope>("scope", &request.scope)).flatten();
        let cursor = match request.cursor.as_str() {
            "" => Ok(Cursor::default()),
            cursor => cursor.parse::<Cursor>().map_err(|error| error.to_string()),
        };
        let is_of_these = |cursor: &Cursor| {
            cursor.services().all(|service| journals.iter().any(|journal| journal.service.name() == service))
        };
        let cursor = cursor.and_then(|cursor| {
            if is_of_these(&cursor) {
                Ok(cursor)
            } else {
                Err("must be of a call for the same service".to_owned())
            }
        });
        let cursor = fields.check("cursor", cursor);
        let cursor = fields.finish_with(cursor)?;
        Ok((journals, scope.map(|scope| scope.to_string()), cursor))
    }
}

/// The position in a journal that a cursor is at.
async fn place(journal: &Journal, cursor: &Cursor) -> Result<i64, Fault> {
    let service = journal.service.name();
    let Some((position, hash)) = cursor.of(service) else { return Ok(0) };
    let found = journal::hash_at(&mut journal.pool.read().await?, position).await?;
    if found == Some(hash) { Ok(position) } else { Err(Fault::cursor_lost(service)) }
}
