//! Groups of a space's members (R-M11).
use devspaces_kit::{
    clock::Timestamp,
    name::{GroupName, UserName},
};
use devspaces_proto::facts::v1::{ChangeGroup, Effect, effect};
use serde_json::{Value, json};

/// A group as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: GroupName,
    pub(crate) display_name: String,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

impl Group {
    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "display_name": self.display_name })
    }

    /// What the space service is told of it, on which roles on apps depend: whom it has more, and whom no more.
    pub(crate) fn effect(&self, added: &[UserName], removed: &[UserName]) -> Effect {
        let names = |people: &[UserName]| people.iter().map(ToString::to_string).collect();
        let (added, removed) = (names(added), names(removed));
        self.told(ChangeGroup { added, removed, ..ChangeGroup::default() })
    }

    /// What the space service is told when it is gone.
    pub(crate) fn end(&self) -> Effect {
        self.told(ChangeGroup { deleted: true, ..ChangeGroup::default() })
    }

    fn told(&self, change: ChangeGroup) -> Effect {
        let (group, display_name) = (self.name.to_string(), self.display_name.clone());
        Effect { effect: Some(effect::Effect::ChangeGroup(ChangeGroup { group, display_name, ..change })) }
    }
}
