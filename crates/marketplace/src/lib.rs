//! The marketplace service: vendor profiles, who runs them, and the listings of apps (rules R-K).
mod convert;
mod domain;
mod effects;
mod events;
mod facts;
mod finish;
mod rpc;
mod spaces;
mod store;

use std::sync::Arc;

use devspaces_gate::{AdminEffects, Context, FactOwner};
use devspaces_kit::{clock::Clock, server::Server, sweep::Sweep};
use devspaces_ledger::{
    db::{Migration, Pool},
    erasure::{By, Holding},
    inbox::{Inbox, Receive},
};
use devspaces_proto::{
    facts::v1::marketplace_records_service_server::MarketplaceRecordsServiceServer,
    marketplace::v1::{
        listing_service_server::ListingServiceServer,
        vendor_profile_service_server::VendorProfileServiceServer,
    },
};

pub use self::events::EVENTS;

/// The schema of this service's database.
pub const SCHEMA: &[Migration] = &[
    Migration {
        component: "marketplace",
        version: 1,
        sql: include_str!("../migrations/1_profiles.sql"),
        sqlite: None,
    },
    Migration {
        component: "marketplace",
        version: 2,
        sql: include_str!("../migrations/2_listings.sql"),
        sqlite: None,
    },
    Migration {
        component: "marketplace",
        version: 3,
        sql: include_str!("../migrations/3_creators.sql"),
        sqlite: None,
    },
];

/// What this service's tables hold of people: see `devspaces journal erase`.
pub const HOLDINGS: &[Holding] = &[
    Holding {
        what: "Marketplace admins",
        by: By::Id,
        count: "SELECT count(*) FROM marketplace_admin WHERE person = $1",
        erase: None,
        left: None,
    },
    // It bounds how many spaces a person makes (R-S10), and says nothing of who may do what there.
    Holding {
        what: "notes of how many vendor profiles the person created",
        by: By::Id,
        count: "SELECT count(*) FROM profile_count WHERE person = $1",
        erase: Some("DELETE FROM profile_count WHERE person = $1"),
        left: None,
    },
    // A listing that is only intended is its submitter's until it is decided, which takes seconds.
    Holding {
        what: "submissions of listings",
        by: By::Id,
        count: "SELECT count(*) FROM listing WHERE submitter = 'users/' || $1",
        erase: Some(
            "UPDATE listing SET submitter = 'users/%28erased%29', request_id = NULL
             WHERE submitter = 'users/' || $1 AND state <> 'RESERVING'",
        ),
        left: Some("SELECT count(*) FROM listing WHERE submitter = 'users/' || $1 AND state = 'RESERVING'"),
    },
    Holding {
        what: "vendor profiles with the address among their contacts",
        by: By::Email,
        // A text of JSON from quote to quote, so that it is the whole address; `lower` and `replace` are in both engines, and
        // unlike LIKE take no character of an address for a wildcard.
        count: "SELECT count(*) FROM vendor_profile
                WHERE replace(lower(contacts), '\"' || lower($1) || '\"', '') <> lower(contacts)",
        erase: None,
        left: None,
    },
];

/// This service as the owner of facts.
#[must_use]
pub fn owner() -> Arc<dyn FactOwner> {
    Arc::new(facts::owner())
}

/// What changes of other services bring about in this one's database.
#[must_use]
pub fn inbox(pool: Pool, clock: Arc<dyn Clock>) -> Arc<dyn Receive> {
    Arc::new(Inbox::new(pool, clock, AdminEffects::<effects::MarketplaceAdmins>::from_sender))
}

/// What falls due in this service.
#[must_use]
pub fn sweeps(context: &Arc<Context>) -> Vec<Sweep> {
    vec![Sweep::new(
        "submissions left half-way",
        context,
        |context| async move { finish::finish(&context).await },
    )]
}

/// Puts this service on a port.
#[must_use]
pub fn host(server: Server, context: Arc<Context>) -> Server {
    let rpc = rpc::Rpc(context);
    server
        .service(VendorProfileServiceServer::new(rpc.clone()))
        .service(ListingServiceServer::new(rpc.clone()))
        .service(MarketplaceRecordsServiceServer::new(rpc))
}
