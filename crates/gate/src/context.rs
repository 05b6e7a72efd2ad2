use std::sync::Arc;

use devspaces_kit::{clock::Clock, db::Pool, mutation::Mutations, steady::Steady};

use crate::{Gate, Peers};

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
    /// The other services, for what they know that no permission depends on.
    pub peers: Peers,
}
