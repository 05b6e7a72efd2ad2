//! What the billing service knows that permissions depend on.
use std::sync::LazyLock;

use devspaces_authz::{BillingFacts, Service};
use devspaces_gate::{Admins, OwnFacts, admin_spaces, space_admins};
use devspaces_ledger::db::RowsSql;

static READING: LazyLock<RowsSql> = LazyLock::new(|| Admins::reading("billing_admin"));

/// The billing service as the owner of billing admins.
#[must_use]
pub(crate) fn owner() -> Admins {
    Admins {
        owner: Service::Billing,
        facts: |admin| OwnFacts::Billing(BillingFacts { admin }),
        reading: &READING,
        spaces: admin_spaces!("billing_admin"),
        people: space_admins!("billing_admin"),
    }
}
