//! What is billed, without any I/O.
mod account;
mod address;
mod budget;
mod country;
mod metric;
mod month;
mod payment;
pub(crate) mod terms;

pub(crate) use self::{
    account::{Account, Admin},
    address::{Address, Addresses, Patch as AddressesPatch},
    budget::Budget,
    country::is_country_code,
    metric::Metric,
    month::Month,
    payment::{Instrument, PaymentMethod, Token},
};
