use std::collections::BTreeSet;

use devspaces_kit::{
    clock::Timestamp,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1 as proto;

use super::money;
use crate::domain::Budget;

/// The currency of the rate card in force.
const CURRENCY: &str = "USD";

/// The most thresholds of a budget.
const MAX_THRESHOLDS: usize = 10;

/// The highest threshold, in percent.
const MAX_PERCENT: i32 = 1000;

/// A budget, and which of its thresholds are crossed.
pub(crate) fn to_wire(budget: Budget, crossed: Vec<i32>) -> proto::Budget {
    proto::Budget {
        amount: money::to_wire(budget.amount, &budget.currency),
        crossed_percents: crossed.into_iter().filter(|percent| budget.thresholds.contains(percent)).collect(),
        threshold_percents: budget.thresholds,
        update_time: Some(budget.update_time.into()),
    }
}

/// The budget of a `SetBudget` request.
pub(crate) fn given(budget: Option<proto::Budget>, now: Timestamp) -> Result<Budget, Fault> {
    let budget = budget.unwrap_or_default();
    let mut fields = Fields::new();
    let amount = money::cents(&mut fields, "budget.amount", budget.amount, CURRENCY);
    let thresholds = fields.check("budget.threshold_percents", thresholds(&budget.threshold_percents));
    let (amount, thresholds) = fields.finish_with(amount.zip(thresholds))?;
    Ok(Budget { amount, currency: CURRENCY.to_owned(), thresholds, update_time: now })
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
    use super::*;

    #[test]
    fn thresholds_have_an_order_and_a_default() {
        assert_eq!(thresholds(&[]), Ok(vec![50, 90, 100]));
        assert_eq!(thresholds(&[1000, 1]), Ok(vec![1, 1000]));
        for bad in [&[0][..], &[-1], &[1001], &[50, 50], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]] {
            assert!(thresholds(bad).is_err(), "{bad:?}");
        }
    }
}
