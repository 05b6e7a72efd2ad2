//! The billing service: a space's billing account, what is used and what that costs (rules R-B).
mod billing;
mod budget_watch;
mod convert;
mod domain;
mod facts;
mod rpc;
mod statement;
mod store;

use std::sync::Arc;

use devspaces_gate::Context;
use devspaces_ledger::{
    db::Migration,
    erasure::{By, Holding},
};
use devspaces_proto::{
    billing::v1::{
        billing_account_service_server::BillingAccountServiceServer,
        invoice_service_server::InvoiceServiceServer, usage_service_server::UsageServiceServer,
    },
    facts::v1::billing_records_service_server::BillingRecordsServiceServer,
};

pub use self::{billing::bill, budget_watch::watch_budgets, facts::owner};

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

/// The services on a port.
pub struct Servers {
    /// Accounts.
    pub accounts: BillingAccountServiceServer<rpc::Rpc>,
    /// Usage and rate cards.
    pub usage: UsageServiceServer<rpc::Rpc>,
    /// Invoices.
    pub invoices: InvoiceServiceServer<rpc::Rpc>,
    /// What the other services ask.
    pub records: BillingRecordsServiceServer<rpc::Rpc>,
}

/// The services on a port.
#[must_use]
pub fn servers(context: Arc<Context>) -> Servers {
    let rpc = rpc::Rpc(context);
    Servers {
        accounts: BillingAccountServiceServer::new(rpc.clone()),
        usage: UsageServiceServer::new(rpc.clone()),
        invoices: InvoiceServiceServer::new(rpc.clone()),
        records: BillingRecordsServiceServer::new(rpc),
    }
}
