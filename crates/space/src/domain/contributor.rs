use devspaces_authz::AppRole;
use devspaces_kit::{
    clock::Timestamp,
    name::{ContributorName, SpaceName},
};
use serde_json::{Value, json};

/// A person's own role on an app, as it is stored (R-A3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contributor {
    pub(crate) name: ContributorName,
    pub(crate) role: AppRole,
    /// The app's space.
    pub(crate) space: Option<SpaceName>,
    /// When the role ends (R-M10); never that of `OWNER`. `None`: it does not.
    pub(crate) expire_time: Option<Timestamp>,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

impl Contributor {
    /// A role that is held from now on. It belongs to the journal entry that told of it.
    pub(crate) fn new(
        name: ContributorName,
        role: AppRole,
        space: Option<SpaceName>,
        now: Timestamp,
        revision: i64,
    ) -> Self {
        Self { name, role, space, expire_time: None, create_time: now, update_time: now, revision }
    }

    /// The same person with another role from now on, which does not end.
    pub(crate) fn with_role(&self, role: AppRole, now: Timestamp, revision: i64) -> Self {
        Self { role, expire_time: None, update_time: now, revision, ..self.clone() }
    }

    /// Whether the role has not ended by a time.
    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        self.expire_time.is_none_or(|end| now < end)
    }
}

/// What the journal says of a role.
pub(crate) fn role_json(name: &ContributorName, role: AppRole) -> Value {
    json!({ "user": name.user.to_string(), "role": role.name() })
}
