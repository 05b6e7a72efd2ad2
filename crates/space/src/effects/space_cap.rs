//! The budget of a space is a cap, and the billing service found it to be reached, or no longer (R-E4).
use devspaces_authz::SuspensionReason;
use devspaces_gate::suspension_reason_from_wire;
use devspaces_kit::{
    name::{BudgetName, Scope, SpaceName},
    status::Fault,
};
use devspaces_ledger::{Abort, Change, Tx};
use devspaces_proto::facts::v1::SetSuspension;

use crate::{domain::Space, store};

/// A space is suspended for its cap, or no longer: and so are all apps while they are in it, whichever come and go.
#[derive(Clone, Debug)]
pub(super) struct SpaceCap {
    cap: BudgetName,
    suspended: bool,
}

impl SpaceCap {
    /// Reads it; nothing if it is another suspension.
    pub(super) fn read(set: &SetSuspension) -> Result<Option<Self>, Fault> {
        if suspension_reason_from_wire(set.reason) != Some(SuspensionReason::Cap) {
            return Ok(None);
        }
        let cap: BudgetName = set.source.parse().map_err(|_| Fault::message_malformed())?;
        match (cap.app, set.apps.is_empty()) {
            (Some(_), _) => Ok(None),
            (None, true) => Ok(Some(Self { cap, suspended: set.suspended })),
            (None, false) => Err(Fault::message_malformed()),
        }
    }

    pub(super) fn scope(&self) -> Scope {
        self.cap.space.into()
    }

    /// A space that is purged is passed over: nothing of it can run.
    pub(super) async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        let name: SpaceName = self.cap.space;
        let Some(before) = store::space::find(tx, name).await? else { return Ok(()) };
        let suspension = if self.suspended {
            before.suspension.with(SuspensionReason::Cap)
        } else {
            before.suspension.without(SuspensionReason::Cap)
        };
        if suspension == before.suspension {
            return Ok(());
        }
        let mut after = Space { suspension, update_time: tx.time(), ..before.clone() };
        // R-E6
        let mut told = after.to_json();
        told["reason"] = SuspensionReason::Cap.name().into();
        told["source"] = self.cap.to_string().into();
        told["suspended"] = self.suspended.into();
        let change = Change {
            scope: name.into(),
            resources: vec![name.to_string()],
            before: before.to_json(),
            after: told,
            facts: true,
        };
        after.revision = tx.record(change).await?;
        store::space::put(tx, &after).await?;
        store::stamp::renew(tx, name, after.revision).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn set(reason: i32, budget: &str, apps: &[&str]) -> SetSuspension {
        let id = Uuid::from_u128(7);
        let source = format!("spaces/{id}/billingAccount/budgets/{budget}");
        let apps = apps.iter().map(ToString::to_string).collect();
        SetSuspension { reason, source, apps, suspended: true }
    }

    // R-E4
    #[test]
    fn the_cap_of_a_space_is_of_the_space_and_names_no_apps() {
        let app = Uuid::from_u128(9).to_string();
        let name = format!("apps/{app}");
        assert!(matches!(SpaceCap::read(&set(6, "space", &[])), Ok(Some(_))));
        assert!(matches!(SpaceCap::read(&set(6, &app, &[&name])), Ok(None)), "that of an app");
        assert!(matches!(SpaceCap::read(&set(5, "space", &[])), Ok(None)), "another reason");
        assert!(SpaceCap::read(&set(6, "space", &[&name])).is_err());
        assert!(SpaceCap::read(&set(6, "other", &[])).is_err());
    }
}
