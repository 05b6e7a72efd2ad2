//! Owners whose calls a test holds in its hands, or that answer at once from memory.
mod memory;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use devspaces_authz::{AppRole, ConsoleRole, Service, Suspension};
use devspaces_kit::{
    clock::{Clock, Timestamp},
    identity::Caller,
    name::{Principal, Scope, SpaceName, UserName},
    server::Tasks,
    status::Fault,
};
use devspaces_ledger::{
    db::{self, Conn, Pool},
    delivery::Receiver,
    inbox::Receive,
};
use devspaces_proto::facts::v1::ApplyEffectsRequest;
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use crate::{
    exchange::Answer,
    facts::{OwnFacts, Question, Reading, Version},
    facts_server::FactsServer,
    gate::Gate,
    held::{HeldRole, HeldRoles},
    owner::{FactOwner, Hosted, Roles},
    source::Source,
    sources::{NamedPermissions, Sources},
};

pub(crate) use self::memory::Memory;

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
pub(crate) struct TestClock {
    micros: Mutex<i64>,
    /// By how much it was put back.
    back: Mutex<Duration>,
    ids: AtomicU64,
}

impl TestClock {
    /// A clock that shows so many seconds.
    pub(crate) fn at(seconds: i64) -> Arc<Self> {
        let clock = Self::default();
        clock.set(seconds);
        Arc::new(clock)
    }

    pub(crate) fn set(&self, seconds: i64) {
        self.set_to(at(seconds));
    }

    pub(crate) fn set_to(&self, time: Timestamp) {
        *self.micros.lock().unwrap() = time.micros();
    }

    /// So much time passes, and the clock is put back.
    pub(crate) fn put_back(&self, by: Duration, passes: Duration) {
        *self.back.lock().unwrap() += by;
        let micros = i64::try_from(passes.as_micros()).unwrap() - i64::try_from(by.as_micros()).unwrap();
        *self.micros.lock().unwrap() += micros;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(*self.micros.lock().unwrap())
    }

    fn uptime(&self) -> Duration {
        let shown = u64::try_from(*self.micros.lock().unwrap()).unwrap();
        Duration::from_micros(shown) + *self.back.lock().unwrap()
    }

    fn new_id(&self) -> Uuid {
        Uuid::from_u128(self.ids.fetch_add(1, Ordering::Relaxed).into())
    }
}

/// So many seconds after 1970 began.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// What somebody holds who has this role on an app, in their own right and for good.
pub(crate) fn held(role: Option<AppRole>) -> HeldRoles {
    role.map(HeldRole::own).into_iter().collect()
}

pub(crate) fn space(id: u128) -> SpaceName {
    SpaceName(Uuid::from_u128(id))
}

pub(crate) fn user(id: &str) -> Principal {
    Principal::user(id)
}

pub(crate) fn caller(principal: Principal) -> Caller {
    Caller { principal, email: None, suite: None, expires: None }
}

pub(crate) fn question(scope: impl Into<Scope>, subject: &str) -> Question {
    Question { scope: scope.into(), subject: user(subject).into() }
}

pub(crate) fn version(sequence: i64) -> Version {
    Version { sequence, digest: sequence.to_be_bytes().to_vec().into() }
}

/// Membership facts with this role.
pub(crate) fn member(role: Option<ConsoleRole>) -> OwnFacts {
    OwnFacts::Membership { role, view_all_apps: false, expire_time: None, has_admin: true }
}

/// Facts of an app in this space, or in none, that is not suspended.
pub(crate) fn app_facts(space: Option<SpaceName>, roles: HeldRoles) -> OwnFacts {
    OwnFacts::App { space, deleted: false, roles, suspension: Suspension::NONE, wants_consent: false }
}

/// A call that reached an owner. The test answers it, when it likes.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) questions: Vec<Question>,
    pub(crate) known: Vec<Option<Version>>,
    reply: oneshot::Sender<Result<Vec<Answer>, Fault>>,
}

