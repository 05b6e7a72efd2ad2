//! What the marketplace service knows that permissions depend on.
use std::sync::LazyLock;

use devspaces_authz::{MarketplaceFacts, Service};
use devspaces_gate::{Admins, OwnFacts, admin_spaces, space_admins};
use devspaces_ledger::db::RowsSql;

static READING: LazyLock<RowsSql> = LazyLock::new(|| Admins::reading("marketplace_admin"));

/// The marketplace service as the owner of Marketplace admins.
#[must_use]
pub(crate) fn owner() -> Admins {
    Admins {
        owner: Service::Marketplace,
        facts: |admin| OwnFacts::Marketplace(MarketplaceFacts { admin }),
        reading: &READING,
        spaces: admin_spaces!("marketplace_admin"),
        people: space_admins!("marketplace_admin"),
    }
}
