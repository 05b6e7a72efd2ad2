//! Calls of the load: repeated by their `request_id` until they are acknowledged, and every answer counted.
use std::{
    cell::{Cell, RefCell, RefMut},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use devspaces::Service;
use devspaces_kit::{
    clock::{Clock, SystemClock},
    identity::DevIssuer,
    name::Principal,
};
use devspaces_proto::MutationRequest;
use devspaces_tests::{Persona, Port};
use tokio::time::{sleep, timeout};
use tonic::{Request, Response, Status, transport::Channel};

use crate::{journal::Expected, tally::Tally};

/// What a client allows for a call; the service is told.
const DEADLINE: Duration = Duration::from_secs(5);
/// When a client stops waiting for a service that does not keep to that.
const SILENCE: Duration = Duration::from_secs(6);
/// Between attempts. Shorter than what services ask for: these clients are to get in the way.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a call is repeated once nothing is broken any more.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long tokens live: longer than a run.
const LIFETIME: Duration = Duration::from_hours(12);

/// A call was not acknowledged although everything had been mended for long.
#[derive(Debug)]
pub(crate) struct GaveUp;

/// What the callers of one run share. Everything is on one thread.
#[derive(Clone)]
pub(crate) struct Load(Rc<Shared>);

struct Shared {
    issuer: DevIssuer,
    channels: Vec<(Service, Channel)>,
    ports: BTreeMap<Service, Port>,
    clock: Arc<dyn Clock>,
    /// Makes the names of a run its own.
    run: String,
    people: Cell<u32>,
    tally: RefCell<Tally>,
    expected: RefCell<Vec<Expected>>,
    /// Until when calls are repeated; for ever while something is broken.
    patience: Cell<Option<Instant>>,
    stopping: Cell<bool>,
}

/// A service's replicas, by turns.
fn port(channels: &[(Service, Channel)], service: Service) -> Port {
    channels.iter().filter(|(of, _)| *of == service).map(|(_, channel)| channel.clone()).collect()
}

impl Load {
    pub(crate) fn new(issuer: DevIssuer, channels: Vec<(Service, Channel)>) -> Self {
        let clock = SystemClock::shared();
        let id = clock.new_id().simple().to_string();
        let shared = Shared {
            issuer,
            ports: Service::ALL.map(|service| (service, port(&channels, service))).into(),
            channels,
            clock,
            run: id[id.len() - 8..].to_owned(),
            people: Cell::default(),
            tally: RefCell::default(),
            expected: RefCell::default(),
            patience: Cell::default(),
            stopping: Cell::default(),
        };
        Self(Rc::new(shared))
    }

    /// Somebody new.
    pub(crate) fn somebody(&self) -> Persona {
        self.0.people.set(self.0.people.get() + 1);
        self.persona(&Principal::user(&format!("faults-{}-{}", self.0.run, self.0.people.get())))
    }

    /// One of the platform's services.
    pub(crate) fn service(&self, name: &str) -> Persona {
        self.persona(&Principal::service(name))
    }

    fn persona(&self, principal: &Principal) -> Persona {
        let token = self.0.issuer.token(principal, None, LIFETIME);
        Persona::new(principal, Some(token.as_str()), self.0.ports.clone())
    }

    /// A name that nothing else has, of letters alone: digits may look like the number of a payment card.
    pub(crate) fn word(&self) -> String {
        let letter = |digit: u8| char::from(b'a' + digit % 26);
        self.0
            .clock
            .new_id()
            .into_bytes()
            .into_iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(letter)
            .collect()
    }

    /// An id that nothing else has.
    pub(crate) fn id(&self) -> String {
        self.0.clock.new_id().to_string()
    }

    pub(crate) fn now(&self) -> prost_types::Timestamp {
        self.0.clock.now().into()
    }

    /// A channel to each replica of each service.
    pub(crate) fn channels(&self) -> Vec<(Service, Channel)> {
        self.0.channels.clone()
    }

    pub(crate) fn tally(&self) -> RefMut<'_, Tally> {
        self.0.tally.borrow_mut()
    }

    /// What the journals must have, of all of the run.
    pub(crate) fn expected(&self) -> RefMut<'_, Vec<Expected>> {
        self.0.expected.borrow_mut()
    }

    /// Begins to count anew; gives what there was before. Nothing is broken.
    pub(crate) fn begin(&self) -> Tally {
        self.0.stopping.set(false);
        self.0.patience.set(Some(Instant::now() + PATIENCE));
        self.0.tally.take()
    }

    /// Something is about to be broken: whoever calls has to wait for its end.
    pub(crate) fn breaks(&self) {
        self.0.patience.set(None);
    }

    /// Everything is mended: from now on patience has an end.
    pub(crate) fn mended(&self) {
        self.tally().mended();
        self.0.patience.set(Some(Instant::now() + PATIENCE));
    }

    /// Has the writers end with what they are at.
    pub(crate) fn stop(&self) {
        self.0.stopping.set(true);
    }

    pub(crate) fn stopping(&self) -> bool {
        self.0.stopping.get()
    }

    /// One attempt: the answer, or what is said in its place.
    pub(crate) async fn attempt<Q, R>(
        &self,
        method: &'static str,
        message: Q,
        call: &impl AsyncFn(Request<Q>) -> Result<Response<R>, Status>,
    ) -> Result<R, Status> {
        let mut request = Request::new(message);
        request.set_timeout(DEADLINE);
        let answer = timeout(SILENCE, call(request)).await;
        // As the service itself would say it.
        let answer = answer.unwrap_or_else(|_| Err(devspaces_kit::status::Fault::deadline_exceeded().into()));
        if answer.is_ok() {
            self.tally().succeeded(method, !self.stopping());
        }
        answer.map(Response::into_inner)
    }

    /// Repeats a call for as long as it is refused for a time.
    pub(crate) async fn answered<Q: Clone, R>(
        &self,
        method: &'static str,
        message: Q,
        call: impl AsyncFn(Request<Q>) -> Result<Response<R>, Status>,
    ) -> Result<R, GaveUp> {
        loop {
            match self.attempt(method, message.clone(), &call).await {
                Ok(reply) => return Ok(reply),
                Err(status) if self.tally().refused(method, &status) => {}
                Err(_) => return Err(GaveUp),
            }
            if self.0.patience.get().is_some_and(|end| Instant::now() > end) {
                self.tally()
                    .found(format!("{method} was not answered {PATIENCE:?} after everything was mended"));
                return Err(GaveUp);
            }
            sleep(PAUSE).await;
        }
    }

    /// Makes a change: by the same `request_id` until it is acknowledged. The journal must then have the entry, once.
    pub(crate) async fn acknowledged<Q: MutationRequest + Clone, R, E: Into<Option<Entry>>>(
        &self,
        method: &'static str,
        mut message: Q,
        call: impl AsyncFn(Request<Q>) -> Result<Response<R>, Status>,
        entry: impl FnOnce(&R) -> E,
    ) -> Result<R, GaveUp> {
        *message.request_id() = self.id();
        let reply = self.answered(method, message, call).await?;
        self.tally().acknowledged += 1;
        if let Some(Entry { actor, scope, resource }) = entry(&reply).into() {
            self.expected().push(Expected { method, actor, scope, resource });
        }
        Ok(reply)
    }
}

/// Where the journal has what a change did.
pub(crate) struct Entry {
    actor: String,
    scope: String,
    resource: String,
}

impl Entry {
    /// Of somebody's change, in this scope, to this resource; to any if it is empty.
    pub(crate) fn of(who: &Persona, scope: &str, resource: impl Into<String>) -> Self {
        Self { actor: who.name.clone(), scope: scope.to_owned(), resource: resource.into() }
    }
}
