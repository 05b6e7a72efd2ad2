//! App groups, and roles that are given to groups or on app groups (R-M11, R-A11).
use devspaces_authz::AppRole;
use devspaces_kit::{
    clock::Timestamp,
    name::{AppGroupName, ContributorName},
};
use serde_json::{Value, json};

use super::contributor::role_json;

/// A role as it was given: any but `OWNER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GivenRole {
    pub(crate) role: AppRole,
    /// When it ends (R-M10). `None`: it does not.
    pub(crate) expire_time: Option<Timestamp>,
}

impl GivenRole {
    /// What the journal says of a person's own role.
    pub(crate) fn to_user_json(self, name: &ContributorName) -> Value {
        let mut told = role_json(name, self.role);
        if let (Some(end), Some(told)) = (self.expire_time, told.as_object_mut()) {
            told.insert("expire_time".to_owned(), end.to_string().into());
        }
        told
    }

    /// What the journal says of it.
    pub(crate) fn to_json(self, holder: &str) -> Value {
        json!({
            "member": holder,
            "role": self.role.name(),
            "expire_time": self.expire_time.map(|end| end.to_string()),
        })
    }
}

/// A named set of a space's apps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppGroup {
    pub(crate) name: AppGroupName,
    pub(crate) display_name: String,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

impl AppGroup {
    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "display_name": self.display_name })
    }
}
