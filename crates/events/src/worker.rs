//! Sends what waits: each lane's one after another, lanes beside one another. Nobody's connection and nobody's lock is held while
//! a receiver takes its time.
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use devspaces_authz::{Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{server::Tasks, status::Fault, sweep::Told};
use devspaces_ledger::{
    Abort, Call, Change, Mutation, Tx,
    event::EventType,
    metrics::{self, Attempt},
    webhook::{self, Claim, Delivery, Outcome, Reader, Webhook},
};
use futures::FutureExt as _;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    message::{self, DISABLE},
    schedule,
    send::{Message, Sender},
    signature,
};

/// How long it takes at most until something new is looked for. Other replicas write too, so nobody tells of all.
const PAUSE: Duration = Duration::from_millis(250);
/// How many batches of entries are read in a round: what is due meanwhile is sent between.
const BATCHES: usize = 8;
/// How many messages are sent at a time, and how many of them to one webhook.
const SENDING: usize = 64;
const TO_ONE: usize = 8;
const _: () =
    assert!(SENDING == 8 * TO_ONE, "as many webhooks as `due` passes over can have all that they may");
/// How many messages of a lane are sent before others have their turn.
const TURN: usize = 100;

/// Brings a service's events to its webhooks.
#[derive(Clone)]
pub struct Worker(Arc<Shared>);

struct Shared {
    service: Service,
    context: Arc<Context>,
    table: Vec<&'static [EventType]>,
    reader: Reader,
    sender: Sender,
    tasks: Tasks,
    /// How many lanes of which webhooks are at work in this process.
    sending: Mutex<HashMap<Uuid, usize>>,
}

impl Worker {
    /// For a service with events by these tables.
    #[must_use]
    pub fn new(
        service: Service,
        context: Arc<Context>,
        table: Vec<&'static [EventType]>,
        sender: Sender,
        tasks: Tasks,
    ) -> Self {
        let reader = Reader::new(context.pool.clone(), context.clock.clone(), table.clone());
        let sending = Mutex::default();
        Self(Arc::new(Shared { service, context, table, reader, sender, tasks, sending }))
    }

    /// Works until the server stops.
    pub async fn run(self) {
        let stopping = self.0.tasks.stopping();
        let what = "webhooks";
        let told = Told::default();
        let rounds = async {
            loop {
                match AssertUnwindSafe(self.round()).catch_unwind().await {
                    Ok(Ok(())) => told.is_well(what),
                    Ok(Err(fault)) if told.is_news(what, &fault) => {
                        tracing::warn!(what, %fault, "a round failed; told once while it fails alike");
                    }
                    Ok(Err(_)) => {}
                    Err(_) => tracing::error!(what, "a round panicked"),
                }
                sleep(PAUSE).await;
            }
        };
        tokio::select! {
            () = rounds => {}
            () = stopping => {}
        }
    }

    async fn round(&self) -> Result<(), Fault> {
        let Shared { context, reader, .. } = &*self.0;
        if !webhook::any(&mut context.pool.read().await?).await? {
            return Ok(());
        }
        for _ in 0..BATCHES {
            if !reader.read_on().await? {
                break;
            }
        }
        self.start_due().await
    }

    /// Starts as much as may be sent at a time.
    async fn start_due(&self) -> Result<(), Fault> {
        let Shared { context, .. } = &*self.0;
        let now = context.clock.now();
        let (busy, mut room) = self.busy();
        if room == 0 {
            return Ok(());
        }
        let limit = i64::try_from(SENDING).unwrap_or(i64::MAX);
        let due = webhook::due(&mut context.pool.read().await?, now, busy, limit).await?;
        for (id, lane) in due {
            if room == 0 {
                break;
            }
            let Some(place) = self.place(id) else { continue };
            let claimed = webhook::claim(&context.pool, (id, lane), now, context.clock.new_id()).await?;
            let Some(claim) = claimed else { continue };
            room -= 1;
            let worker = self.clone();
            self.0.tasks.spawn(async move {
                let stopping = worker.0.tasks.stopping();
                let served = tokio::select! {
                    served = worker.serve(&claim) => served,
                    // What is broken off is sent again, by whoever comes next and at once.
                    () = stopping => worker.give_back(&claim).await,
                };
                if let Err(fault) = served {
                    tracing::warn!(%fault, "a webhook's turn failed; it has another when its claim is over");
                }
                drop(place);
            });
        }
        Ok(())
    }

    /// The webhooks that have all that they may, and how much more may be sent.
    fn busy(&self) -> ([Uuid; 8], usize) {
        let sending = self.0.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let mut busy = [Uuid::nil(); 8];
        let full = sending.iter().filter(|(_, lanes)| **lanes >= TO_ONE).map(|(id, _)| *id);
        for (place, id) in busy.iter_mut().zip(full) {
            *place = id;
        }
        (busy, SENDING.saturating_sub(sending.values().sum()))
    }

    /// A place among those who send, if this webhook may have one more. It is given up when it is dropped.
    fn place(&self, webhook: Uuid) -> Option<Place> {
        let mut sending = self.0.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let lanes = sending.entry(webhook).or_default();
        if *lanes >= TO_ONE {
            return None;
        }
        *lanes += 1;
        Some(Place { worker: self.clone(), webhook })
    }

