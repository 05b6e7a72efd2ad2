//! A space has a billing account, without which nobody deploys there if the operator wants one (R-E3).
use devspaces_kit::{
    name::{Scope, SpaceName},
    status::Fault,
};
use devspaces_ledger::{Abort, Change, Tx};
use devspaces_proto::facts::v1::NoteBillingAccount;
use serde_json::json;

use crate::{domain::Space, store};

/// The billing service has made an account. It is for good.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccountOpened {
    space: SpaceName,
}

impl AccountOpened {
    pub(super) fn read(noted: &NoteBillingAccount) -> Result<Self, Fault> {
        let space = noted.space.parse().map_err(|_| Fault::message_malformed())?;
        Ok(Self { space })
    }

    pub(super) fn scope(self) -> Scope {
        self.space.into()
    }

    /// A space that is purged is passed over: nobody deploys there. What the space itself says stays as it was, and so does its etag.
    pub(super) async fn apply(self, tx: &mut Tx) -> Result<(), Abort> {
        let found = store::space::find(tx, self.space).await?;
        let Some(before) = found.filter(|space| !space.has_account) else { return Ok(()) };
        let change = Change {
            scope: self.scope(),
            resources: vec![self.space.to_string()],
            before: json!({ "billing_account": false }),
            after: json!({ "billing_account": true }),
            facts: true,
        };
        tx.record(change).await?;
        let after = Space { has_account: true, ..before };
        Ok(store::space::put(tx, &after).await?)
    }
}
