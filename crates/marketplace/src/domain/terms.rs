//! The Marketplace terms.

/// The version in force.
pub(crate) const VERSION: &str = "2026-11-01";

/// What is accepted with it.
pub(crate) const TEXT: &str = include_str!("terms.txt");

/// Whether this is the version in force.
pub(crate) fn is_current(version: &str) -> bool {
    version == VERSION
}
