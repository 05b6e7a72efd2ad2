use std::{fmt, str::FromStr};

use devspaces_authz::Owner;
use devspaces_ledger::{
    db::{Migration, SCHEMA},
    erasure::Holding,
};

/// A service of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Spaces.
    Space,
    /// Members and their console roles.
    Membership,
    /// Billing accounts, usage and invoices.
    Billing,
    /// Vendor profiles and listings.
    Marketplace,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 4] = [Self::Space, Self::Membership, Self::Billing, Self::Marketplace];

    /// Its name: "space".
    #[must_use]
    pub fn name(self) -> &'static str {
        self.owner().name()
    }

    /// The service as the owner of facts.
    #[must_use]
    pub fn owner(self) -> Owner {
        match self {
            Self::Space => Owner::Space,
            Self::Membership => Owner::Membership,
            Self::Billing => Owner::Billing,
            Self::Marketplace => Owner::Marketplace,
        }
    }

    /// The schema of its database, in the order of its steps.
    #[must_use]
    pub fn schema(self) -> Vec<Migration> {
        let own = match self {
            Self::Space => devspaces_space::SCHEMA,
            Self::Membership => devspaces_membership::SCHEMA,
            Self::Billing => devspaces_billing::SCHEMA,
            Self::Marketplace => devspaces_marketplace::SCHEMA,
        };
        [SCHEMA, own].concat()
    }
}

impl Service {
    /// What the tables of its own hold of people.
    #[must_use]
    pub fn holdings(self) -> &'static [Holding] {
        match self {
            Self::Space => devspaces_space::HOLDINGS,
            Self::Membership => devspaces_membership::HOLDINGS,
            Self::Billing => devspaces_billing::HOLDINGS,
            Self::Marketplace => devspaces_marketplace::HOLDINGS,
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

    fn from_str(name: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|service| service.name() == name).ok_or(format!("must be one of: {names}"))
    }
}
