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
    /// A line; nothing if what it comes to has more digits than can be kept exactly. Only the total is ever rounded. What was
    /// billed and is voided is less than nothing, and no line gives more than it takes away or bills more than there is.
    pub(crate) fn new(
        allowance: Allowance,
        quantity: Decimal,
        free: Decimal,
        unit_price: Decimal,
        card: i32,
    ) -> Option<Self> {
        let billed = add(quantity, -free)?;
        let is_of = |part: Decimal| part.is_zero() || part.is_sign_negative() == quantity.is_sign_negative();
        if !is_of(billed) || !is_of(free) {
            return None;
        }
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

/// What a space's issued invoices have said of something that has an allowance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Portion {
    pub(crate) quantity: Decimal,
    /// How much of that is free.
    pub(crate) free: Decimal,
}

/// What is known of the usage that shares allowances with that of an invoice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    /// All that no issued invoice covers, of whatever space.
    pub(crate) open: Vec<(TotalKey, Sums)>,
    /// What issued invoices have said of each allowance, by their spaces.
    pub(crate) issued: BTreeMap<Allowance, BTreeMap<SpaceName, Portion>>,
    /// The rate card of each month of usage.
    pub(crate) cards: BTreeMap<Month, RateCard>,
}

/// The lines of a space's invoice for a month, and what can have no line, since it can't be kept exactly what it comes to, or
/// there is no card: an invoice never says something else instead. What a card has no rate for, since its meter came later,
/// has no line either and costs nothing. What issued invoices have left of an allowance goes to the rest of the usage in the
/// order of time, also to that of other spaces and to what nobody pays for. What is voided after its invoice was issued gives back
/// first what its space was billed, and then what was free for it (R-B15).
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
        match line(&allowance, sums, usage, space, is_billed) {
            // What was corrected by as much as came says nothing.
            Some(line) if line.quantity.is_zero() => {}
            Some(line) => lines.push(line),
            None => unpriced.push(allowance),
        }
    }
    (lines, unpriced)
}

impl Usage {
    /// How much of an allowance issued invoices have used up; nothing if that has more digits than can be kept.
    pub(crate) fn consumed(&self, allowance: &Allowance) -> Option<Decimal> {
        let portions = self.issued.get(allowance).into_iter().flat_map(BTreeMap::values);
        portions.map(|portion| portion.free).try_fold(Decimal::ZERO, add)
    }

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
    space: SpaceName,
    is_billed: impl Fn(&TotalKey) -> bool,
) -> Option<Line> {
    let card = usage.cards.get(&allowance.usage_month)?;
    sums.sort_by_key(|(key, _)| (key.held_from, key.billable, key.space, key.billed_month));
    let mut billed = sums.iter().filter(|(key, _)| is_billed(key)).map(|(_, sum)| sum.quantity);
    let quantity = billed.try_fold(Decimal::ZERO, add)?;
    let (free, unit_price) = match &allowance.tariff.by {
        PricedBy::Exemption(_) => (quantity, Decimal::ZERO),
        PricedBy::Meter | PricedBy::Value(_) => {
            let rate = card.rate(&allowance.tariff)?;
            let free = if quantity.is_sign_negative() {
                let issued = usage.issued.get(allowance).and_then(|of| of.get(&space));
                given_back(quantity, issued.copied().unwrap_or_default())?
            } else {
                let left = add(rate.allowance, -usage.consumed(allowance)?)?.max(Decimal::ZERO);
                // What one holding gave back may be more than another used: the rest of that takes up nothing.
                free_of(&sums, left, is_billed)?.min(quantity)
            };
            (free, rate.unit_price)
        }
    };
    Line::new(allowance.clone(), quantity, free, unit_price, card.version)
}

/// How much of what is billed of these sums is free, if so much is left of their allowance.
fn free_of(
    sums: &[(&TotalKey, Sum)],
    mut left: Decimal,
    is_billed: impl Fn(&TotalKey) -> bool,
) -> Option<Decimal> {
    let mut free = Decimal::ZERO;
    for (key, sum) in sums {
        let taken = sum.quantity.clamp(Decimal::ZERO, left);
        left = add(left, -taken)?;
        if is_billed(key) {
            free = add(free, taken)?;
        }
    }
    Some(free)
}

/// How much of a quantity that is less than nothing was free before: what is left after what was billed is taken from it.
fn given_back(quantity: Decimal, issued: Portion) -> Option<Decimal> {
    let remains = add(issued.quantity, quantity)?;
    let free = add(remains.min(issued.free), -issued.free)?;
    Some(free.clamp(quantity, Decimal::ZERO))
}

#[cfg(test)]
mod tests;
