//! What is stored as text, read back.
use devspaces_kit::db::Error;
use rust_decimal::Decimal;

use crate::domain::{Metric, Month};

/// Something is stored that this service does not write, or can't make anything of.
pub(crate) fn unreadable(what: &'static str) -> Error {
    sqlx::Error::Decode(what.into()).into()
}

pub(super) fn decimal(text: &str) -> Result<Decimal, Error> {
    Decimal::from_str_exact(text).map_err(|_| unreadable("an unreadable decimal is stored"))
}

pub(super) fn metric(name: &str) -> Result<Metric, Error> {
    Metric::parse(name).ok_or_else(|| unreadable("an unknown metric is stored"))
}

pub(super) fn month(text: &str) -> Result<Month, Error> {
    text.parse().map_err(|_| unreadable("an unreadable month is stored"))
}
