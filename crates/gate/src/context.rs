use std::{collections::HashMap, sync::Arc, time::Duration};

use devspaces_kit::{clock::Clock, name::UserName, server::Streams, steady::Steady};
use devspaces_ledger::{Mutations, db::Pool};

use crate::{Gate, Peers};

/// How many spaces each person may have made that exist (R-S10): anybody can be added to a space unasked, and sees it
/// then among their own.
#[derive(Clone, Debug)]
pub struct SpaceQuota {
    each: u32,
    exceptions: HashMap<UserName, u32>,
}

impl SpaceQuota {
    /// As many for everybody.
    #[must_use]
    pub fn of_each(spaces: u32) -> Self {
        Self { each: spaces, exceptions: HashMap::new() }
    }

    /// As many for this person.
    #[must_use]
    pub fn except(mut self, person: UserName, spaces: u32) -> Self {
        self.exceptions.insert(person, spaces);
        self
    }

    /// How many this person may have made.
    #[must_use]
    pub fn of(&self, person: &UserName) -> u32 {
        self.exceptions.get(person).copied().unwrap_or(self.each)
    }
}

impl Default for SpaceQuota {
    /// 100: more than people make by hand.
    fn default() -> Self {
        Self::of_each(100)
    }
}

/// What the handlers of a service work with.
#[derive(Clone)]
pub struct Context {
    /// The service's database.
    pub pool: Pool,
    /// Time and identifiers.
    pub clock: Arc<dyn Clock>,
    /// Whether the clock can be relied on for what can't be taken back.
    pub steady: Arc<Steady>,
    /// What every handler asks first.
    pub gate: Gate,
    /// How every change is made.
    pub mutations: Mutations,
    /// How streams are opened.
    pub streams: Streams,
    /// How many spaces a person may make.
    pub space_quota: SpaceQuota,
    /// How long before it takes effect a rate card is made (R-B6).
    pub rate_card_notice: Duration,
    /// The other services, for what they know that no permission depends on.
    pub peers: Peers,
}
