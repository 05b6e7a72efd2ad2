//! Between the API's messages and the domain. Whatever is wrong with a message is named by its field.
pub(crate) mod account;
pub(crate) mod address;
pub(crate) mod allowance;
pub(crate) mod budget;
pub(crate) mod credit;
pub(crate) mod csv;
pub(crate) mod invoice;
pub(crate) mod meter;
pub(crate) mod money;
pub(crate) mod payment;
pub(crate) mod rate_card;
pub(crate) mod reservation;
pub(crate) mod usage;
pub(crate) mod usage_query;
