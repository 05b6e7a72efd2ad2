//! The space service: spaces, their metadata and their life (rules R-S).
mod convert;
mod domain;
mod facts;
mod rpc;
mod store;

use std::sync::Arc;

use devspaces_gate::Context;
use devspaces_kit::db::Migration;
use devspaces_proto::space::v1::space_service_server::SpaceServiceServer;

pub use self::facts::SpaceOwner;

/// The schema of this service's database.
pub const SCHEMA: &[Migration] = &[Migration {
    component: "space",
    version: 1,
    sql: include_str!("../migrations/1_spaces.sql"),
    sqlite: None,
}];

/// The service on a port.
#[must_use]
pub fn server(context: Arc<Context>) -> SpaceServiceServer<rpc::Rpc> {
    SpaceServiceServer::new(rpc::Rpc(context))
}
