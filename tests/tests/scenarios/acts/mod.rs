//! What the people and services of the scenarios do, and what they read back: one name for each act, whoever needs it.
//!
//! A scenario imports from here and from no other scenario. These functions are a part of the scenarios' crate and not of
//! `devspaces_tests`, so that the compiler tells of an act that nobody does any more.
pub(crate) mod accounts;
pub(crate) mod app_groups;
pub(crate) mod apps;
pub(crate) mod authz;
pub(crate) mod authzen;
pub(crate) mod budgets;
pub(crate) mod checks;
pub(crate) mod commands;
pub(crate) mod contributors;
pub(crate) mod dev;
pub(crate) mod egress;
pub(crate) mod groups;
pub(crate) mod http;
pub(crate) mod invitations;
pub(crate) mod invoices;
pub(crate) mod journal;
pub(crate) mod marketplace;
pub(crate) mod members;
pub(crate) mod meters;
pub(crate) mod payments;
pub(crate) mod people;
pub(crate) mod proofs;
pub(crate) mod rate_cards;
pub(crate) mod refusals;
pub(crate) mod reservations;
pub(crate) mod spaces;
pub(crate) mod suspensions;
pub(crate) mod transfers;
pub(crate) mod usage;
pub(crate) mod webhooks;

use prost_types::FieldMask;

/// An id for requests that are repeated.
pub(crate) const REQUEST_ID: &str = "0190a8d0-7b1c-7def-8000-00000000000a";

/// The mask of an update: of everything where no path is given.
pub(crate) fn mask(paths: &[&str]) -> Option<FieldMask> {
    let mask = FieldMask { paths: paths.iter().map(ToString::to_string).collect() };
    (!paths.is_empty()).then_some(mask)
}
