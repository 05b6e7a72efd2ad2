use std::collections::BTreeSet;

use devspaces_kit::{
    clock::Timestamp,
    status::{Fault, Fields},
};
use devspaces_proto::{billing::v1 as proto, r#type::v1::Money};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use crate::domain::Budget;

/// The currency of the rate card in force.
const CURRENCY: &str = "USD";

/// The most thresholds of a budget.
const MAX_THRESHOLDS: usize = 10;

/// The highest threshold, in percent.
const MAX_PERCENT: i32 = 1000;

const NANOS: u32 = 1_000_000_000;
const NANOS_OF_CENT: i32 = 10_000_000;

/// A budget, and which of its thresholds are crossed.
pub(crate) fn to_wire(budget: Budget, crossed: Vec<i32>) -> proto::Budget {
    let amount = money(budget.amount, budget.currency);
    proto::Budget {
        amount: Some(amount),
        crossed_percents: crossed.into_iter().filter(|percent| budget.thresholds.contains(percent)).collect(),
        threshold_percents: budget.thresholds,
        update_time: Some(budget.update_time.into()),
    }
}

/// An amount of money of which the parts fit.
pub(crate) fn money(amount: Decimal, currency_code: String) -> Money {
    let nanos = amount.fract() * Decimal::from(NANOS);
    Money {
        currency_code,
        // Both fit: the amount was made of such numbers.
        units: amount.trunc().to_i64().unwrap_or(i64::MAX),
        nanos: nanos.to_i32().unwrap_or_default(),
    }
}

/// The budget of a `SetBudget` request.
pub(crate) fn given(budget: Option<proto::Budget>, now: Timestamp) -> Result<Budget, Fault> {
    let budget = budget.unwrap_or_default();
    let mut fields = Fields::new();
    let amount = amount(&mut fields, budget.amount);
    let thresholds = fields.check("budget.threshold_percents", thresholds(&budget.threshold_percents));
    let (amount, thresholds) = fields.finish_with(amount.zip(thresholds))?;
    Ok(Budget { amount, currency: CURRENCY.to_owned(), thresholds, update_time: now })
}

fn amount(fields: &mut Fields, money: Option<Money>) -> Option<Decimal> {
    let Some(money) = money else {
        fields.bad("budget.amount", "must be given");
        return None;
    };
    let mut good = true;
    let mut bad = |path: &str, sentence: String| {
        fields.bad(format!("budget.amount{path}"), sentence);
        good = false;
    };
    if money.currency_code != CURRENCY {
        bad(".currency_code", format!("must be the rate card's currency, {CURRENCY}"));
    }
    if money.units < 0 {
        bad(".units", "must not be negative".to_owned());
    }
    if !(0..1_000_000_000).contains(&money.nanos) || money.nanos % NANOS_OF_CENT != 0 {
        bad(".nanos", "must be whole cents: a multiple of 10,000,000 from 0 to 990,000,000".to_owned());
    }
    if (money.units, money.nanos) == (0, 0) {
        bad("", "must be more than 0".to_owned());
    }
    good.then(|| (Decimal::from(money.units) + Decimal::from(money.nanos) / Decimal::from(NANOS)).normalize())
}

/// The thresholds in their order.
fn thresholds(percents: &[i32]) -> Result<Vec<i32>, String> {
    if percents.is_empty() {
        return Ok(Budget::THRESHOLDS.to_vec());
    }
    let distinct: BTreeSet<i32> = percents.iter().copied().collect();
    let fits = percents.len() <= MAX_THRESHOLDS
        && distinct.len() == percents.len()
        && percents.iter().all(|percent| (1..=MAX_PERCENT).contains(percent));
    if fits {
        return Ok(distinct.into_iter().collect());
    }
    Err(format!("must be at most {MAX_THRESHOLDS} numbers from 1 to {MAX_PERCENT}, each once; or none"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // R-B12: not a cent is lost on the way through the store.
        #[test]
        fn an_amount_is_shown_as_it_was_given(units in 0..=i64::MAX, cents in 0..100_i32) {
            prop_assume!((units, cents) != (0, 0));
            let given = Money { currency_code: CURRENCY.to_owned(), units, nanos: cents * NANOS_OF_CENT };
            let mut fields = Fields::new();
            let amount = amount(&mut fields, Some(given.clone())).expect("a good amount");
            let stored: Decimal = amount.to_string().parse().expect("a decimal");
            prop_assert_eq!(money(stored, CURRENCY.to_owned()), given);
        }
    }

    #[test]
    fn thresholds_have_an_order_and_a_default() {
        assert_eq!(thresholds(&[]), Ok(vec![50, 90, 100]));
        assert_eq!(thresholds(&[1000, 1]), Ok(vec![1, 1000]));
        for bad in [&[0][..], &[-1], &[1001], &[50, 50], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]] {
            assert!(thresholds(bad).is_err(), "{bad:?}");
        }
    }
}
