//! How every change is made: once for each `request_id`, in one transaction with its journal entries and effects, in a
//! task that outlives a caller who hangs up.
use std::{mem, sync::Arc, time::Duration};

use devspaces_proto::MutationRequest;
use futures::{FutureExt as _, future::BoxFuture};
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::Code;
use uuid::Uuid;

use crate::{
    clock::Clock,
    db::{Act, Error, Pool, Tx},
    identity::Caller,
    metrics,
    name::{Principal, Scope},
    outbox::Outbox,
    replay,
    server::Tasks,
    status::{Fault, Fields},
    steady::Steady,
    text,
    trace::Span,
    turns::Turns,
};

/// How often a transaction that gave way to another is run again before the caller is told.
const REPETITIONS: u32 = 10;
/// The longest pause before the first repetition; it doubles with each.
const PAUSE: Duration = Duration::from_millis(2);

/// Why a transaction ends without a commit.
#[derive(Debug)]
pub enum Abort {
    /// The caller is told this.
    Fault(Box<Fault>),
    /// The database failed; if it only gave way to another transaction, this one is run again.
    Storage(Error),
    /// The transaction turned out to need other scopes than it holds. It is run again, with those.
    OtherScopes,
}

impl From<Fault> for Abort {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<Error> for Abort {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

impl From<sqlx::Error> for Abort {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl From<Abort> for Fault {
    fn from(abort: Abort) -> Self {
        match abort {
            Abort::Fault(fault) => *fault,
            Abort::Storage(error) => error.into(),
            Abort::OtherScopes => Self::storage_unavailable(),
        }
    }
}

/// One call of a mutating method.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls.
    pub caller: Caller,
    /// The method: `devspaces.space.v1.SpaceService/UpdateSpace`.
    pub method: &'static str,
    request_id: Option<Uuid>,
    request_hash: [u8; 32],
    preview: bool,
    on_behalf_of: Option<Principal>,
}

impl Call {
    /// A call with this request, out of which the `request_id` was taken: the spelling of the key is no part of the
    /// content.
    #[must_use]
    pub fn new(
        caller: Caller,
        method: &'static str,
        request: &impl Message,
        request_id: Option<Uuid>,
    ) -> Self {
        // Compared with that of a call with the same key and of no other: a large request without one is not hashed.
        let request_hash = request_id.map_or([0; 32], |_| Sha256::digest(request.encode_to_vec()).into());
        Self { caller, method, request_id, request_hash, preview: false, on_behalf_of: None }
    }

    /// What a service does of its own accord when it falls due. The journal names `what` in place of a method: nobody
    /// called one.
    #[must_use]
    pub fn of_service(name: &str, what: &'static str) -> Self {
        let caller = Caller { principal: Principal::service(name), email: None, suite: None, expires: None };
        Self::new(caller, what, &(), None)
    }

    /// The same call, made on behalf of someone: for the journal, and of no other consequence (R-P7).
    #[must_use]
    pub fn on_behalf_of(self, principal: Principal) -> Self {
        Self { on_behalf_of: Some(principal), ..self }
    }

    /// The same call without its `request_id`: for a change that precedes the one whose result is the answer.
    #[must_use]
    pub fn without_request_id(self) -> Self {
        Self { request_id: None, ..self }
    }

    /// One of several changes that the call makes, each by itself. The same part of a repeated call has the same
    /// `request_id`, so that it is made once however often the call is broken off.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        let of_part = |whole: Uuid| {
            let digest = Sha256::new_with_prefix(whole.as_bytes()).chain_update(name).finalize();
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest[..16]);
            uuid::Builder::from_custom_bytes(bytes).into_uuid()
        };
        Self { request_id: self.request_id.map(of_part), ..self.clone() }
    }

    /// The `request_id`, if the caller chose one.
    #[must_use]
    pub fn request_id(&self) -> Option<Uuid> {
        self.request_id
    }

    /// The digest of the request, by which a repetition is told from another call with the same `request_id`.
    pub(crate) fn request_hash(&self) -> &[u8] {
        &self.request_hash
    }

    /// Parses what comes before anything is looked up, syntax alone and all bad fields at once: the names, by what the
    /// method does with its fields, and the `request_id`, which is taken out of the request. With `validate_only` the
    /// call is to check everything and change nothing.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`.
    pub fn parse<Q: MutationRequest, N>(
        caller: Caller,
        request: &mut Q,
        names: impl FnOnce(&mut Fields, &Q) -> Option<N>,
    ) -> Result<(N, Self), Fault> {
        let mut fields = Fields::new();
        let request_id = mem::take(request.request_id());
        let names = names(&mut fields, request);
        let request_id = fields.check("request_id", text::request_id(&request_id));
        let (names, request_id) = fields.finish_with(names.zip(request_id))?;
        let preview = request.validate_only();
        Ok((names, Self { preview, ..Self::new(caller, Q::METHOD, request, request_id) }))
    }
}

