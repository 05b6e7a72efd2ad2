//! What usage costs (R-B6, R-B7, R-B8).
use std::collections::BTreeMap;

use devspaces_kit::name::{AppName, SpaceName};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

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

    /// By what a line that is of it is known, in a draft and in what becomes of it (R-B16): the first half of SHA-256 over what it
    /// is of, in hexadecimal.
    pub(crate) fn line_id(&self) -> String {
        let Self { app, usage_month, tariff } = self;
        let digest = Sha256::digest(format!("{} {usage_month} {tariff}", app.0));
        hex::encode(&digest[..LINE_ID])
    }
}

/// How much of a digest names a line, in bytes.
const LINE_ID: usize = 16;

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
    let mut allowances = usage.by_allowance();
    let is_billed = |key: &TotalKey| is_billed_by(key, space, month);
    allowances
        .retain(|allowance, sums| usage.prices(allowance) && sums.iter().any(|(key, _)| is_billed(key)));
    let (mut lines, mut unpriced) = (Vec::with_capacity(allowances.len()), Vec::new());
    for (allowance, sums) in allowances {
        match line(&allowance, &sums, usage, space, is_billed) {
            // What was corrected by as much as came says nothing.
            Some(line) if line.quantity.is_zero() => {}
            Some(line) => lines.push(line),
            None => unpriced.push(allowance),
        }
    }
    (lines, unpriced)
}

/// Whether the invoice of a space for a month bills a sum.
pub(super) fn is_billed_by(key: &TotalKey, space: SpaceName, month: Month) -> bool {
    key.space == space && key.billed_month == month && key.billable
}

/// Sums that share an allowance, in the order in which they use it up.
pub(super) type InOrder<'a> = Vec<(&'a TotalKey, Sum)>;

impl Usage {
    /// What no issued invoice covers, by the allowances that it uses up.
    pub(super) fn by_allowance(&self) -> BTreeMap<Allowance, InOrder<'_>> {
        let mut allowances: BTreeMap<Allowance, InOrder<'_>> = BTreeMap::new();
        for (key, sums) in &self.open {
            for (tariff, sum) in sums.iter() {
                allowances.entry(Allowance::of(key, tariff)).or_default().push((key, sum));
            }
        }
        for sums in allowances.values_mut() {
            sums.sort_by_key(|(key, _)| (key.held_from, key.billable, key.space, key.billed_month));
        }
        allowances
    }

    /// What issued invoices have left of an allowance; nothing if that has more digits than can be kept, or if there is no rate.
    pub(super) fn left(&self, allowance: &Allowance) -> Option<Decimal> {
        let rate = self.cards.get(&allowance.usage_month)?.rate(&allowance.tariff)?;
        Some(add(rate.allowance, -self.consumed(allowance)?)?.max(Decimal::ZERO))
    }

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
    sums: &InOrder<'_>,
    usage: &Usage,
    space: SpaceName,
    is_billed: impl Fn(&TotalKey) -> bool,
) -> Option<Line> {
    let card = usage.cards.get(&allowance.usage_month)?;
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
                let taken = taken(sums, usage.left(allowance)?)?;
                let own = sums.iter().zip(taken).filter(|((key, _), _)| is_billed(key));
                // What one holding gave back may be more than another used: the rest of that takes up nothing.
                own.map(|(_, taken)| taken).try_fold(Decimal::ZERO, add)?.min(quantity)
            };
            (free, rate.unit_price)
        }
    };
    Line::new(allowance.clone(), quantity, free, unit_price, card.version)
}

/// How much of an allowance each of these sums uses up, if so much is left of it.
pub(super) fn taken(sums: &InOrder<'_>, mut left: Decimal) -> Option<Vec<Decimal>> {
    let take = |(_, sum): &(&TotalKey, Sum)| {
        let taken = sum.quantity.clamp(Decimal::ZERO, left);
        left = add(left, -taken)?;
        Some(taken)
    };
    sums.iter().map(take).collect()
}

/// How much of a quantity that is less than nothing was free before: what is left after what was billed is taken from it.
fn given_back(quantity: Decimal, issued: Portion) -> Option<Decimal> {
    let remains = add(issued.quantity, quantity)?;
    let free = add(remains.min(issued.free), -issued.free)?;
    Some(free.clamp(quantity, Decimal::ZERO))
}

#[cfg(test)]
mod tests;
