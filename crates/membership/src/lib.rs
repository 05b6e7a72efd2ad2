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
use devspaces_ledger::{
    db::Migration,
    erasure::{By, Holding},
};
use devspaces_proto::{
    facts::v1::membership_records_service_server::MembershipRecordsServiceServer,
    membership::v1::membership_service_server::MembershipServiceServer,
};

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
    Migration {
        component: "membership",
        version: 3,
        sql: include_str!("../migrations/3_builders.sql"),
        sqlite: None,
    },
];

/// What this service's tables hold of people: see `devspaces journal erase`.
pub const HOLDINGS: &[Holding] = &[Holding {
    what: "memberships",
    by: By::Id,
    count: "SELECT count(*) FROM member WHERE person = $1",
    erase: None,
    left: None,
}];

/// The services on a port: members, and what the other services ask.
#[must_use]
pub fn servers(
    context: Arc<Context>,
) -> (MembershipServiceServer<rpc::Rpc>, MembershipRecordsServiceServer<rpc::Rpc>) {
    let rpc = rpc::Rpc(context);
    (MembershipServiceServer::new(rpc.clone()), MembershipRecordsServiceServer::new(rpc))
}
