//! Who owns which facts.

use crate::Plane;

/// A service as the owner of facts: the one place where they are kept and changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The space service: spaces, apps, contributors.
    Space,
    /// The membership service: console roles.
    Membership,
    /// The billing service: billing admins.
    Billing,
    /// The marketplace service: Marketplace admins.
    Marketplace,
}

impl Owner {
    /// Every owner.
    pub const ALL: [Owner; 4] = [Owner::Space, Owner::Membership, Owner::Billing, Owner::Marketplace];

    /// The owner's name: "space".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Owner::Space => "space",
            Owner::Membership => "membership",
            Owner::Billing => "billing",
            Owner::Marketplace => "marketplace",
        }
    }
}

/// A set of facts, by owner. The space service owns two kinds, those of a space and those of an app, which are
/// asked for apart since they belong to different scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OwnerSet(u8);

impl OwnerSet {
    /// No facts at all.
    pub const EMPTY: OwnerSet = OwnerSet(0);

    /// The facts of an app: [`Facts::app`].
    pub const APP: OwnerSet = OwnerSet(1 << Owner::ALL.len());

    /// The facts that this owner has of a space: for [`Owner::Space`], [`Facts::space`] and not [`Facts::app`].
    #[must_use]
    pub const fn of(owner: Owner) -> OwnerSet {
        OwnerSet(1 << owner as u8)
    }

    /// Whether this owner's facts of a space are in the set.
    #[must_use]
    pub fn contains(self, owner: Owner) -> bool {
        self.0 & OwnerSet::of(owner).0 != 0
    }

    /// Whether the facts of the app are in the set.
    #[must_use]
    pub fn contains_app(self) -> bool {
        self.0 & OwnerSet::APP.0 != 0
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

    /// The owners of any facts in the set, each once: the space service also for the facts of the app.
    pub fn iter(self) -> impl Iterator<Item = Owner> {
        Owner::ALL
            .into_iter()
            .filter(move |&owner| self.contains(owner) || owner == Owner::Space && self.contains_app())
    }

    /// The facts that say who holds a role on this plane.
    pub(crate) fn of_plane(plane: Plane) -> OwnerSet {
        match plane {
            Plane::Console => OwnerSet::of(Owner::Membership),
            Plane::Billing => OwnerSet::of(Owner::Billing),
            Plane::Marketplace => OwnerSet::of(Owner::Marketplace),
            Plane::App => OwnerSet::APP,
            Plane::Service | Plane::SignedIn => OwnerSet::EMPTY,
        }
    }
}

impl FromIterator<OwnerSet> for OwnerSet {
    fn from_iter<I: IntoIterator<Item = OwnerSet>>(sets: I) -> OwnerSet {
        sets.into_iter().fold(OwnerSet::EMPTY, OwnerSet::union)
    }
}
