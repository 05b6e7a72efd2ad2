//! What is billed, without any I/O.
mod account;
mod address;
pub(crate) mod amount;
pub(crate) mod beside;
mod budget;
mod country;
pub(crate) mod credit;
mod decimal;
pub(crate) mod invoice;
pub(crate) mod line_event;
pub(crate) mod meter;
mod month;
mod payment;
pub(crate) mod pricing;
pub(crate) mod proof;
mod rate_card;
pub(crate) mod reservation;
mod tariff;
pub(crate) mod terms;
pub(crate) mod usage;

pub(crate) use self::{
    account::{Account, Admin},
    address::{Address, Addresses, Patch as AddressesPatch},
    budget::{Budget, OfOver, THRESHOLDS, Verdict, is_reached},
    country::is_country_code,
    decimal::decimal,
    meter::Meter,
    month::Month,
    payment::{Instrument, PaymentMethod, Token},
    rate_card::{Rate, RateCard, Rates},
    tariff::{DimensionValue, PricedBy, Tariff},
};
