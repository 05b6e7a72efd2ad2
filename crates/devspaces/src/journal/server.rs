//! The service, and the journals that it answers for.
use std::sync::Arc;

use devspaces_authz::Service;
use devspaces_gate::{Gate, JournalWatchers};
use devspaces_kit::{
    edge::answer,
    server::{Streams, Tasks},
};
use devspaces_ledger::db::Pool;
use devspaces_proto::journal::v1::{
    ListEntriesRequest, ListEntriesResponse, VerifyScopeRequest, VerifyScopeResponse, WatchEntriesRequest,
    WatchEntriesResponse, journal_service_server::JournalService,
};
use futures::stream::BoxStream;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

/// How many followers read at a time. SQLite has four connections that read.
const READING: usize = 2;

/// Answers for the journals in these databases.
#[derive(Clone)]
pub struct JournalServer {
    pub(super) gate: Gate,
    pub(super) journals: Vec<Journal>,
    pub(super) tasks: Tasks,
    pub(super) streams: Streams,
    pub(super) named_watchers: JournalWatchers,
    /// Permits for reading what is yet to be sent: who has much to catch up with takes its turn with the others.
    pub(super) catching_up: Arc<Semaphore>,
}

/// The journal of one service.
#[derive(Clone)]
pub(super) struct Journal {
    pub(super) service: Service,
    pub(super) pool: Pool,
}

impl JournalServer {
    /// Answers for these services, each with its database, to whom this gate lets pass, and to these services which
    /// follow the journals for as long as the server lives that has these tasks.
    #[must_use]
    pub fn new(
        gate: Gate,
        journals: impl IntoIterator<Item = (Service, Pool)>,
        named_watchers: JournalWatchers,
        tasks: Tasks,
        streams: Streams,
    ) -> Self {
        let catching_up = Arc::new(Semaphore::new(READING));
        let mut journals: Vec<_> =
            journals.into_iter().map(|(service, pool)| Journal { service, pool }).collect();
        journals.sort_by_key(|journal| journal.service.name());
        Self { gate, journals, tasks, streams, named_watchers, catching_up }
    }

    /// The journal of the service with this name.
    pub(super) fn hosted(&self, service: &str) -> Option<&Journal> {
        self.journals.iter().find(|journal| journal.service.name() == service)
    }
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