    async fn give_back(&self, claim: &Claim) -> Result<(), Fault> {
        let Context { pool, clock, .. } = &*self.0.context;
        Ok(webhook::postpone(pool, claim, clock.now()).await?)
    }

    /// Sends what waits in a claimed lane, until it is somebody else's turn.
    async fn serve(&self, claim: &Claim) -> Result<(), Fault> {
        let Context { pool, clock, .. } = &*self.0.context;
        for _ in 0..TURN {
            let found = webhook::first(&mut pool.read().await?, claim).await?;
            let Some((webhook, delivery)) = found else {
                return Ok(webhook::leave(pool, claim, clock.now()).await?);
            };
            let now = clock.now();
            if !webhook.enabled && !delivery.is_asked() {
                return Ok(webhook::rest(pool, claim).await?);
            }
            if let Some(next) = delivery.next_attempt_time.filter(|next| *next > now) {
                return Ok(webhook::postpone(pool, claim, next).await?);
            }
            if !self.deliver(claim, webhook, delivery).await? {
                return Ok(());
            }
        }
        self.give_back(claim).await
    }

    /// Sends one, and notes what came of it. Whether the lane goes on.
    async fn deliver(&self, claim: &Claim, webhook: Webhook, delivery: Delivery) -> Result<bool, Fault> {
        let Context { pool, clock, .. } = &*self.0.context;
        let body = message::body(&mut pool.read().await?, &self.0.table, &webhook, &delivery).await?;
        let Some(body) = body else {
            let lost = Outcome { response_code: 0, failure: "EVENT_LOST".to_owned() };
            return Ok(webhook::ended(pool, claim, &delivery, &lost, clock.now()).await?);
        };
        let outcome = self.send(&webhook, &delivery, body).await;
        let now = clock.now();
        let next = schedule::next(delivery.attempts + 1).filter(|_| !delivery.is_asked());
        let attempt = match (outcome.failure.is_empty(), next) {
            (true, _) => Attempt::Delivered,
            (false, Some(_)) => Attempt::Repeated,
            (false, None) => Attempt::Failed,
        };
        metrics::attempted(self.0.service.name(), attempt);
        if outcome.failure.is_empty() || delivery.is_asked() {
            return Ok(webhook::ended(pool, claim, &delivery, &outcome, now).await?);
        }
        match next {
            Some(later) => {
                webhook::retried(pool, claim, &delivery, &outcome, (now, now + later)).await?;
            }
            None => self.disable(webhook, delivery, outcome).await?,
        }
        Ok(false)
    }

    async fn send(&self, webhook: &Webhook, delivery: &Delivery, body: String) -> Outcome {
        let now = self.0.context.clock.now();
        let old = webhook.old_secrets.iter().filter(|(_, end)| *end > now).map(|(secret, _)| secret);
        let secrets = std::iter::once(&webhook.secret).chain(old);
        let (id, time) = (delivery.event.as_str(), now.seconds());
        let signature = signature::sign(secrets, id, time, &body);
        self.0.sender.send(&webhook.url, Message { id, time, signature: &signature, body }).await
    }

    /// What could not be delivered for so long is given up, and the webhook with it. Its lanes wait.
    async fn disable(&self, webhook: Webhook, delivery: Delivery, outcome: Outcome) -> Result<(), Fault> {
        let call = Call::of_service(self.0.service.name(), DISABLE);
        let scopes = vec![webhook.name.scope()];
        self.0.context.mutations.run(call, scopes, Disabling { webhook, delivery, outcome }).await
    }
}

struct Place {
    worker: Worker,
    webhook: Uuid,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sending = self.worker.0.sending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lanes) = sending.get_mut(&self.webhook) {
            *lanes -= 1;
            if *lanes == 0 {
                sending.remove(&self.webhook);
            }
        }
    }
}

struct Disabling {
    webhook: Webhook,
    delivery: Delivery,
    outcome: Outcome,
}

impl Mutation for Disabling {
    type Reply = ();
    // It has no effect elsewhere and waits for nobody's.
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let found = webhook::find(tx, self.webhook.name).await?;
        if found.as_ref().is_some_and(|it| it.url != self.webhook.url || it.revision != self.webhook.revision)
        {
            // It was mended meanwhile: what waits is sent to where it leads now.
            return Ok(());
        }
        webhook::fail(tx, &self.delivery, &self.outcome).await?;
        let Some(before) = found.filter(|before| before.enabled) else { return Ok(()) };
        let reason = format!("The event {} could not be delivered in 3 days", self.delivery.event);
        let after =
            Webhook { enabled: false, disabled_reason: reason, update_time: tx.time(), ..before.clone() };
        let change = Change {
            scope: after.name.scope(),
            resources: vec![after.name.to_string()],
            before: before.to_json(),
            after: after.to_json(),
            facts: false,
        };
        let revision = tx.record(change).await?;
        Ok(webhook::put(tx, &Webhook { revision, ..after }).await?)
    }
}
