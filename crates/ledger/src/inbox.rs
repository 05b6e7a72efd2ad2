//! Effects of other services' changes: applied here once, in a transaction of their own.
use std::sync::Arc;

use devspaces_kit::{
    clock::Clock,
    name::{Principal, Scope},
    status::{Fault, Reason},
};
use devspaces_proto::facts::v1::ApplyEffectsRequest;
use tonic::Code;

use crate::{
    abort::Abort,
    act::Act,
    db::{Conn, Error, Pool},
    retry::retry,
    tx::Tx,
};

/// What one change of a peer brings about here. What is the sender's to bring about is never refused, so nothing in
/// it asks the gate.
pub trait Effects: Send + Sync {
    /// The scopes that it changes, as they are before the transaction. If it needs others in the transaction, it ends
    /// with [`Abort::OtherScopes`].
    fn scopes(&self, db: &mut Conn) -> impl Future<Output = Result<Vec<Scope>, Error>> + Send;

    /// Brings it about in a transaction. It may be run more than once, each time in a new transaction.
    fn once(&self, tx: &mut Tx) -> impl Future<Output = Result<(), Abort>> + Send;
}

/// Takes the effects that other services' changes have on one service.
#[tonic::async_trait]
pub trait Receive: Send + Sync + 'static {
    /// Applies what a change of the service `sender` brings about here, unless that is done already. What is the sender's
    /// to bring about is never refused, and neither the gate nor the sender is called.
    async fn receive(&self, sender: &str, request: &ApplyEffectsRequest) -> Result<(), Fault>;
}

/// The effects that changes of other services have on this one's database.
pub struct Inbox<E> {
    pool: Pool,
    clock: Arc<dyn Clock>,
    read: fn(&str, &ApplyEffectsRequest) -> Result<E, Fault>,
}

impl<E> Inbox<E> {
    /// Applied to this database at the times that this clock shows, as they are read from what a service sent.
    #[must_use]
    pub fn new(
        pool: Pool,
        clock: Arc<dyn Clock>,
        read: fn(&str, &ApplyEffectsRequest) -> Result<E, Fault>,
    ) -> Self {
        Self { pool, clock, read }
    }
}

#[tonic::async_trait]
impl<E: Effects + 'static> Receive for Inbox<E> {
    async fn receive(&self, sender: &str, request: &ApplyEffectsRequest) -> Result<(), Fault> {
        let effects = (self.read)(sender, request)?;
        let on_behalf_of = request.actor.parse().map_err(|_| Fault::message_malformed())?;
        let act = Act {
            actor: Principal::service(sender),
            on_behalf_of: Some(on_behalf_of),
            method: request.method.clone(),
            time: self.clock.now(),
        };
        let once = async || {
            let scopes = effects.scopes(&mut self.pool.read().await?).await?;
            let mut tx = self.pool.begin(&scopes, act.clone()).await?;
            if tx.admit(sender, request).await? {
                effects.once(&mut tx).await?;
            }
            Ok(tx.commit().await?)
        };
        retry(|| Box::pin(once())).await
    }
}

/// What a service is told that sends an effect which is another's to bring about (R-P7).
#[must_use]
pub fn not_the_senders() -> Fault {
    let message = "This effect is not one that changes of the calling service have";
    Fault::new(Code::PermissionDenied, Reason::PermissionDenied, message)
}
