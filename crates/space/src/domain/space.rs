//! A space, and what of it can be changed.
use devspaces_authz::{AppCreation, SpaceState, Suspension};
use devspaces_kit::{clock::Timestamp, name::SpaceName};
use serde_json::{Value, json};

use super::{purge_time, suspension::reasons_json};

/// What people call a space, say of it and know it by (R-S3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) logo_uri: String,
}

/// What is to change of a space. `None`: stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) logo_uri: Option<String>,
    pub(crate) app_creation: Option<AppCreation>,
}

impl Patch {
    /// The space with what changes of it.
    pub(crate) fn apply(&self, before: &Space) -> Space {
        let changed = |new: &Option<String>, old: &String| new.as_ref().unwrap_or(old).clone();
        let old = &before.metadata;
        let metadata = Metadata {
            display_name: changed(&self.display_name, &old.display_name),
            description: changed(&self.description, &old.description),
            logo_uri: changed(&self.logo_uri, &old.logo_uri),
        };
        let app_creation = self.app_creation.unwrap_or(before.app_creation);
        Space { metadata, app_creation, ..before.clone() }
    }
}

/// A space as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) name: SpaceName,
    pub(crate) metadata: Metadata,
    pub(crate) state: SpaceState,
    pub(crate) published: bool,
    /// R-S9
    pub(crate) app_creation: AppCreation,
    /// R-A12
    pub(crate) suspension: Suspension,
    /// R-E3: whether there is a billing account.
    pub(crate) has_account: bool,
    /// R-S6: when it was deleted.
    pub(crate) delete_time: Option<Timestamp>,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

impl Space {
    /// A space that is in use from now on, with nothing on other planes (R-S1), in which Developers create apps.
    pub(crate) fn new(name: SpaceName, metadata: Metadata, now: Timestamp) -> Self {
        let state = SpaceState::Active;
        Self {
            name,
            metadata,
            state,
            published: false,
            app_creation: AppCreation::Members,
            suspension: Suspension::NONE,
            has_account: false,
            delete_time: None,
            create_time: now,
            update_time: now,
            revision: 0,
        }
    }

    /// R-S6: whether it is too late to have the space back.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.delete_time.is_some_and(|deleted| purge_time(deleted) <= now)
    }

    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "display_name": self.metadata.display_name,
            "description": self.metadata.description,
            "logo_uri": self.metadata.logo_uri,
            "state": self.state.name(),
            "published": self.published,
            "app_creation": self.app_creation.name(),
            "suspended_for": reasons_json(self.suspension),
            "delete_time": self.delete_time.map(|deleted| deleted.to_string()),
        })
    }
}