impl Call {
    pub(crate) fn answer(self, answers: Vec<Answer>) {
        // A call that timed out waits no more.
        let _ = self.reply.send(Ok(answers));
    }

    /// Answers the only question.
    pub(crate) fn answer_one(self, sequence: i64, facts: Option<OwnFacts>) {
        self.answer(vec![Answer { version: version(sequence), facts, read_time: at(0) }]);
    }

    pub(crate) fn fail(self) {
        let _ = self.reply.send(Err(Fault::storage_unavailable()));
    }
}

/// The gate's end of a scripted owner.
#[derive(Clone)]
pub(crate) struct Script {
    calls: mpsc::UnboundedSender<Call>,
    memory: Option<Arc<Memory>>,
}

impl Script {
    pub(crate) async fn revalidate(
        &self,
        questions: Vec<Question>,
        known: Vec<Option<Version>>,
    ) -> Result<Vec<Answer>, Fault> {
        let (reply, answer) = oneshot::channel();
        self.calls.send(Call { questions, known, reply }).map_err(|_| Fault::storage_unavailable())?;
        answer.await.unwrap_or_else(|_| panic!("the owner panics"))
    }

    pub(crate) fn subject_spaces(
        &self,
        subject: &Principal,
        after: Option<SpaceName>,
        limit: i64,
    ) -> Result<Vec<(SpaceName, OwnFacts)>, Fault> {
        let memory = self.memory.as_ref().ok_or_else(Fault::storage_unavailable)?;
        Ok(memory.subject_spaces(subject, after, limit))
    }

    pub(crate) fn role_holders(
        &self,
        roles: &Roles,
        after: &str,
        limit: i64,
    ) -> Result<Vec<UserName>, Fault> {
        let memory = self.memory.as_ref().ok_or_else(Fault::storage_unavailable)?;
        Ok(memory.role_holders(roles, after, limit))
    }
}

/// The source of an owner that is down.
pub(crate) fn down(owner: Service, clock: &Arc<TestClock>) -> Source {
    scripted(owner, clock).0
}

/// A source, and the owner's end of it.
pub(crate) fn scripted(owner: Service, clock: &Arc<TestClock>) -> (Source, mpsc::UnboundedReceiver<Call>) {
    let (calls, peer) = mpsc::unbounded_channel();
    (Source::scripted(owner, Script { calls, memory: None }, clock.clone()), peer)
}

/// What a port answers for this service, which lives in the database.
pub(crate) fn server_of(
    members: &Arc<Memory>,
    database: &Database,
    clock: &Arc<TestClock>,
    tasks: Tasks,
) -> FactsServer {
    let hosted = Hosted::new(members.clone(), database.pool.clone(), clock.clone());
    FactsServer::new([hosted], Receiver::new(tasks).with(members.owner.name(), members.clone()))
}

/// A gate of the membership service before these sources.
pub(crate) fn gate(sources: impl IntoIterator<Item = Source>, clock: &Arc<TestClock>) -> Gate {
    gate_of(Memory::of(Service::Membership), sources, NamedPermissions::default(), clock)
}

pub(crate) fn gate_of(
    home: Arc<Memory>,
    sources: impl IntoIterator<Item = Source>,
    services: NamedPermissions,
    clock: &Arc<TestClock>,
) -> Gate {
    let mut sources = sources.into_iter().fold(Sources::default(), Sources::with);
    if sources.of(home.owner()).is_none() {
        sources = sources.with(home.source(clock));
    }
    Gate::new(home, sources, services, Duration::ZERO, clock.clone())
}

/// Lets every other task run until it waits. On the paused clock of a test that is when a nanosecond passes.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_nanos(1)).await;
}

/// A database of its own, in a folder that goes with it.
pub(crate) struct Database {
    pub(crate) pool: Pool,
    _folder: TempDir,
}

impl Database {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let pool = Pool::open(&format!("sqlite:{}", folder.path().join("db").display())).await.unwrap();
        db::migrate(&pool, db::SCHEMA).await.unwrap();
        Self { pool, _folder: folder }
    }
}
