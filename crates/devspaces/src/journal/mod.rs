//! `devspaces.journal.v1`: the journals of the services that live in this process. Every service hosts it.
mod access;
mod list;
mod watch;
mod wire;

use std::sync::Arc;

use devspaces_authz::Owner;
use devspaces_gate::Gate;
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    server::{Streams, Tasks, long_work},
    status::{Fault, Fields},
};
use devspaces_ledger::{
    db::{self, Pool},
    journal::{self, Report},
};
use devspaces_proto::journal::v1::{
    Finding, ListEntriesRequest, ListEntriesResponse, Verification, VerifyScopeRequest, VerifyScopeResponse,
    WatchEntriesRequest, WatchEntriesResponse, journal_service_server::JournalService,
};
use futures::stream::BoxStream;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use self::access::Parent;
pub use self::watch::JournalWatchers;

/// How many followers read at a time. SQLite has four connections that read.
const READING: usize = 2;

/// Answers for the journals in these databases.
#[derive(Clone)]
pub struct JournalServer {
    gate: Gate,
    journals: Vec<Journal>,
    tasks: Tasks,
    streams: Streams,
    named_watchers: JournalWatchers,
    /// Permits for reading what is yet to be sent: who has much to catch up with takes its turn with the others.
    catching_up: Arc<Semaphore>,
}

/// The journal of one service.
#[derive(Clone)]
struct Journal {
    owner: Owner,
    pool: Pool,
}

impl JournalServer {
    /// Answers for these services, each with its database, to whom this gate lets pass, and to these services which
    /// follow the journals for as long as the server lives that has these tasks.
    #[must_use]
    pub fn new(
        gate: Gate,
        journals: impl IntoIterator<Item = (Owner, Pool)>,
        named_watchers: JournalWatchers,
        tasks: Tasks,
        streams: Streams,
    ) -> Self {
        let catching_up = Arc::new(Semaphore::new(READING));
        let mut journals: Vec<_> =
            journals.into_iter().map(|(owner, pool)| Journal { owner, pool }).collect();
        journals.sort_by_key(|journal| journal.owner.name());
        Self { gate, journals, tasks, streams, named_watchers, catching_up }
    }

    /// The journal of the service with this name.
    fn hosted(&self, service: &str) -> Option<&Journal> {
        self.journals.iter().find(|journal| journal.owner.name() == service)
    }

    /// R-J2
    async fn verify_scope(
        &self,
        caller: Caller,
        request: VerifyScopeRequest,
    ) -> Result<VerifyScopeResponse, Fault> {
        let mut fields = Fields::new();
        let scope = fields.parse::<Parent>("scope", &request.scope);
        let scope = fields.finish_with(scope)?;
        let journals = self.readable(&caller, scope, None).await?;
        let _long = long_work().await?;
        let mut verifications = Vec::with_capacity(journals.len());
        for Journal { owner, pool } in journals {
            let report = verify(&pool, scope).await?;
            let findings = report.findings.iter().map(|finding| Finding {
                sequence: finding.sequence,
                problem: wire::problem(finding.problem).into(),
            });
            verifications.push(Verification {
                service: owner.name().to_owned(),
                entries: i64::try_from(report.entries).unwrap_or(i64::MAX),
                findings: findings.collect(),
            });
        }
        Ok(VerifyScopeResponse { verifications })
    }
}

async fn verify(pool: &Pool, scope: Parent) -> Result<Report, db::Error> {
    journal::verify_scope(pool, scope.into()).await
}

#[tonic::async_trait]
impl JournalService for JournalServer {
    type WatchEntriesStream = BoxStream<'static, Result<WatchEntriesResponse, Status>>;

    async fn list_entries(
        &self,
        request: Request<ListEntriesRequest>,
    ) -> Result<Response<ListEntriesResponse>, Status> {
        answer(request, |caller, message| self.list_entries(caller, message)).await
    }

    async fn watch_entries(
        &self,
        request: Request<WatchEntriesRequest>,
    ) -> Result<Response<Self::WatchEntriesStream>, Status> {
        answer(request, |caller, message| self.watch_entries(caller, message)).await
    }

    async fn verify_scope(
        &self,
        request: Request<VerifyScopeRequest>,
    ) -> Result<Response<VerifyScopeResponse>, Status> {
        answer(request, |caller, message| self.verify_scope(caller, message)).await
    }
}
