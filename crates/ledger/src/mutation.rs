//! How every change is made: once for each `request_id`, in one transaction with its journal entries and effects, in a
//! task that outlives a caller who hangs up.
use std::{borrow::Cow, future::Future, sync::Arc, time::Duration};

use devspaces_kit::{clock::Clock, name::Scope, server::Tasks, status::Fault, steady::Steady, trace};
use futures::FutureExt as _;
use prost::Message;
use tokio::time::{Instant, sleep};
use tonic::Code;

use crate::{
    abort::Abort,
    act::Act,
    call::Call,
    db::Pool,
    metrics::{self, Outcome},
    outbox::Outbox,
    replay,
    rest::REST,
    retry::retry,
    standing,
    turns::Turns,
    tx::Tx,
};

/// What changes are made with.
#[derive(Clone)]
pub struct Mutations {
    pool: Pool,
    clock: Arc<dyn Clock>,
    steady: Arc<Steady>,
    outbox: Outbox,
    tasks: Tasks,
    turns: Arc<Turns>,
    rest: Duration,
}

/// A change, as a handler has understood and permitted it.
pub trait Mutation: Send + Sync + 'static {
    /// What the caller is told.
    type Reply: Message + Clone + Default + 'static;

    /// Whether it only takes away, or notes what has happened elsewhere already. Such a change is not kept waiting by
    /// effects of earlier ones that can't be delivered: it commits behind them (R-M5, R-E1). Order holds all the same, since effects of a scope go in order.
    const REVOKES: bool = false;

    /// Whether it ends for good what was to end at some time: a role, what was deleted, a month. Such a change is not made
    /// while the clock is doubted, and the time of its transaction is a reading that was found to be right. Others go on:
    /// people can work, and what they do by a wrong time can be undone.
    const FALLS_DUE: bool = false;

    /// Whether it may take a permission from anybody, here or by its effects elsewhere. Such a change is answered only
    /// when it has rested ([`REST`](crate::REST)), whatever the answer is: that there is nothing left to take away may
    /// be what another change has done that still rests. It is asked before the change and after it, for one that finds out
    /// only then.
    fn takes_away(&self) -> bool {
        true
    }

    /// What is kept of the reply, and answers whoever repeats the call (R-J5): all of it, unless something in it is told once
    /// only, such as a secret.
    fn kept(reply: &Self::Reply) -> Cow<'_, Self::Reply> {
        Cow::Borrowed(reply)
    }

    /// Makes the change in a transaction: decides again, checks what must hold, writes, records. It may be run more
    /// than once, each time in a new transaction.
    fn once(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Reply, Abort>> + Send;
}

enum Attempt<R> {
    /// The change is made; its effects, if it has any, are yet to be delivered.
    Committed { response: R, has_effects: bool },
    /// What it would have been.
    Preview(R),
    /// Another call with the same `request_id` was first.
    Replayed,
    /// Earlier effects of the scopes must go first.
    Effects,
}

impl<R> Attempt<R> {
    fn is_committed(&self) -> bool {
        matches!(self, Self::Committed { .. })
    }
}

/// Measures a transaction.
async fn measured<R>(
    method: &'static str,
    transaction: impl Future<Output = Result<Attempt<R>, Abort>>,
) -> Result<Attempt<R>, Abort> {
    let begun = Instant::now();
    let result = transaction.await;
    let outcome = match &result {
        Ok(attempt) if attempt.is_committed() => Outcome::Committed,
        Ok(_) | Err(Abort::Fault(_)) => Outcome::Ended,
        Err(Abort::Storage(_) | Abort::OtherScopes) => Outcome::Failed,
    };
    metrics::transaction_ended(method, outcome, begun.elapsed());
    result
}

impl Mutations {
    /// Changes in this database, at the times that this clock shows. What falls due waits while it is doubted.
    #[must_use]
    pub fn new(pool: Pool, clock: Arc<dyn Clock>, steady: Arc<Steady>, outbox: Outbox, tasks: Tasks) -> Self {
        Self { pool, clock, steady, outbox, tasks, turns: Arc::default(), rest: REST }
    }

    /// The same, where what takes away rests for so long: less than [`REST`] is for tests that look for what goes wrong then.
    #[must_use]
    pub fn resting(self, rest: Duration) -> Self {
        Self { rest, ..self }
    }

    /// Rests as a change does that takes away ([`REST`]). For an answer in its place that there is nothing to take: that may be
    /// what another change has done that still rests.
    pub async fn rest(&self) {
        sleep(self.rest).await;
    }

    /// Answers a call once for each `request_id` (R-J5): with the first result if there is one, else by the work. The
    /// first result is looked for before the work, whose gate might refuse a caller who gave up by that very call
    /// what it needs; and after work that failed, since the first call may have ended meanwhile.
    pub async fn answer<R: Message + Default>(
        &self,
        call: &Call,
        work: impl Future<Output = Result<R, Fault>>,
    ) -> Result<R, Fault> {
        if let Some(first) = self.replayed(call).await? {
            return Ok(first);
        }
        // Boxed, since it holds the request and all that a handler works with.
        match Box::pin(work).await {
            Err(fault) => self.replayed(call).await?.ok_or(fault),
            answer => answer,
        }
    }