/// What changes are made with.
#[derive(Clone)]
pub struct Mutations {
    pool: Pool,
    clock: Arc<dyn Clock>,
    steady: Arc<Steady>,
    outbox: Outbox,
    tasks: Tasks,
    turns: Arc<Turns>,
}

/// A change, as a handler has understood and permitted it.
pub trait Mutation: Send + Sync + 'static {
    /// What the caller is told.
    type Reply: Message + Default + 'static;

    /// Whether it only takes away. Such a change is not kept waiting by effects of earlier ones that can't be
    /// delivered: it commits behind them (R-M5). Order holds all the same, since effects of a scope go in order.
    const REVOKES: bool = false;

    /// Whether it ends for good what was to end at some time: a role, what was deleted, a month. Such a change is not made
    /// while the clock is doubted, and the time of its transaction is a reading that was found to be right. Others go on:
    /// people can work, and what they do by a wrong time can be undone.
    const FALLS_DUE: bool = false;

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

impl Mutations {
    /// Changes in this database, at the times that this clock shows. What falls due waits while it is doubted.
    #[must_use]
    pub fn new(pool: Pool, clock: Arc<dyn Clock>, steady: Arc<Steady>, outbox: Outbox, tasks: Tasks) -> Self {
        Self { pool, clock, steady, outbox, tasks, turns: Arc::default() }
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
        match work.await {
            Err(fault) => self.replayed(call).await?.ok_or(fault),
            answer => answer,
        }
    }

    /// The first result of this `request_id`, once its effects are delivered.
    async fn replayed<R: Message + Default>(&self, call: &Call) -> Result<Option<R>, Fault> {
        let Some(request_id) = call.request_id else { return Ok(None) };
        let found = replay::first_result(&mut self.pool.read().await?, call, request_id).await?;
        let Some(replay) = found else { return Ok(None) };
        if replay.request_hash != call.request_hash() {
            return Err(Fault::request_id_reused());
        }
        let scopes: Vec<Scope> = replay.scopes.split(' ').filter_map(|scope| scope.parse().ok()).collect();
        self.outbox.flush(&scopes).await?;
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
        self.tasks.run(async move { mutations.run_to_end(&call, &scopes, &change).await }.boxed()).await
    }

    async fn run_to_end<M: Mutation>(
        &self,
        call: &Call,
        scopes: &[Scope],
        change: &M,
    ) -> Result<M::Reply, Fault> {
        let mut behind = false;
        loop {
            let attempt = || {
                let is_committed = |attempt: &Attempt<_>| matches!(attempt, Attempt::Committed { .. });
                Span::transaction(self.attempt(call, scopes, change, behind), is_committed).boxed()
            };
            let attempt = retry(attempt).await;
            match attempt.map_err(|fault| if behind { of_pending(fault) } else { fault })? {
                Attempt::Committed { response, has_effects } => {
                    if has_effects {
                        self.outbox.flush(scopes).await?;
                    }
                    return Ok(response);
                }
                Attempt::Preview(response) => return Ok(response),
                Attempt::Effects => match self.outbox.flush(scopes).await {
                    Ok(()) => {}
                    Err(_) if M::REVOKES => behind = true,
                    Err(_) => return Err(Fault::earlier_effect_pending()),
                },
                Attempt::Replayed => {
                    return self.replayed(call).await?.ok_or_else(Fault::storage_unavailable);
                }
            }
        }
    }

    async fn attempt<M: Mutation>(
        &self,
        call: &Call,
        scopes: &[Scope],
        change: &M,
        behind: bool,
    ) -> Result<Attempt<M::Reply>, Abort> {
        let _turn = self.turns.take(scopes).await;
        let act = Act {
            actor: call.caller.principal.clone(),
            on_behalf_of: call.on_behalf_of.clone(),
            method: call.method.to_owned(),
            time: if M::FALLS_DUE { self.steady.now()? } else { self.clock.now() },
        };
        let mut tx = self.pool.begin(scopes, act).await?;
        if !behind && tx.has_undelivered().await? {
            tx.rollback().await?;
            return Ok(Attempt::Effects);
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
        if !replay::remember(&mut tx, call, &response).await? {
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

/// Runs a transaction, and runs it again while it gives way to others or needs other scopes: at most ten times more, after pauses that grow
/// and differ.
pub async fn retry<'a, R>(once: impl Fn() -> BoxFuture<'a, Result<R, Abort>>) -> Result<R, Fault> {
    let mut repetitions = 0;
    loop {
        match once().await {
            Err(abort @ (Abort::Storage(Error::Contended(_)) | Abort::OtherScopes))
                if repetitions < REPETITIONS =>
            {
                let other_scopes = matches!(abort, Abort::OtherScopes);
                metrics::repeated(if other_scopes { metrics::SCOPES } else { metrics::CONTENDED });
                let longest = PAUSE * 2_u32.pow(repetitions);
                tokio::time::sleep(longest.mul_f64(rand::random())).await;
                repetitions += 1;
            }
            result => return result.map_err(Fault::from),
        }
    }
}
