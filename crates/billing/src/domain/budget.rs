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

    /// The thresholds that an estimate has reached, in their order (R-B12).
    pub(crate) fn reached(&self, estimate: Decimal) -> Vec<i32> {
        let reached =
            |percent: &i32| estimate * Decimal::ONE_HUNDRED >= self.amount * Decimal::from(*percent);
        self.thresholds.iter().copied().filter(reached).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    // R-B12
    #[test]
    fn a_threshold_is_crossed_when_its_part_of_the_amount_is_reached() {
        let budget = Budget {
            amount: Decimal::from(10),
            currency: "USD".into(),
            thresholds: vec![50, 90, 100, 150],
            update_time: Timestamp::EPOCH,
        };
        let reached = |estimate: &str| budget.reached(estimate.parse().unwrap());
        assert_eq!((reached("0"), reached("4.99"), reached("5.00")), (vec![], vec![], vec![50]));
        assert_eq!((reached("9.99"), reached("1000")), (vec![50, 90], vec![50, 90, 100, 150]));
    }
}
