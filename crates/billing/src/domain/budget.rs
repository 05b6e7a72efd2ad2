use devspaces_kit::clock::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// What a space means to spend a month (R-B12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// In whole cents, more than 0.
    pub(crate) amount: Decimal,
    /// The ISO 4217 code.
    pub(crate) currency: String,
    /// At which percentages of it an entry is written, in their order.
    pub(crate) thresholds: Vec<i32>,
    pub(crate) update_time: Timestamp,
}

impl Budget {
    /// The thresholds of a budget that names none.
    pub(crate) const THRESHOLDS: [i32; 3] = [50, 90, 100];

    /// The same amount as another.
    pub(crate) fn has_amount_of(&self, other: &Self) -> bool {
        (self.amount, &self.currency) == (other.amount, &other.currency)
    }

    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({"budget": {
            "amount": self.amount.to_string(),
            "currency_code": self.currency,
            "threshold_percents": self.thresholds,
        }})
    }
}
