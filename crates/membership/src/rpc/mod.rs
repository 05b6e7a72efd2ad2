//! What the membership service answers: a folder for each gRPC service of the API.
mod group;
mod invitation;
mod member;
mod people;
mod records;
mod review;

use std::sync::Arc;

use devspaces_authz::takes_away;
use devspaces_gate::Context;
use devspaces_kit::status::Fault;
use devspaces_ledger::{Abort, Call, Mutation, Tx};
use prost::Message;

/// The services as gRPC sees them.
#[derive(Clone)]
pub(crate) struct Rpc(pub(crate) Arc<Context>);

/// Keeps the result of a call whose changes were made elsewhere, or one by one, so that a repetition is answered with it (R-J5).
async fn kept<R: Message + Clone + Default + 'static>(
    context: &Context,
    call: &Call,
    reply: R,
) -> Result<R, Fault> {
    context.mutations.run(call.clone(), Vec::new(), Kept(reply)).await
}

/// Changes nothing itself.
struct Kept<R>(R);

impl<R: Message + Clone + Default + 'static> Mutation for Kept<R> {
    type Reply = R;
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, _: &mut Tx) -> Result<R, Abort> {
        Ok(self.0.clone())
    }
}
