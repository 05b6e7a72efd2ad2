//! The membership service: who is in a space and in which console role (rules R-M).
mod apps;
mod convert;
mod departure;
mod domain;
mod effects;
mod events;
mod facts;
mod forget;
mod removal;
mod rpc;
mod store;
mod void;

use std::sync::Arc;

use devspaces_gate::{Context, FactOwner};
use devspaces_kit::{clock::Clock, server::Server, sweep::Sweep};
use devspaces_ledger::{
    db::{Migration, Pool},
    erasure::{By, Holding},
    inbox::{Inbox, Receive},
};
use devspaces_proto::{
    facts::v1::membership_records_service_server::MembershipRecordsServiceServer,
    membership::v1::{
        group_service_server::GroupServiceServer, invitation_service_server::InvitationServiceServer,
        membership_service_server::MembershipServiceServer, people_service_server::PeopleServiceServer,
        review_service_server::ReviewServiceServer,
    },
};

pub use self::events::EVENTS;

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
    Migration {
        component: "membership",
        version: 4,
        sql: include_str!("../migrations/4_invitations.sql"),
        sqlite: None,
    },
    Migration {
        component: "membership",
        version: 5,
        sql: include_str!("../migrations/5_groups.sql"),
        sqlite: None,
    },
    Migration {
        component: "membership",
        version: 6,
        sql: include_str!("../migrations/6_people.sql"),
        sqlite: None,
    },
    Migration {
        component: "membership",
        version: 7,
        sql: include_str!("../migrations/7_reviews.sql"),
        sqlite: None,
    },
    Migration {
        component: "membership",
        version: 8,
        sql: include_str!("../migrations/8_emergencies.sql"),
        sqlite: None,
    },
];

/// What this service's tables hold of people: see `devspaces journal erase`.
pub const HOLDINGS: &[Holding] = &[
    Holding {
        what: "memberships",
        by: By::Id,
        count: "SELECT count(*) FROM member WHERE person = $1",
        erase: None,
        left: None,
    },
    Holding {
        what: "memberships of groups",
        by: By::Id,
        count: "SELECT count(*) FROM group_member WHERE person = $1",
        erase: None,
        left: None,
    },
    Holding {
        what: "invitations of the person",
        by: By::Id,
        count: "SELECT count(*) FROM invitation WHERE person = $1",
        erase: Some("DELETE FROM invitation WHERE person = $1 AND state <> 'PENDING'"),
        left: Some("SELECT count(*) FROM invitation WHERE person = $1 AND state = 'PENDING'"),
    },
    Holding {
        what: "invitations of the address",
        by: By::Email,
        count: "SELECT count(*) FROM invitation WHERE lower(email) = lower($1)",
        erase: Some("DELETE FROM invitation WHERE lower(email) = lower($1) AND state <> 'PENDING'"),
        left: Some("SELECT count(*) FROM invitation WHERE lower(email) = lower($1) AND state = 'PENDING'"),
    },
    Holding {
        what: "invitations by the person",
        by: By::Id,
        count: "SELECT count(*) FROM invitation WHERE inviter = $1",
        erase: Some(
            "UPDATE invitation SET inviter = '%28erased%29' WHERE inviter = $1 AND state <> 'PENDING'",
        ),
        left: Some("SELECT count(*) FROM invitation WHERE inviter = $1 AND state = 'PENDING'"),
    },
    // Who is deactivated stays so.
    Holding {
        what: "deactivations that were undone",
        by: By::Id,
        count: "SELECT count(*) FROM deactivation WHERE person = $1",
        erase: Some("DELETE FROM deactivation WHERE person = $1 AND state = 'ACTIVE'"),
        left: Some("SELECT count(*) FROM deactivation WHERE person = $1 AND state <> 'ACTIVE'"),
    },
    // Without them an invitation to an address would bring somebody back who was removed.
    Holding {
        what: "notes of spaces that the person was removed from while addresses are invited there",
        by: By::Id,
        count: "SELECT count(*) FROM departed WHERE person = $1",
        erase: Some(
            "DELETE FROM departed WHERE person = $1 AND NOT EXISTS
               (SELECT 1 FROM invitation i WHERE i.space = departed.space AND i.state = 'PENDING'
                  AND i.email IS NOT NULL AND i.made <= departed.made)",
        ),
        left: Some(
            "SELECT count(*) FROM departed WHERE person = $1 AND EXISTS
               (SELECT 1 FROM invitation i WHERE i.space = departed.space AND i.state = 'PENDING'
                  AND i.email IS NOT NULL AND i.made <= departed.made)",
        ),
    },
];

/// This service as the owner of facts.
#[must_use]
pub fn owner() -> Arc<dyn FactOwner> {
    Arc::new(facts::MembershipOwner)
}

/// What changes of other services bring about in this one's database.
#[must_use]
pub fn inbox(pool: Pool, clock: Arc<dyn Clock>) -> Arc<dyn Receive> {
    Arc::new(Inbox::new(pool, clock, effects::Received::from_sender))
}

/// What falls due in this service.
#[must_use]
pub fn sweeps(context: &Arc<Context>) -> Vec<Sweep> {
    vec![
        Sweep::new("removal of people", context, |context| async move { removal::remove(&context).await }),
        Sweep::new("expiry of roles", context, |context| async move { departure::expire(&context).await }),
        Sweep::new(
            "forgetting of invitations",
            context,
            |context| async move { forget::forget(&context).await },
        ),
    ]
}

/// Puts this service on a port.
#[must_use]
pub fn host(server: Server, context: Arc<Context>) -> Server {
    let rpc = rpc::Rpc(context);
    server
        .service(MembershipServiceServer::new(rpc.clone()))
        .service(InvitationServiceServer::new(rpc.clone()))
        .service(ReviewServiceServer::new(rpc.clone()))
        .service(GroupServiceServer::new(rpc.clone()))
        .service(PeopleServiceServer::new(rpc.clone()))
        .service(MembershipRecordsServiceServer::new(rpc))
}
