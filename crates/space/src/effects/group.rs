//! A group of a space's members is made, changes, or is gone.
use devspaces_kit::{
    name::{GroupName, Scope, UserName},
    status::Fault,
};
use devspaces_ledger::{Abort, Change, Tx};
use devspaces_proto::facts::v1::ChangeGroup;
use serde_json::{Value, json};

use crate::store;

fn people(names: &[String]) -> Result<Vec<UserName>, Fault> {
    names.iter().map(|name| name.parse().map_err(|_| Fault::message_malformed())).collect()
}

/// R-M11: what becomes of a group.
#[derive(Clone, Debug)]
pub(super) struct Regrouping {
    group: GroupName,
    display_name: String,
    added: Vec<UserName>,
    removed: Vec<UserName>,
    deleted: bool,
}

impl Regrouping {
    pub(super) fn read(change: &ChangeGroup) -> Result<Self, Fault> {
        Ok(Self {
            group: change.group.parse().map_err(|_| Fault::message_malformed())?,
            display_name: change.display_name.clone(),
            added: people(&change.added)?,
            removed: people(&change.removed)?,
            deleted: change.deleted,
        })
    }

    pub(super) fn scope(&self) -> Scope {
        self.group.space.into()
    }

    /// Nothing is written to the apps on which the group has roles, however many they are: the space's stamp covers them.
    pub(super) async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        let Self { group, display_name, added, removed, deleted } = self;
        if store::space::find(tx, group.space).await?.is_none() {
            // It was purged, with its groups.
            return Ok(());
        }
        let names = |people: &[UserName]| people.iter().map(ToString::to_string).collect::<Vec<_>>();
        let after = json!({ "display_name": display_name, "added": names(added), "removed": names(removed) });
        let change = Change {
            scope: group.space.into(),
            resources: vec![group.to_string()],
            before: json!({ "display_name": store::group::find(tx, *group).await? }),
            after: if *deleted { Value::Null } else { after },
            facts: true,
        };
        let revision = tx.record(change).await?;
        store::stamp::renew(tx, group.space, revision).await?;
        if *deleted {
            return Ok(store::group::delete(tx, *group).await?);
        }
        store::group::put(tx, *group, display_name).await?;
        store::group::add(tx, *group, added).await?;
        for person in removed {
            store::group::remove(tx, *group, person).await?;
        }
        Ok(())
    }
}
