//! The tables.
pub(crate) mod deactivation;
pub(crate) mod departed;
pub(crate) mod group;
pub(crate) mod invitation;
pub(crate) mod member;
pub(crate) mod review;
