//! What the billing service does because something happened elsewhere.
use devspaces_gate::AdminPlane;
use devspaces_kit::name::{AccountName, BillingAdminName, SpaceName, UserName};
use devspaces_ledger::{Abort, Change, Tx};
use serde_json::{Value, json};

use crate::store;

/// The plane of billing admins.
pub(crate) struct BillingAdmins;

impl AdminPlane for BillingAdmins {
    /// R-M12
    async fn drop_admin(tx: &mut Tx, space: SpaceName, user: &UserName) -> Result<(), Abort> {
        let name = BillingAdminName { account: AccountName(space), user: user.clone() };
        if store::admin::find(tx, &name).await?.is_none() {
            return Ok(());
        }
        let change = Change {
            scope: space.into(),
            resources: vec![name.to_string()],
            before: json!({ "billing_admins": [user.to_string()] }),
            after: Value::Null,
            facts: true,
        };
        tx.record(change).await?;
        Ok(store::admin::remove(tx, &name).await?)
    }
}
