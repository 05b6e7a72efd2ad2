//! The space service: spaces, their metadata and their life (rules R-S), and the apps in them (rules R-A).
mod convert;
mod domain;
mod effects;
mod events;
mod facts;
mod journaling;
mod purge;
mod rpc;
mod store;

use std::sync::Arc;

use devspaces_gate::{Context, FactOwner, Invoicing};
use devspaces_kit::{clock::Clock, server::Server, sweep::Sweep};
use devspaces_ledger::{
    db::{Migration, Pool},
    erasure::{By, Holding},
    inbox::{Inbox, Receive},
};
use devspaces_proto::{
    facts::v1::space_records_service_server::SpaceRecordsServiceServer,
    space::v1::{
        app_group_service_server::AppGroupServiceServer, app_service_server::AppServiceServer,
        space_service_server::SpaceServiceServer,
    },
};

pub use self::events::EVENTS;

/// The schema of this service's database.
pub const SCHEMA: &[Migration] = &[
    Migration {
        component: "space",
        version: 1,
        sql: include_str!("../migrations/1_spaces.sql"),
        sqlite: None,
    },
    Migration { component: "space", version: 2, sql: include_str!("../migrations/2_apps.sql"), sqlite: None },
    Migration {
        component: "space",
        version: 3,
        sql: include_str!("../migrations/3_holdings.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 4,
        sql: include_str!("../migrations/4_listings.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 5,
        sql: include_str!("../migrations/5_deletions.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 6,
        sql: include_str!("../migrations/6_deployers.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 7,
        sql: include_str!("../migrations/7_creators.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 8,
        sql: include_str!("../migrations/8_holders.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 9,
        sql: include_str!("../migrations/9_transfers.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 10,
        sql: include_str!("../migrations/10_groups.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 11,
        sql: include_str!("../migrations/11_ending_contributors.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 12,
        sql: include_str!("../migrations/12_app_creation.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 13,
        sql: include_str!("../migrations/13_reviews.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 14,
        sql: include_str!("../migrations/14_group_bindings.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 15,
        sql: include_str!("../migrations/15_suspensions.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 16,
        sql: include_str!("../migrations/16_suspension_sources.sql"),
        sqlite: None,
    },
    Migration {
        component: "space",
        version: 17,
        sql: include_str!("../migrations/17_accounts.sql"),
        sqlite: None,
    },
];

/// What this service's tables hold of people: see `devspaces journal erase`.
pub const HOLDINGS: &[Holding] = &[
    Holding {
        what: "roles on apps",
        by: By::Id,
        count: "SELECT count(*) FROM contributor WHERE person = $1",
        erase: None,
        left: None,
    },
    Holding {
        what: "memberships of groups, as the owner of apps knows them",
        by: By::Id,
        count: "SELECT count(*) FROM group_member WHERE person = $1",
        erase: None,
        left: None,
    },
    Holding {
        what: "roles on app groups",
        by: By::Id,
        count: "SELECT count(*) FROM app_group_role WHERE person = $1",
        erase: None,
        left: None,
    },
    // What was known of a person before the departure is no ground for a change after it: it matters to calls that are
    // under way while somebody is removed, and to none that begins later.
    Holding {
        what: "departures from spaces",
        by: By::Id,
        count: "SELECT count(*) FROM departure WHERE person = $1",
        erase: Some("DELETE FROM departure WHERE person = $1"),
        left: None,
    },
    // They bound how many spaces a person makes (R-S10), and say nothing of who may do what there.
    Holding {
        what: "notes of which spaces the person made",
        by: By::Id,
        count: "SELECT count(*) FROM space_creator WHERE person = $1",
        erase: Some("DELETE FROM space_creator WHERE person = $1"),
        left: None,
    },
    Holding {
        what: "notes of how many spaces the person made",
        by: By::Id,
        count: "SELECT count(*) FROM space_count WHERE person = $1",
        erase: Some("DELETE FROM space_count WHERE person = $1"),
        left: None,
    },
    // What is pending can't be accepted any more: it took the initiator's role, which is nobody's now (R-A7).
    Holding {
        what: "transfers that the person initiated",
        by: By::Id,
        count: "SELECT count(*) FROM transfer WHERE initiator = $1",
        erase: Some("UPDATE transfer SET initiator = '%28erased%29' WHERE initiator = $1"),
        left: None,
    },
];

/// This service as the owner of facts, under what the operator wants of money.
#[must_use]
pub fn owner(invoicing: &Invoicing) -> Arc<dyn FactOwner> {
    Arc::new(facts::SpaceOwner { consent_required_for: invoicing.consent_required_for })
}

/// What changes of other services bring about in this one's database.
#[must_use]
pub fn inbox(pool: Pool, clock: Arc<dyn Clock>) -> Arc<dyn Receive> {
    Arc::new(Inbox::new(pool, clock, effects::Received::from_sender))
}

/// What falls due in this service.
#[must_use]
pub fn sweeps(context: &Arc<Context>) -> Vec<Sweep> {
    vec![Sweep::new(
        "purge of what was deleted",
        context,
        |context| async move { purge::purge(&context).await },
    )]
}

/// Puts this service on a port.
#[must_use]
pub fn host(server: Server, context: Arc<Context>) -> Server {
    let rpc = rpc::Rpc(context);
    server
        .service(SpaceServiceServer::new(rpc.clone()))
        .service(AppServiceServer::new(rpc.clone()))
        .service(AppGroupServiceServer::new(rpc.clone()))
        .service(SpaceRecordsServiceServer::new(rpc))
}
