//! The numbers that are read when they are asked for: those of the databases.
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use devspaces_kit::{
    clock::{Clock, Timestamp},
    metrics::{self, Label, Number},
};
use futures::future::join_all;
use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    metrics::family::Family,
    registry::Registry,
};
use tokio::time::timeout;

use super::list;
use crate::{
    db::Pool,
    outbox::{self, Backlog},
    webhook,
};

/// How long a database may take to say what waits in it. Less than Prometheus waits for all.
const DEADLINE: Duration = Duration::from_secs(2);

/// The databases of the process, which may come one after the other. Clones are handles to the same.
#[derive(Clone)]
pub struct Databases {
    clock: Arc<dyn Clock>,
    open: Arc<Mutex<Vec<(&'static str, Pool)>>>,
}

#[derive(Default)]
struct Numbers {
    effects: Family<[Label; 1], Number>,
    oldest: Family<[Label; 1], Number>,
    deliveries: Family<[Label; 1], Number>,
    oldest_delivery: Family<[Label; 1], Number>,
    answering: Family<[Label; 1], Number>,
    connections: Family<[Label; 3], Number>,
    limit: Family<[Label; 2], Number>,
}

impl Databases {
    /// None yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        super::begin();
        Self { clock, open: Arc::default() }
    }

    /// These and that of a service.
    pub fn add(&self, service: &'static str, pool: Pool) {
        super::begin_attempts(service);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push((service, pool));
    }

    /// All numbers of the process and of these databases, as `OpenMetrics` text. Of a database that does not answer, only
    /// that is told.
    ///
    /// # Errors
    /// If a number can't be told.
    pub async fn text(&self) -> Result<String, fmt::Error> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let numbers = Numbers::default();
        join_all(open.iter().map(|(service, pool)| numbers.read(service, pool, self.clock.as_ref()))).await;
        let mut text = String::new();
        metrics::encode(&mut text)?;
        encode_registry(&mut text, &numbers.registry())?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

impl Numbers {
    async fn read(&self, service: &'static str, pool: &Pool, clock: &dyn Clock) {
        let service = ("service", service);
        for (name, connections) in pool.connections() {
            let name = ("pool", name);
            let used = connections.open.saturating_sub(connections.idle);
            for (state, count) in [("idle", connections.idle), ("used", used)] {
                self.connections.get_or_create(&[service, name, ("state", state)]).set(f64::from(count));
            }
            self.limit.get_or_create(&[service, name]).set(f64::from(connections.limit));
        }
        let backlog = timeout(DEADLINE, outbox::backlog(pool)).await.ok().and_then(Result::ok);
        self.answering.get_or_create(&[service]).set(f64::from(u8::from(backlog.is_some())));
        if let Some(Backlog { effects, oldest }) = backlog {
            self.effects.get_or_create(&[service]).set(float(effects));
            self.oldest.get_or_create(&[service]).set(age(oldest, clock));
        }
        let waiting = timeout(DEADLINE, webhook::backlog(pool)).await.ok().and_then(Result::ok);
        if let Some(webhook::Backlog { deliveries, oldest }) = waiting {
            self.deliveries.get_or_create(&[service]).set(float(deliveries));
            self.oldest_delivery.get_or_create(&[service]).set(age(oldest, clock));
        }
    }

    fn registry(self) -> Registry {
        let mut registry = Registry::default();
        list::EFFECTS.register_in(&mut registry, self.effects);
        list::OLDEST.register_in(&mut registry, self.oldest);
        list::DELIVERIES.register_in(&mut registry, self.deliveries);
        list::OLDEST_DELIVERY.register_in(&mut registry, self.oldest_delivery);
        list::ANSWERING.register_in(&mut registry, self.answering);
        list::CONNECTIONS.register_in(&mut registry, self.connections);
        list::LIMIT.register_in(&mut registry, self.limit);
        registry
    }
}

/// In seconds; 0 if there is nothing.
fn age(of: Option<Timestamp>, clock: &dyn Clock) -> f64 {
    float(of.map_or(0, |of| (clock.now().micros() - of.micros()).max(0))) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "no number is that large")]
fn float(number: i64) -> f64 {
    number as f64
}
