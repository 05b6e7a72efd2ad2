//! What an account has to its credit (R-B10).
use devspaces_kit::{clock::Timestamp, name::InvoiceName};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Something that an account is credited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credit {
    /// Counts from 1 for each account.
    pub(crate) number: i64,
    pub(crate) currency: String,
    /// In whole cents, more than 0.
    pub(crate) amount: Decimal,
    /// What invoices have left of it.
    pub(crate) remaining: Decimal,
    pub(crate) reason: String,
    /// The invoice that gave it; nothing: it was granted.
    pub(crate) invoice: Option<InvoiceName>,
    pub(crate) create_time: Timestamp,
}

impl Credit {
    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "number": self.number,
            "amount": self.amount.to_string(),
            "currency": self.currency,
            "reason": self.reason,
            "invoice": self.invoice.as_ref().map(ToString::to_string),
        })
    }
}

/// How much an invoice of this total takes of these credits, of each by its number: the oldest first, and no more than it comes to.
pub(crate) fn applied(credits: &[Credit], total: Decimal) -> Vec<(i64, Decimal)> {
    let mut due = total.max(Decimal::ZERO);
    let mut applied = Vec::new();
    for credit in credits {
        let taken = credit.remaining.min(due);
        if taken > Decimal::ZERO {
            due -= taken;
            applied.push((credit.number, taken));
        }
    }
    applied
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cents(cents: i64) -> Decimal {
        Decimal::new(cents, 2)
    }

    fn credit((number, remaining): (i64, i64)) -> Credit {
        Credit {
            number,
            currency: "USD".into(),
            amount: cents(remaining),
            remaining: cents(remaining),
            reason: "A present".into(),
            invoice: None,
            create_time: Timestamp::EPOCH,
        }
    }

    // R-B10
    #[test]
    fn the_oldest_credit_is_used_up_first() {
        let credits = [(1, 300), (2, 0), (3, 500)].map(credit);
        let of = |total| applied(&credits, cents(total));
        assert_eq!((of(0), of(-100)), (vec![], vec![]));
        assert_eq!(of(200), [(1, cents(200))]);
        assert_eq!(of(301), [(1, cents(300)), (3, cents(1))]);
        assert_eq!(of(10_000), [(1, cents(300)), (3, cents(500))]);
    }

    proptest! {
        // R-B10
        #[test]
        fn no_more_is_used_than_there_is_or_than_is_due(
            credits in prop::collection::vec(0_i64..10_000, 0..20),
            total in -10_000_i64..100_000,
        ) {
            let all: i64 = credits.iter().sum();
            let credits: Vec<_> = (1..).zip(credits).map(credit).collect();
            let used: Decimal = applied(&credits, cents(total)).into_iter().map(|(_, amount)| amount).sum();
            prop_assert_eq!(used, cents(all.min(total.max(0))));
        }
    }
}
