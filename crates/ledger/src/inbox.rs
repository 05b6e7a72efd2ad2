//! Effects of other services' changes: applied here once, in a transaction of their own.
use devspaces_kit::{
    clock::Timestamp,
    name::{Principal, Scope},
    status::Fault,
};
use devspaces_proto::facts::v1::ApplyEffectsRequest;

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

/// Applies what a change of the service `sender` brings about here, unless that is done already.
///
/// # Errors
/// `INVALID_ARGUMENT` for a request without a proper actor; what the effects or the database answer.
pub async fn apply(
    pool: &Pool,
    sender: &str,
    request: &ApplyEffectsRequest,
    effects: &impl Effects,
    now: Timestamp,
) -> Result<(), Fault> {
    let on_behalf_of = request.actor.parse().map_err(|_| Fault::message_malformed())?;
    let act = Act {
        actor: Principal::service(sender),
        on_behalf_of: Some(on_behalf_of),
        method: request.method.clone(),
        time: now,
    };
    let once = async || {
        let scopes = effects.scopes(&mut pool.read().await?).await?;
        let mut tx = pool.begin(&scopes, act.clone()).await?;
        if tx.admit(sender, request).await? {
            effects.once(&mut tx).await?;
        }
        Ok(tx.commit().await?)
    };
    retry(|| Box::pin(once())).await
}
