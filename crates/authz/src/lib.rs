//! The permission policy of devspaces: pure decisions from facts, with their explanation.
//!
//! The whole policy is one table (`table.rs`), a line per [`Permission`]. [`decide`] reads that table against the
//! [`Facts`] about one subject and one resource; [`Decision::explanation`] says which roles granted the permission,
//! or which would; [`owners`] says whose facts the decision needs at all. [`markdown`] prints the table.
//!
//! Nothing here does I/O, reads a clock or keeps state. Whoever calls it fetches the facts, and marks what could not
//! be had as [`Fact::Missing`]: a missing fact can make a decision [`Outcome::Unavailable`], never `Allowed`.
//!
//! ```
//! use devspaces_authz::{ConsoleRole, Fact, Facts, MembershipFacts, Outcome, Permission, SubjectKind, decide};
//!
//! let viewer = MembershipFacts { role: Some(ConsoleRole::Viewer), ..MembershipFacts::default() };
//! let facts = Facts { membership: Fact::Known(viewer), ..Facts::of(SubjectKind::User) };
//! assert_eq!(decide(Permission::MembersList, &facts).outcome(), Outcome::Allowed);
//! assert_eq!(decide(Permission::MembersUpdate, &facts).outcome(), Outcome::Denied);
//! ```

mod catalogue;
mod change;
mod classification;
mod condition;
mod decision;
mod facts;
mod markdown;
mod permission;
mod permission_set;
mod role;
mod service;
mod suspension;
mod table;
mod truth;

pub use catalogue::{Grant, PermissionGrant, Via, grants, grants_of, owners};
pub use change::{FactChange, takes_away};
pub use classification::{NotAServicePermission, NotByPersonsName};
pub use condition::Condition;
pub use decision::{Decision, Explanation, Outcome, decide};
pub use facts::{
    AppCreation, AppFacts, BillingFacts, Fact, Facts, MarketplaceFacts, MembershipFacts, SpaceFacts,
    SpaceState, SubjectKind,
};
pub use markdown::markdown;
pub use permission::{Permission, ResourceType};
pub use permission_set::PermissionSet;
pub use role::{AppRole, ConsoleRole, Plane, Role};
pub use service::{OwnerSet, Service};
pub use suspension::{SuspendedBy, Suspension, SuspensionReason};
