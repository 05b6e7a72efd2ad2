//! The billing service: a space's billing account, what is used and what that costs (rules R-B).
mod budget_watch;
mod cap;
mod consent;
mod consequences;
mod convert;
mod credit;
mod domain;
mod effects;
mod enforcement;
mod events;
mod facts;
mod holdings;
mod reserved;
mod rpc;
mod run;
mod statement;
mod store;
mod summing;
mod untold;

use std::sync::{Arc, Mutex};

use devspaces_gate::{Context, FactOwner};
use devspaces_kit::{
    clock::Clock,
    server::Server,
    sweep::{Sweep, Told},
};
use devspaces_ledger::{
    db::{Migration, Pool},
    erasure::{By, Holding},
    inbox::{Inbox, Receive},
};
use devspaces_proto::{
    billing::v1::{
        billing_account_service_server::BillingAccountServiceServer,
        invoice_service_server::InvoiceServiceServer, usage_service_server::UsageServiceServer,
    },
    facts::v1::billing_records_service_server::BillingRecordsServiceServer,
};

pub use self::events::EVENTS;

/// The schema of this service's database.
pub const SCHEMA: &[Migration] = &[
    Migration {
        component: "billing",
        version: 1,
        sql: include_str!("../migrations/1_accounts.sql"),
        sqlite: None,
    },
    Migration {
        component: "billing",
        version: 2,
        sql: include_str!("../migrations/2_payment.sql"),
        sqlite: None,
    },
    Migration {
        component: "billing",
        version: 3,
        sql: include_str!("../migrations/3_usage.sql"),
        sqlite: None,
    },
    Migration {
        component: "billing",
        version: 4,
        sql: include_str!("../migrations/4_invoices.sql"),
        sqlite: None,
    },
    Migration {
        component: "billing",
        version: 5,
        sql: include_str!("../migrations/5_issued_stays.sql"),
        sqlite: Some(include_str!("../migrations/5_issued_stays.sqlite.sql")),
    },
    Migration {
        component: "billing",
        version: 6,
        sql: include_str!("../migrations/6_sums_of_all_metrics.sql"),
        sqlite: Some(include_str!("../migrations/6_sums_of_all_metrics.sqlite.sql")),
    },
    Migration {
        component: "billing",
        version: 7,
        sql: include_str!("../migrations/7_meters.sql"),
        sqlite: Some(include_str!("../migrations/7_meters.sqlite.sql")),
    },
    Migration {
        component: "billing",
        version: 8,
        sql: include_str!("../migrations/8_past_due_suspends.sql"),
        sqlite: None,
    },
    Migration {
        component: "billing",
        version: 9,
        sql: include_str!("../migrations/9_consent.sql"),
        sqlite: None,
    },
    Migration {
        component: "billing",
        version: 10,
        sql: include_str!("../migrations/10_corrections.sql"),
        sqlite: None,
    },
    Migration {
        component: "billing",
        version: 11,
        sql: include_str!("../migrations/11_budgets_caps.sql"),
        sqlite: None,
    },
    Migration {
        component: "billing",
        version: 12,
        sql: include_str!("../migrations/12_told_accounts.sql"),
        sqlite: None,
    },
    Migration {
        component: "billing",
        version: 13,
        sql: include_str!("../migrations/13_proofs.sql"),
        sqlite: None,
    },
];

/// What this service's tables hold of people: see `devspaces journal erase`.
pub const HOLDINGS: &[Holding] = &[
    Holding {
        what: "billing admins",
        by: By::Id,
        count: "SELECT count(*) FROM billing_admin WHERE person = $1",
        erase: None,
        left: None,
    },
    // R-B1: which terms were agreed to, and when, stays.
    Holding {
        what: "consents to invoicing",
        by: By::Id,
        count: "SELECT count(*) FROM account WHERE consented_by = $1",
        erase: Some("UPDATE account SET consented_by = '%28erased%29' WHERE consented_by = $1"),
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
    Arc::new(Inbox::new(pool, clock, effects::Received::from_sender))
}

/// What falls due in this service.
#[must_use]
pub fn sweeps(context: &Arc<Context>) -> Vec<Sweep> {
    let told = Arc::new(Told::default());
    let bill = move |context: Arc<Context>| {
        let told = Arc::clone(&told);
        async move { run::bill(&context, &told).await }
    };
    let watch = |context: Arc<Context>| async move { budget_watch::watch_budgets(&context).await };
    let suspend = |context: Arc<Context>| async move { enforcement::suspend_untold(&context).await };
    let last = Arc::new(Mutex::new(None));
    let sum_up = move |context: Arc<Context>| {
        let last = Arc::clone(&last);
        async move { summing::sum_up_changed(&context, &last).await }
    };
    let lift = |context: Arc<Context>| async move { consent::lift_what_is_over(&context).await };
    let tell = |context: Arc<Context>| async move { untold::tell_of_accounts(&context).await };
    let lift_caps = |context: Arc<Context>| async move { cap::lift_what_is_over(&context).await };
    let end = |context: Arc<Context>| async move { reserved::end_reservations(&context).await };
    vec![
        Sweep::new("billing", context, bill),
        Sweep::new("crossing of budgets", context, watch),
        Sweep::new("summing up of usage", context, sum_up),
        Sweep::new("end of suspensions for want of consent", context, lift),
        Sweep::new("end of suspensions by caps", context, lift_caps),
        Sweep::new("end of reservations", context, end),
        Sweep::new("telling of accounts that were there before", context, tell),
        Sweep::new("suspension for invoices that were past due before", context, suspend),
    ]
}

/// Puts this service on a port.
#[must_use]
pub fn host(server: Server, context: Arc<Context>) -> Server {
    let rpc = rpc::Rpc(context);
    server
        .service(BillingAccountServiceServer::new(rpc.clone()))
        .service(UsageServiceServer::new(rpc.clone()))
        .service(InvoiceServiceServer::new(rpc.clone()))
        .service(BillingRecordsServiceServer::new(rpc))
}
