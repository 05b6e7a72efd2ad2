//! The services of the suite, and sets of the facts that they own.

use std::{fmt, str::FromStr};

use crate::Plane;

/// A service of the suite: the owner of facts, the one place where they are kept and changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// The space service: spaces, apps, contributors.
    Space,
    /// The membership service: console roles.
    Membership,
    /// The billing service: billing admins.
    Billing,
    /// The marketplace service: Marketplace admins.
    Marketplace,
}

impl Service {
    /// Every service.
    pub const ALL: [Service; 4] =
        [Service::Space, Service::Membership, Service::Billing, Service::Marketplace];

    /// Its name: "space".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Service::Space => "space",
            Service::Membership => "membership",
            Service::Billing => "billing",
            Service::Marketplace => "marketplace",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Service {
    type Err = String;

    /// The service of this name.
    fn from_str(name: &str) -> Result<Service, String> {
        let names = Service::ALL.map(Service::name).join(", ");
        Service::ALL
            .into_iter()
            .find(|service| service.name() == name)
            .ok_or(format!("must be one of: {names}"))
    }
}

/// A set of facts, by owner. The space service owns two kinds, those of a space and those of an app, which are
/// asked for apart since they belong to different scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OwnerSet(u8);

impl OwnerSet {
    /// No facts at all.
    pub const EMPTY: OwnerSet = OwnerSet(0);

    /// The facts of an app: [`Facts::app`](crate::Facts::app).
    pub const APP: OwnerSet = OwnerSet(1 << Service::ALL.len());

    /// Whether the person is active: [`Facts::active`](crate::Facts::active). Every owner knows.
    pub const PERSON: OwnerSet = OwnerSet(1 << (Service::ALL.len() + 1));

    /// The facts that this owner has of a space: for [`Service::Space`], [`Facts::space`](crate::Facts::space) and not [`Facts::app`](crate::Facts::app).
    #[must_use]
    pub const fn of(owner: Service) -> OwnerSet {
        OwnerSet(1 << owner as u8)
    }

    /// Whether this owner's facts of a space are in the set.
    #[must_use]
    pub fn contains(self, owner: Service) -> bool {
        self.0 & OwnerSet::of(owner).0 != 0
    }

    /// Whether the facts of the app are in the set.
    #[must_use]
    pub fn contains_app(self) -> bool {
        self.0 & OwnerSet::APP.0 != 0
    }

    /// Whether it is in the set whether the person is active.
    #[must_use]
    pub fn contains_person(self) -> bool {
        self.0 & OwnerSet::PERSON.0 != 0
    }

    /// Whether the set has no facts.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: OwnerSet) -> OwnerSet {
        OwnerSet(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: OwnerSet) -> OwnerSet {
        OwnerSet(self.0 & other.0)
    }

    /// The owners of any facts in the set, each once: the space service also for the facts of the app, the membership
    /// service also for whether the person is active, which others have from it.
    pub fn iter(self) -> impl Iterator<Item = Service> {
        Service::ALL.into_iter().filter(move |&owner| {
            self.contains(owner)
                || owner == Service::Space && self.contains_app()
                || owner == Service::Membership && self.contains_person()
        })
    }

    /// The facts that say who holds a role on this plane.
    pub(crate) fn of_plane(plane: Plane) -> OwnerSet {
        match plane {
            Plane::Console => OwnerSet::of(Service::Membership),
            Plane::Billing => OwnerSet::of(Service::Billing),
            Plane::Marketplace => OwnerSet::of(Service::Marketplace),
            Plane::App => OwnerSet::APP,
            Plane::Service => OwnerSet::EMPTY,
            Plane::Operator | Plane::SignedIn => OwnerSet::PERSON,
        }
    }
}

impl FromIterator<OwnerSet> for OwnerSet {
    fn from_iter<I: IntoIterator<Item = OwnerSet>>(sets: I) -> OwnerSet {
        sets.into_iter().fold(OwnerSet::EMPTY, OwnerSet::union)
    }
}
