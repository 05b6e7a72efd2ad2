//! What the billing service knows that permissions depend on.
use std::sync::LazyLock;

use devspaces_authz::{BillingFacts, Owner};
use devspaces_gate::{Admins, OwnFacts, admin_spaces};
use devspaces_ledger::db::RowsSql;

static READING: LazyLock<RowsSql> = LazyLock::new(|| Admins::reading("billing_admin"));

/// The billing service as the owner of billing admins.
#[must_use]
pub(crate) fn owner() -> Admins {
    Admins {
        owner: Owner::Billing,
        facts: |admin| OwnFacts::Billing(BillingFacts { admin }),
        reading: &READING,
        spaces: admin_spaces!("billing_admin"),
    }
}
