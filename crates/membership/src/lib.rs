//! The membership service: who is in a space and in which console role (rules R-M).
mod convert;
mod departure;
mod domain;
mod effects;
mod facts;
mod rpc;
mod store;

use std::sync::Arc;

use devspaces_gate::Context;
use devspaces_kit::db::Migration;
use devspaces_proto::membership::v1::membership_service_server::MembershipServiceServer;

pub use self::{departure::expire, facts::MembershipOwner};

/// The schema of this service's database.
pub const SCHEMA: &[Migration] = &[
    Migration {
        component: "membership",
        version: 1,
        sql: include_str!("../migrations/1_members.sql"),
        sqlite: None,
    },
    Migration {
        component: "membership",
        version: 2,
        sql: include_str!("../migrations/2_departures.sql"),
        sqlite: None,
    },
];

/// The service on a port.
#[must_use]
pub fn server(context: Arc<Context>) -> MembershipServiceServer<rpc::Rpc> {
    MembershipServiceServer::new(rpc::Rpc(context))
}
