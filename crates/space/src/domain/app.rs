use devspaces_authz::Suspension;
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, ListingName, SpaceName},
};
use serde_json::{Value, json};

use super::{purge_time, suspension::reasons_json};

/// What people call an app, and say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) display_name: String,
    pub(crate) description: String,
}

/// What is to change of the details. `None`: stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DetailsPatch {
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<String>,
}

impl DetailsPatch {
    pub(crate) fn apply(&self, before: &Details) -> Details {
        let changed = |new: &Option<String>, old: &String| new.as_ref().unwrap_or(old).clone();
        Details {
            display_name: changed(&self.display_name, &before.display_name),
            description: changed(&self.description, &before.description),
        }
    }
}

/// Whether an app is on the Marketplace (R-K6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    Private,
    Submitted,
    Listed,
}

impl Listing {
    pub(crate) const ALL: [Self; 3] = [Self::Private, Self::Submitted, Self::Listed];

    /// The name by which it is stored and told: "PRIVATE".
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Private => "PRIVATE",
            Self::Submitted => "SUBMITTED",
            Self::Listed => "LISTED",
        }
    }
}

/// An app as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct App {
    pub(crate) name: AppName,
    /// The space that it is linked to, also while it is deleted.
    pub(crate) space: Option<SpaceName>,
    pub(crate) details: Details,
    pub(crate) listing: Listing,
    /// The listing that has reserved it: as long as it is not private (R-K6).
    pub(crate) listed_by: Option<ListingName>,
    /// R-A12: of the app itself.
    pub(crate) suspension: Suspension,
    /// That of the space which it is linked to, as it was when the app was read.
    pub(crate) suspension_of_space: Suspension,
    pub(crate) delete_time: Option<Timestamp>,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

impl App {
    /// A private app that is in use from now on, in a space (R-A1) or in none (R-A2).
    pub(crate) fn new(name: AppName, space: Option<SpaceName>, details: Details, now: Timestamp) -> Self {
        Self {
            name,
            space,
            details,
            listing: Listing::Private,
            listed_by: None,
            suspension: Suspension::NONE,
            suspension_of_space: Suspension::NONE,
            delete_time: None,
            create_time: now,
            update_time: now,
            revision: 0,
        }
    }

    /// R-A12: a space's suspension is that of all its apps.
    pub(crate) fn standing(&self) -> Suspension {
        self.suspension.union(self.suspension_of_space)
    }

    /// The space that holds it now: whose usage is the app's (R-B5).
    pub(crate) fn holder(&self) -> Option<SpaceName> {
        self.space.filter(|_| !self.is_deleted())
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.delete_time.is_some()
    }

    /// R-A10: until when a deleted app can be had back.
    pub(crate) fn purge_time(&self) -> Option<Timestamp> {
        self.delete_time.map(purge_time)
    }

    /// R-A10: whether it is too late to have the app back. To every method it is as if it did not exist then, purged yet
    /// or not.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.purge_time().is_some_and(|end| end <= now)
    }

    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "app": self.name.to_string(),
            "space": self.space.map(|space| space.to_string()),
            "display_name": self.details.display_name,
            "description": self.details.description,
            "listing": self.listing.name(),
            "listed_by": self.listed_by.map(|listing| listing.to_string()),
            "suspended_for": reasons_json(self.suspension),
            "delete_time": self.delete_time.map(|deleted| deleted.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::domain::purged_if_deleted_by;

    // R-A10
    #[test]
    fn a_deleted_app_can_be_had_back_for_thirty_days() {
        let day = Duration::from_hours(24);
        let space = Some(SpaceName(Uuid::from_u128(1)));
        let mut app = App::new(AppName(Uuid::from_u128(2)), space, Details::default(), Timestamp::EPOCH);
        assert!(!app.is_gone(Timestamp::EPOCH + day * 10_000), "an app in use is never purged");
        let deleted = Timestamp::EPOCH + day;
        app.delete_time = Some(deleted);
        let end = deleted + day * 30;
        assert_eq!(app.purge_time(), Some(end));
        assert!(app.is_gone(end) && purged_if_deleted_by(end) >= deleted);
        let before = Timestamp::from_micros(end.micros() - 1);
        assert!(!app.is_gone(before) && purged_if_deleted_by(before) < deleted);
    }
}
