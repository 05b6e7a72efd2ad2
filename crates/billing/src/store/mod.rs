//! The tables.
pub(crate) mod account;
pub(crate) mod address;
pub(crate) mod admin;
pub(crate) mod budget;
pub(crate) mod payment;
