//! What usage costs (R-B6, R-B7, R-B8).
use std::collections::BTreeMap;

use devspaces_kit::name::{AppName, SpaceName};
use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    Metric, Month, RateCard,
    usage::{Sum, TotalKey},
};

/// Cents.
const DECIMALS: u32 = 2;

/// What has one allowance: an app's use of something in a month, whichever spaces held the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pool {
    pub(crate) app: AppName,
    pub(crate) usage_month: Month,
    pub(crate) metric: Metric,
}

impl From<&TotalKey> for Pool {
    fn from(key: &TotalKey) -> Self {
        Self { app: key.app, usage_month: key.usage_month, metric: key.metric }
    }
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) pool: Pool,
    pub(crate) quantity: Decimal,
    /// How much of it is free.
    pub(crate) free: Decimal,
    pub(crate) unit_price: Decimal,
    pub(crate) card: i32,
}

impl Line {
    pub(crate) fn billed(&self) -> Decimal {
        (self.quantity - self.free).normalize()
    }

    /// Exact to 28 significant digits, which is more than what can be measured and priced comes to.
    pub(crate) fn amount(&self) -> Decimal {
        (self.billed() * self.unit_price).normalize()
    }
}

/// What lines come to: rounded once, half to even, to cents (R-B7).
pub(crate) fn total(lines: &[Line]) -> Decimal {
    let exact: Decimal = lines.iter().map(Line::amount).sum();
    exact.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointNearestEven)
}

/// What is known of the usage that shares allowances with that of an invoice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    /// Every sum that no issued invoice covers, of whatever space.
    pub(crate) open: Vec<(TotalKey, Sum)>,
    /// How much of each allowance issued invoices have used up.
    pub(crate) consumed: BTreeMap<Pool, Decimal>,
    /// The rate card of each month of usage.
    pub(crate) cards: BTreeMap<Month, RateCard>,
}

/// The lines of a space's invoice for a month. What issued invoices have left of an allowance goes to the rest of the
/// usage in the order of time, also to that of other spaces and to what nobody pays for.
pub(crate) fn lines(space: SpaceName, month: Month, usage: &Usage) -> Vec<Line> {
    let mut pools: BTreeMap<Pool, Vec<&(TotalKey, Sum)>> = BTreeMap::new();
    for sum in &usage.open {
        pools.entry(Pool::from(&sum.0)).or_default().push(sum);
    }
    let is_billed = |key: &TotalKey| key.space == space && key.billed_month == month && key.billable;
    let mut lines = Vec::new();
    for (pool, mut sums) in pools {
        let Some(card) = usage.cards.get(&pool.usage_month) else { continue };
        let Some(rate) = card.rates.get(&pool.metric) else { continue };
        sums.sort_by_key(|(key, _)| (key.held_from, key.billable, key.space, key.billed_month));
        let consumed = usage.consumed.get(&pool).copied().unwrap_or_default();
        let mut left = (rate.allowance - consumed).max(Decimal::ZERO);
        let mut line = Line {
            pool,
            quantity: Decimal::ZERO,
            free: Decimal::ZERO,
            unit_price: rate.unit_price,
            card: card.version,
        };
        for (key, sum) in sums {
            let free = sum.quantity.min(left);
            left -= free;
            if is_billed(key) {
                line.quantity += sum.quantity;
                line.free += free;
            }
        }
        if !line.quantity.is_zero() {
            lines.push(line);
        }
    }
    lines
}
