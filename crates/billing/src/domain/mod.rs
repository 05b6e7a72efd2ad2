//! What is billed, without any I/O.
mod metric;
mod month;

pub(crate) use self::{metric::Metric, month::Month};
