//! What the marketplace service does because something happened elsewhere.
use devspaces_gate::AdminPlane;
use devspaces_kit::name::{MarketplaceAdminName, SpaceName, UserName};
use devspaces_ledger::{Abort, Change, Tx};
use serde_json::{Value, json};

use crate::store;

/// The plane of Marketplace admins.
pub(crate) struct MarketplaceAdmins;

impl AdminPlane for MarketplaceAdmins {
    /// R-M12
    async fn drop_admin(tx: &mut Tx, space: SpaceName, user: &UserName) -> Result<(), Abort> {
        let profile = store::profile::of_space(tx, space).await?;
        let since = store::admin::since(tx, space, user).await?;
        let Some((profile, _)) = profile.zip(since) else { return Ok(()) };
        let name = MarketplaceAdminName { profile: profile.name, user: user.clone() };
        let change = Change {
            scope: space.into(),
            resources: vec![name.to_string()],
            before: json!({ "user": user.to_string() }),
            after: Value::Null,
            facts: true,
        };
        tx.record(change).await?;
        Ok(store::admin::remove(tx, space, user).await?)
    }
}