    /// The first result of this `request_id`, once its effects are delivered. What it took away may have been taken only
    /// now.
    async fn replayed<R: Message + Default>(&self, call: &Call) -> Result<Option<R>, Fault> {
        let Some(request_id) = call.request_id else { return Ok(None) };
        let mut db = self.pool.read().await?;
        let found = replay::first_result(&mut db, call, request_id).await?;
        let Some(replay) = found else { return Ok(None) };
        if let Some(person) = call.caller.principal.as_user()
            && !standing::is_active(&mut db, &person).await?
        {
            return Err(Fault::person_deactivated());
        }
        drop(db);
        if replay.request_hash != call.request_hash() {
            return Err(Fault::request_id_reused());
        }
        let scopes: Vec<Scope> = replay.scopes.split(' ').filter_map(|scope| scope.parse().ok()).collect();
        self.outbox.flush(&scopes).await?;
        self.rest().await;
        R::decode(replay.response.as_slice()).map(Some).map_err(Fault::internal)
    }

    /// Makes a change: commits it with the entries and effects that it wrote, delivers the effects, and answers. It
    /// goes on if the caller hangs up.
    pub async fn run<M: Mutation>(
        &self,
        call: Call,
        scopes: Vec<Scope>,
        change: M,
    ) -> Result<M::Reply, Fault> {
        let mutations = self.clone();
        let work = async move {
            let mut takes_away = change.takes_away();
            let result = mutations.run_to_end(&call, &scopes, &change, &mut takes_away).await;
            if call.is_answered() && (takes_away || change.takes_away()) {
                metrics::rested(call.method);
                mutations.rest().await;
            }
            result
        };
        self.tasks.run(work.boxed()).await
    }

    async fn run_to_end<M: Mutation>(
        &self,
        call: &Call,
        scopes: &[Scope],
        change: &M,
        takes_away: &mut bool,
    ) -> Result<M::Reply, Fault> {
        let mut behind = false;
        loop {
            let attempt = || {
                let work = measured(call.method, self.attempt(call, scopes, change, behind));
                trace::transaction(call.method, work, Attempt::is_committed).boxed()
            };
            let attempt = retry(attempt).await;
            let attempt = attempt.map_err(|fault| if behind { of_pending(fault) } else { fault });
            match attempt.map_err(|fault| if *takes_away { self.of_doubted(fault) } else { fault })? {
                Attempt::Committed { response, has_effects } => {
                    // Behind effects that are pending, what changed nothing may repeat the change that they are of.
                    if has_effects || behind {
                        self.outbox.flush(scopes).await?;
                    }
                    // An earlier change that took away may have done so only now.
                    *takes_away |= behind;
                    return Ok(response);
                }
                Attempt::Preview(response) => return Ok(response),
                Attempt::Effects => match self.outbox.flush(scopes).await {
                    // An earlier change that took away may have done so only now.
                    Ok(()) => *takes_away = true,
                    Err(_) if M::REVOKES => behind = true,
                    Err(_) => return Err(Fault::earlier_effect_pending()),
                },
                Attempt::Replayed => {
                    return self.replayed(call).await?.ok_or_else(Fault::storage_unavailable);
                }
            }
        }
    }

    /// What is answered to who takes away while the clock is doubted: that something is not there may mean that it seems to have
    /// ended, and it is back when the clock is put right.
    fn of_doubted(&self, fault: Fault) -> Fault {
        match fault.code() {
            Code::NotFound => self.steady.now().err().unwrap_or(fault),
            _ => fault,
        }
    }

    async fn attempt<M: Mutation>(
        &self,
        call: &Call,
        scopes: &[Scope],
        change: &M,
        behind: bool,
    ) -> Result<Attempt<M::Reply>, Abort> {
        let waiting = Instant::now();
        let _turn = self.turns.take(scopes).await;
        let act = Act {
            actor: call.caller.principal.clone(),
            on_behalf_of: call.on_behalf_of.clone(),
            method: call.method.to_owned(),
            time: if M::FALLS_DUE { self.steady.now()? } else { self.clock.now() },
        };
        let mut tx = self.pool.begin(scopes, act).await?;
        metrics::transaction_waited(call.method, waiting.elapsed());
        if !behind && tx.has_undelivered().await? {
            tx.rollback().await?;
            return Ok(Attempt::Effects);
        }
        if let Some(person) = call.holds()
            && !standing::hold(&mut tx, &person).await?
        {
            return Err(Fault::person_deactivated().into());
        }
        // Not left to `replay::remember`: a repetition would fail on the very change that the first call made.
        if let Some(request_id) = call.request_id
            && replay::first_result(&mut tx, call, request_id).await?.is_some()
        {
            tx.rollback().await?;
            return Ok(Attempt::Replayed);
        }
        let response = change.once(&mut tx).await?;
        if call.preview {
            tx.rollback().await?;
            return Ok(Attempt::Preview(response));
        }
        if !replay::remember(&mut tx, call, &*M::kept(&response)).await? {
            tx.rollback().await?;
            return Ok(Attempt::Replayed);
        }
        let has_effects = tx.has_effects();
        if let Err(error) = tx.commit().await {
            if has_effects {
                // A commit whose answer was lost may have been one.
                self.outbox.call_worker();
            }
            return Err(error.into());
        }
        // The turn ends here: whoever is next need not wait for the peers.
        Ok(Attempt::Committed { response, has_effects })
    }
}

/// What is answered behind effects that are still pending: that something is not there may be what one of these changes
/// has done, and would read as if it had taken effect.
fn of_pending(fault: Fault) -> Fault {
    match fault.code() {
        Code::NotFound | Code::PermissionDenied => Fault::earlier_effect_pending(),
        _ => fault,
    }
}
