//! The tables.
pub(crate) mod app;
pub(crate) mod closed_listing;
pub(crate) mod contributor;
pub(crate) mod departure;
pub(crate) mod deployer;
pub(crate) mod holding;
pub(crate) mod space;
