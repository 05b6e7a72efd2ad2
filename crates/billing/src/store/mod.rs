//! The tables.
pub(crate) mod rate_card;
mod stored;
pub(crate) mod usage;
