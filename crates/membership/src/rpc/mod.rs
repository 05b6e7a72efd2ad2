//! What the membership service answers: a folder for each gRPC service of the API.
mod invitation;
mod member;
mod people;
mod records;

use std::sync::Arc;

use devspaces_gate::Context;

/// The services as gRPC sees them.
#[derive(Clone)]
pub(crate) struct Rpc(pub(crate) Arc<Context>);
