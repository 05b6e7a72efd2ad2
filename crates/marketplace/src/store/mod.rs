//! The tables.
pub(crate) mod admin;
pub(crate) mod creator;
pub(crate) mod listing;
pub(crate) mod profile;
pub(crate) mod takeover;
