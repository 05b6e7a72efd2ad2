//! What is billed, without any I/O.
mod decimal;
mod metric;
mod month;
mod rate_card;
pub(crate) mod usage;

pub(crate) use self::{
    decimal::decimal,
    metric::Metric,
    month::Month,
    rate_card::{Rate, RateCard},
};
