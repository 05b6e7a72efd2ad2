//! The services as gRPC sees them: a folder for each, with a file for each method.
mod app;
mod app_group;
mod records;
mod space;
mod suspension;

use std::sync::Arc;

use devspaces_gate::Context;

/// The handlers' end of the port.
#[derive(Clone)]
pub(crate) struct Rpc(pub(crate) Arc<Context>);
