//! The parts of a review, in their order, and where in them a list goes on (R-M13).
use devspaces_authz::{Facts, Outcome, Permission, Plane, Service, decide};
use devspaces_gate::views_all_apps;
use devspaces_kit::{
    clock::Timestamp,
    name::{SpaceName, UserName},
    status::Fields,
};

/// A part of the list. They are told in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// Console roles.
    Console,
    /// What console roles make of people on every app (R-A4).
    Derived,
    /// Billing admins.
    Billing,
    /// Marketplace admins.
    Marketplace,
    /// Contributor roles.
    Apps,
    /// Contributor roles on app groups (R-A11).
    AppGroups,
    /// Contributor roles of groups, by the people in them (R-M11).
    Groups,
    /// Contributor roles of groups on app groups.
    GroupsOnAppGroups,
}

impl Section {
    pub(super) const ALL: [Self; 8] = [
        Self::Console,
        Self::Derived,
        Self::Billing,
        Self::Marketplace,
        Self::Apps,
        Self::AppGroups,
        Self::Groups,
        Self::GroupsOnAppGroups,
    ];

    /// The plane that it is about.
    pub(super) fn plane(self) -> Plane {
        match self {
            Self::Console => Plane::Console,
            Self::Billing => Plane::Billing,
            Self::Marketplace => Plane::Marketplace,
            Self::Derived | Self::Apps | Self::AppGroups | Self::Groups | Self::GroupsOnAppGroups => {
                Plane::App
            }
        }
    }

    /// Who tells it.
    pub(super) fn owner(self) -> Service {
        match self {
            Self::Console | Self::Derived => Service::Membership,
            Self::Billing => Service::Billing,
            Self::Marketplace => Service::Marketplace,
            Self::Apps | Self::AppGroups | Self::Groups | Self::GroupsOnAppGroups => Service::Space,
        }
    }

    /// Whether these facts let somebody read it.
    pub(super) fn is_told(self, facts: &Facts) -> Outcome {
        let all_apps = if facts.membership.is_missing() { Outcome::Unavailable } else { Outcome::Denied };
        match self {
            Self::Console => decide(Permission::MembersList, facts).outcome(),
            Self::Billing => decide(Permission::BillingAdminsList, facts).outcome(),
            Self::Marketplace => decide(Permission::MarketplaceAdminsList, facts).outcome(),
            Self::AppGroups => decide(Permission::AppGroupsUpdate, facts).outcome(),
            Self::Groups | Self::GroupsOnAppGroups => decide(Permission::GroupsUpdate, facts).outcome(),
            _ if views_all_apps(facts) => Outcome::Allowed,
            _ => all_apps,
        }
    }
}

/// Where a list goes on: in a section, after the binding of this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) section: Section,
    pub(super) after: String,
}

impl Place {
    pub(super) const START: Self = Self { section: Section::Console, after: String::new() };

    pub(super) fn to_text(&self) -> String {
        format!("{}/{}", self.section as u8, self.after)
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (number, after) = text.split_once('/')?;
        let section = Section::ALL.into_iter().find(|section| (*section as u8).to_string() == number)?;
        Some(Self { section, after: after.to_owned() })
    }
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) space: SpaceName,
    pub(super) user: Option<UserName>,
    pub(super) ends_before: Option<Timestamp>,
}

impl Question {
    /// Reads the filters, which are the same in both requests.
    pub(super) fn read(
        fields: &mut Fields,
        space: SpaceName,
        user: &str,
        expires_before: Option<prost_types::Timestamp>,
    ) -> Option<Self> {
        let user = match user {
            "" => Some(None),
            user => fields.parse::<UserName>("user", user).map(Some),
        };
        let ends_before = expires_before.map(Timestamp::try_from).transpose();
        let ends_before =
            fields.check("expires_before", ends_before.map_err(|_| "must be a valid timestamp"));
        user.zip(ends_before).map(|(user, ends_before)| Self { space, user, ends_before })
    }
}
