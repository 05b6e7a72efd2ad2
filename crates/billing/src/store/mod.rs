//! The tables.
pub(crate) mod rate_card;
