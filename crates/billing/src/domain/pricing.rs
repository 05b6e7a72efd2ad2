//! What usage costs (R-B6, R-B7, R-B8).
use std::collections::BTreeMap;

use devspaces_kit::name::{AppName, SpaceName};
use rust_decimal::Decimal;

use super::{
    Month, PricedBy, RateCard, Tariff,
    amount::Amount,
    usage::{Sum, Sums, TotalKey},
};

/// What has one allowance: an app's use of something in a month, whichever spaces held the app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Allowance {
    pub(crate) app: AppName,
    pub(crate) usage_month: Month,
    pub(crate) tariff: Tariff,
}

impl Allowance {
    /// What has the allowance that usage of this tariff uses up.
    pub(crate) fn of(key: &TotalKey, tariff: &Tariff) -> Self {
        Self { app: key.app, usage_month: key.usage_month, tariff: tariff.clone() }
    }
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) allowance: Allowance,
    pub(crate) quantity: Decimal,
    /// How much of it is free.
    pub(crate) free: Decimal,
    pub(crate) unit_price: Decimal,
    /// The version of the rate card.
    pub(crate) card: i32,
    billed: Decimal,
    amount: Amount,
}

impl Line {
    /// A line; nothing if what it comes to has more digits than can be kept exactly. Only the total is ever rounded.
    pub(crate) fn new(
        allowance: Allowance,
        quantity: Decimal,
        free: Decimal,
        unit_price: Decimal,
        card: i32,
    ) -> Option<Self> {
        let billed = add(quantity, -free).filter(|billed| !billed.is_sign_negative() || billed.is_zero())?;
        let amount = Amount::of(billed, unit_price)?;
        Some(Self { allowance, quantity, free, unit_price, card, billed, amount })
    }

    /// How much of it is to be paid for.
    pub(crate) fn billed(&self) -> Decimal {
        self.billed
    }

    /// What that comes to, exactly.
    pub(crate) fn amount(&self) -> Amount {
        self.amount
    }
}

/// The exact sum, if it can be kept. One with too many digits would be rounded, and loses digits after the point by that.
fn add(one: Decimal, other: Decimal) -> Option<Decimal> {
    let (one, other) = (one.normalize(), other.normalize());
    let sum = one.checked_add(other)?;
    (sum.scale() == one.scale().max(other.scale())).then(|| sum.normalize())
}

/// What lines come to: rounded once, half to even, to cents (R-B7). Nothing if that can't be kept exactly till then.
pub(crate) fn total<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Option<Decimal> {
    lines.into_iter().map(Line::amount).try_fold(Amount::default(), Amount::and)?.to_cents()
}

/// What is known of the usage that shares allowances with that of an invoice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    /// All that no issued invoice covers, of whatever space.
    pub(crate) open: Vec<(TotalKey, Sums)>,
    /// How much of each allowance issued invoices have used up.
    pub(crate) consumed: BTreeMap<Allowance, Decimal>,
    /// The rate card of each month of usage.
    pub(crate) cards: BTreeMap<Month, RateCard>,
}

/// The lines of a space's invoice for a month, and what can have no line, since it can't be kept exactly what it comes to, or
/// there is no card: an invoice never says something else instead. What a card has no rate for, since its meter came later,
/// has no line either and costs nothing. What issued invoices have left of an allowance goes to the rest of the usage in the
/// order of time, also to that of other spaces and to what nobody pays for.
pub(crate) fn lines(space: SpaceName, month: Month, usage: &Usage) -> (Vec<Line>, Vec<Allowance>) {
    let mut allowances: BTreeMap<Allowance, Vec<(&TotalKey, Sum)>> = BTreeMap::new();
    for (key, sums) in &usage.open {
        for (tariff, sum) in sums.iter() {
            allowances.entry(Allowance::of(key, tariff)).or_default().push((key, sum));
        }
    }
    let is_billed = |key: &TotalKey| key.space == space && key.billed_month == month && key.billable;
    allowances
        .retain(|allowance, sums| usage.prices(allowance) && sums.iter().any(|(key, _)| is_billed(key)));
    let (mut lines, mut unpriced) = (Vec::with_capacity(allowances.len()), Vec::new());
    for (allowance, sums) in allowances {
        match line(&allowance, sums, usage, is_billed) {
            Some(line) => lines.push(line),
            None => unpriced.push(allowance),
        }
    }
    (lines, unpriced)
}

impl Usage {
    /// Whether something is said of what this costs: a card that has no rate for it, since its meter came later, says nothing.
    fn prices(&self, allowance: &Allowance) -> bool {
        let Allowance { usage_month, tariff, .. } = allowance;
        let is_exempt = matches!(tariff.by, PricedBy::Exemption(_));
        is_exempt || self.cards.get(usage_month).is_none_or(|card| card.rate(tariff).is_some())
    }
}

/// The line of what is billed of these sums, which share an allowance.
fn line(
    allowance: &Allowance,
    mut sums: Vec<(&TotalKey, Sum)>,
    usage: &Usage,
    is_billed: impl Fn(&TotalKey) -> bool,
) -> Option<Line> {
    let card = usage.cards.get(&allowance.usage_month)?;
    sums.sort_by_key(|(key, _)| (key.held_from, key.billable, key.space, key.billed_month));
    let (quantity, free, unit_price) = match &allowance.tariff.by {
        PricedBy::Exemption(_) => {
            let billed = sums.iter().filter(|(key, _)| is_billed(key));
            let quantity = billed.map(|(_, sum)| sum.quantity).try_fold(Decimal::ZERO, add)?;
            (quantity, quantity, Decimal::ZERO)
        }
        PricedBy::Meter | PricedBy::Value(_) => {
            let rate = card.rate(&allowance.tariff)?;
            let consumed = usage.consumed.get(allowance).copied().unwrap_or_default();
            let left = add(rate.allowance, -consumed)?.max(Decimal::ZERO);
            let (quantity, free) = split(&sums, left, is_billed)?;
            (quantity, free, rate.unit_price)
        }
    };
    Line::new(allowance.clone(), quantity, free, unit_price, card.version)
}

/// How much of these sums is billed, and how much of that is free, if so much is left of their allowance.
fn split(
    sums: &[(&TotalKey, Sum)],
    mut left: Decimal,
    is_billed: impl Fn(&TotalKey) -> bool,
) -> Option<(Decimal, Decimal)> {
    let (mut quantity, mut free) = (Decimal::ZERO, Decimal::ZERO);
    for (key, sum) in sums {
        let taken = sum.quantity.min(left);
        left = add(left, -taken)?;
        if is_billed(key) {
            quantity = add(quantity, sum.quantity)?;
            free = add(free, taken)?;
        }
    }
    Some((quantity, free))
}

#[cfg(test)]
mod tests;
