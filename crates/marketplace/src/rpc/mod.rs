//! What the marketplace service answers: a folder for each gRPC service.
mod listing;
mod profile;
mod records;

use std::sync::Arc;

use devspaces_gate::Context;

/// The services as gRPC sees them.
#[derive(Clone)]
pub(crate) struct Rpc(pub(crate) Arc<Context>);
