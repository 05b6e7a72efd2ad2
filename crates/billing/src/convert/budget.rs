use std::collections::BTreeSet;

use devspaces_kit::{
    clock::Timestamp,
    name::{AccountName, BudgetName, Malformed},
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1 as proto;

use super::money;
use crate::domain::{Budget, THRESHOLDS};

/// The currency of the rate card in force.
const CURRENCY: &str = "USD";

/// The most thresholds of a budget.
const MAX_THRESHOLDS: usize = 10;

/// The highest threshold, in percent.
const MAX_PERCENT: i32 = 1000;

/// A budget as a request names it. That of a space is also meant by the name of the account, as it was when there was no other.
pub(crate) fn named(name: &str) -> Result<BudgetName, Malformed> {
    let of_account = |account: AccountName| BudgetName { space: account.0, app: None };
    name.parse().or_else(|malformed| name.parse().map(of_account).map_err(|_: Malformed| malformed))
}

/// A budget, and which of its thresholds are crossed.
pub(crate) fn to_wire(budget: Budget, crossed: &[i32]) -> proto::Budget {
    let crossed = crossed.iter().filter(|percent| budget.thresholds.contains(percent));
    proto::Budget {
        amount: money::to_wire(budget.amount, &budget.currency),
        crossed_percents: crossed.copied().collect(),
        threshold_percents: budget.thresholds,
        update_time: Some(budget.update_time.into()),
        name: budget.name.to_string(),
        app: budget.name.app.map(|app| app.to_string()).unwrap_or_default(),
        cap: budget.cap,
        suspends: budget.suspends_in.is_some(),
    }
}

/// The budget of a `SetBudget` request.
pub(crate) fn given(
    name: BudgetName,
    budget: Option<proto::Budget>,
    now: Timestamp,
) -> Result<Budget, Fault> {
    let budget = budget.unwrap_or_default();
    let mut fields = Fields::new();
    let amount = money::cents(&mut fields, "budget.amount", budget.amount, CURRENCY);
    let thresholds = fields.check("budget.threshold_percents", thresholds(&budget.threshold_percents));
    let (amount, thresholds) = fields.finish_with(amount.zip(thresholds))?;
    let (currency, cap) = (CURRENCY.to_owned(), budget.cap);
    Ok(Budget { name, amount, currency, thresholds, cap, suspends_in: None, update_time: now })
}

/// The thresholds in their order.
fn thresholds(percents: &[i32]) -> Result<Vec<i32>, String> {
    if percents.is_empty() {
        return Ok(THRESHOLDS.to_vec());
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

    // R-B12
    #[test]
    fn thresholds_have_an_order_and_a_default() {
        assert_eq!(thresholds(&[]), Ok(vec![50, 75, 90, 100]));
        assert_eq!(thresholds(&[1000, 1]), Ok(vec![1, 1000]));
        for bad in [&[0][..], &[-1], &[1001], &[50, 50], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]] {
            assert!(thresholds(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_account_stands_for_the_budget_of_its_space() {
        let account = "spaces/0190a8d0-7b1c-7def-8000-000000000001/billingAccount";
        let own = named(account).expect("a budget");
        assert_eq!(own.to_string(), format!("{account}/budgets/space"));
        assert_eq!(named(&own.to_string()), Ok(own));
        let malformed = named("spaces/x").expect_err("no budget");
        assert!(malformed.to_string().contains("budgets/space"), "{malformed}");
    }
}
