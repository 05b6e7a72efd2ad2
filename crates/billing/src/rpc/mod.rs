//! What the billing service answers: a folder for each gRPC service.
mod account;
mod invoice;
mod records;
mod usage;

use std::sync::Arc;

use devspaces_gate::Context;

/// The services as gRPC sees them.
#[derive(Clone)]
pub(crate) struct Rpc(pub(crate) Arc<Context>);
