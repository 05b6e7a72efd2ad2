//! The tables.
pub(crate) mod account;
pub(crate) mod address;
pub(crate) mod admin;
pub(crate) mod allowance_crossing;
pub(crate) mod budget;
pub(crate) mod consent_suspension;
pub(crate) mod credit;
pub(crate) mod credit_note;
pub(crate) mod due;
pub(crate) mod invoice;
pub(crate) mod line;
pub(crate) mod line_event;
pub(crate) mod meter;
pub(crate) mod payment;
pub(crate) mod rate_card;
pub(crate) mod reservation;
mod stored;
pub(crate) mod summed;
pub(crate) mod total;
pub(crate) mod unsummed;
pub(crate) mod usage;
pub(crate) mod usage_list;

pub(crate) use self::stored::unreadable;
