//! The gate before every handler: fresh facts, shared round trips, one decision.
//!
//! A handler asks [`Gate::require`], which fetches the facts that the permission depends on from the services that
//! own them, has the policy decide, and gives a [`Pass`] or the error to answer. Facts are kept and confirmed with
//! their owners by every check; decisions are never kept. What makes that both immediate and cheap is told in
//! `exchange.rs`; `source.rs` runs it, and `gather.rs` says whom a decision asks.
//!
//! Each service implements [`FactOwner`]. Each port has a [`FactsServer`], which answers the other services of the suite and
//! takes the effects of their changes, and an [`AuthzServer`], which answers questions about permissions. Those in JSON, as
//! gateways send them, [`authzen`] makes questions to it.
mod admin_effects;
mod admins;
mod authz_server;
pub mod authzen;
mod bindings;
mod catalogue;
mod context;
mod exchange;
mod facts;
mod facts_server;
mod gate;
mod gather;
mod guarded;
mod held;
mod introduction;
mod lists;
pub mod metrics;
mod owner;
mod pass;
mod peers;
mod questions;
mod remote;
mod resource;
mod source;
mod sources;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdict;
mod watchers;
mod window;
mod wire;

pub use admin_effects::{AdminEffects, AdminPlane};
pub use admins::Admins;
pub use authz_server::AuthzServer;
pub use bindings::{AskedBindings, admin_bindings_to_wire};
pub use catalogue::{plane_to_wire, role_from_wire, role_to_wire};
pub use context::{ConsentRequiredFor, Context, Invoicing, PaymentRetries, SpaceQuota};
pub use facts::{Cover, OwnFacts, Question, Reading, Version};
pub use facts_server::FactsServer;
pub use gate::Gate;
pub use guarded::{Confirmed, Guarded, GuardedChange};
pub use held::{HeldRole, HeldRoles};
pub use introduction::{Unfit, introduce};
pub use lists::views_all_apps;
pub use owner::{ConsoleHolder, FactOwner, Held, Hosted, MAX_QUESTIONS, PlacedApp, Roles, Viewers};
pub use pass::{Pass, Standing};
pub use peers::{Peers, admit};
pub use resource::Resource;
pub use source::Source;
pub use sources::{NamedPermissions, Sources};
pub use watchers::JournalWatchers;
pub use window::WINDOW;
pub use wire::{
    console_to_wire, contributor_from_wire, contributor_to_wire, owner_to_wire, suspension_reason_from_wire,
    suspension_reason_to_wire,
};
