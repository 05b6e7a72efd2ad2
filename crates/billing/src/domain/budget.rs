use devspaces_kit::{clock::Timestamp, name::BudgetName};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Month;

/// At which percentages a budget that names none is watched, and every allowance (R-B12).
pub(crate) const THRESHOLDS: [i32; 4] = [50, 75, 90, 100];

/// Whether so many percent of something are reached.
pub(crate) fn is_reached(percent: i32, used: Decimal, of: Decimal) -> bool {
    let times = |one: Decimal, other: Decimal| one.checked_mul(other).unwrap_or(Decimal::MAX);
    times(used, Decimal::ONE_HUNDRED) >= times(of, Decimal::from(percent))
}

/// What a space means to spend a month, as a whole or for an app (R-B12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) name: BudgetName,
    /// In whole cents, more than 0.
    pub(crate) amount: Decimal,
    /// The ISO 4217 code.
    pub(crate) currency: String,
    /// At which percentages of it an entry is written, in their order.
    pub(crate) thresholds: Vec<i32>,
    /// Whether it suspends what it is of when it is reached (R-E4).
    pub(crate) cap: bool,
    /// The month whose costs have reached the cap, so that it suspends.
    pub(crate) suspends_in: Option<Month>,
    pub(crate) update_time: Timestamp,
}

/// What becomes of a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It suspends from now on.
    Suspends,
    /// It goes on suspending, for another month.
    GoesOn,
    /// It suspends no longer.
    Lifts,
}

impl Budget {
    /// The same amount as another.
    pub(crate) fn has_amount_of(&self, other: &Self) -> bool {
        (self.amount, &self.currency) == (other.amount, &other.currency)
    }

    /// The thresholds that an estimate has reached, in their order (R-B12).
    pub(crate) fn reached(&self, estimate: Decimal) -> Vec<i32> {
        let reached = |percent: &i32| is_reached(*percent, estimate, self.amount);
        self.thresholds.iter().copied().filter(reached).collect()
    }

    /// What becomes of it as a cap by what this month comes to so far (R-E4). Nothing: it stays as it is. So it does if that can't be
    /// said. That another month is over lifts it only where that may be judged.
    pub(crate) fn verdict(
        &self,
        month: Month,
        estimate: Option<Decimal>,
        of_over: OfOver,
    ) -> Option<Verdict> {
        let is_reached = if self.cap { estimate? >= self.amount } else { false };
        match (self.suspends_in, is_reached) {
            (None, true) => Some(Verdict::Suspends),
            (Some(of), true) if of < month => Some(Verdict::GoesOn),
            (Some(of), false) if of >= month || of_over == OfOver::Judge => Some(Verdict::Lifts),
            _ => None,
        }
    }

    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({"budget": {
            "name": self.name.to_string(),
            "amount": self.amount.to_string(),
            "currency_code": self.currency,
            "threshold_percents": self.thresholds,
            "cap": self.cap,
        }})
    }
}

/// What to do about a cap that suspends for a month that seems to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfOver {
    /// Judge it by this month.
    Judge,
    /// Leave it to a change that is not made while the clock is doubted.
    Leave,
}

#[cfg(test)]
mod tests {
    use devspaces_kit::name::SpaceName;

    use super::*;

    fn budget(cap: bool, suspends_in: Option<&str>) -> Budget {
        Budget {
            name: BudgetName { space: SpaceName::NIL, app: None },
            amount: Decimal::from(10),
            currency: "USD".into(),
            thresholds: vec![50, 90, 100, 150],
            cap,
            suspends_in: suspends_in.map(|month| month.parse().unwrap()),
            update_time: Timestamp::EPOCH,
        }
    }

    // R-B12
    #[test]
    fn a_threshold_is_crossed_when_its_part_of_the_amount_is_reached() {
        let budget = budget(false, None);
        let reached = |estimate: &str| budget.reached(estimate.parse().unwrap());
        assert_eq!((reached("0"), reached("4.99"), reached("5.00")), (vec![], vec![], vec![50]));
        assert_eq!((reached("9.99"), reached("1000")), (vec![50, 90], vec![50, 90, 100, 150]));
        assert!(is_reached(100, Decimal::MAX, Decimal::ONE), "however much it is");
    }

    // R-E4
    #[test]
    fn a_cap_suspends_while_it_is_reached() {
        use OfOver::{Judge, Leave};
        let (this, last, next) = ("2026-11", "2026-10", "2026-12");
        for (cap, suspends_in, estimate, of_over, verdict) in [
            (true, None, Some("9.99"), Judge, None),
            (true, None, Some("10"), Leave, Some(Verdict::Suspends)),
            (false, None, Some("10"), Judge, None),
            (true, Some(this), Some("10"), Judge, None),
            (true, Some(this), Some("9.99"), Leave, Some(Verdict::Lifts)),
            (false, Some(this), None, Leave, Some(Verdict::Lifts)),
            (true, Some(this), None, Judge, None),
            (true, Some(last), Some("10"), Leave, Some(Verdict::GoesOn)),
            (true, Some(last), Some("0"), Leave, None),
            (true, Some(last), Some("0"), Judge, Some(Verdict::Lifts)),
            // A clock that was ahead.
            (true, Some(next), Some("10"), Judge, None),
        ] {
            let estimate = estimate.map(|it| it.parse().unwrap());
            let found = budget(cap, suspends_in).verdict(this.parse().unwrap(), estimate, of_over);
            assert_eq!(found, verdict, "{cap} {suspends_in:?} {estimate:?} {of_over:?}");
        }
    }
}
