//! What is set aside for apps, and how much of that caps leave (R-E5).
use std::collections::HashMap;

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, BudgetName, ReservationName, SpaceName},
};
use rust_decimal::Decimal;

use super::{
    Budget, Month, Rate, Tariff,
    amount::Amount,
    pricing::{Allowance, Line, Usage, lines},
    usage::{Event, Placed, Sum, Sums, TotalKey},
};

/// What an app is to use, while the space that holds it now does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) name: ReservationName,
    /// The space that held the app.
    pub(crate) space: SpaceName,
    pub(crate) app: AppName,
    /// From when on it did.
    pub(crate) held_from: Timestamp,
    /// In which it is to be used, and billed.
    pub(crate) month: Month,
    pub(crate) tariff: Tariff,
    /// What is not reported yet.
    pub(crate) remaining: Decimal,
    pub(crate) end_time: Timestamp,
}

impl Reservation {
    /// The sum that usage of it goes to.
    pub(crate) fn key(&self) -> TotalKey {
        TotalKey {
            space: self.space,
            billed_month: self.month,
            app: self.app,
            usage_month: self.month,
            held_from: self.held_from,
            billable: true,
        }
    }

    /// Whether this is usage for which something was set aside. What decides what it costs is the same; of a space that has got
    /// an account meanwhile, that it was not billed is no matter.
    fn is_for(&self, placed: &Placed) -> bool {
        TotalKey { billable: true, ..placed.total } == self.key() && placed.tariff == self.tariff
    }
}

/// How much of events is covered by the reservations that they name, in the order of the events. These have so much less left
/// afterwards.
pub(crate) fn cover(
    events: &[(&Event, &Placed, ReservationName)],
    reservations: &mut HashMap<ReservationName, Reservation>,
) -> Vec<Decimal> {
    let covered = |(event, placed, name): &(&Event, &Placed, ReservationName)| {
        let Some(reservation) = reservations.get_mut(name).filter(|it| it.is_for(placed)) else {
            return Decimal::ZERO;
        };
        let covered = event.quantity.min(reservation.remaining);
        reservation.remaining = (reservation.remaining - covered).normalize();
        covered
    };
    events.iter().map(covered).collect()
}

/// Counts what is set aside as if it was used: of what all of it would cost, nothing that is used of it costs more.
pub(crate) fn count_in(usage: &mut Usage, reserved: &[Reservation]) {
    let sums = |it: &Reservation| (it.key(), Sums::from_iter([(it.tariff.clone(), Sum::of(it.remaining))]));
    usage.open.extend(reserved.iter().map(sums));
}

/// How much is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) quantity: Decimal,
    /// The cap that left no more.
    pub(crate) limited_by: Option<BudgetName>,
}

/// How much of what is asked for can be used without the costs of the month exceeding a cap (R-E5): `asked` is the reservation to be,
/// of all that is asked for. `usage` is all that shares allowances with what the caps are of, and what is set aside counted in.
/// Nobody else may hold the app later: what is used then comes after it in the order in which an allowance is used up.
///
/// What is free costs nothing, and beyond it each unit has one price: so there is no need to try.
pub(crate) fn grant(asked: &Reservation, usage: &Usage, caps: &[Budget]) -> Grant {
    let all = Grant { quantity: asked.remaining, limited_by: None };
    let rate = usage.cards.get(&asked.month).and_then(|card| card.rate(&asked.tariff));
    let Some(rate) = rate.filter(|rate| !rate.unit_price.is_zero()) else { return all };
    let free = free(asked, usage, rate);
    let (lines, unpriced) = lines(asked.space, asked.month, usage);
    let least = |grant: Grant, cap: &Budget| {
        let is_of = |it: &Allowance| cap.name.app.is_none_or(|app| app == it.app);
        let costs = if unpriced.iter().any(is_of) {
            None
        } else {
            let lines = lines.iter().filter(|line| is_of(&line.allowance));
            lines.map(Line::amount).try_fold(Amount::default(), Amount::and)
        };
        // Of what can't be said what it costs, no more is granted than what is free.
        let left = costs.and_then(|costs| Amount::of_money(cap.amount).minus(costs)).unwrap_or_default();
        let most = free.saturating_add(left.quantity_at(rate.unit_price)).normalize();
        if most < grant.quantity { Grant { quantity: most, limited_by: Some(cap.name) } } else { grant }
    };
    caps.iter().fold(all, least)
}

/// What is left of the allowance that it would use up.
fn free(asked: &Reservation, usage: &Usage, rate: &Rate) -> Decimal {
    let allowance = Allowance::of(&asked.key(), &asked.tariff);
    let is_of = |key: &TotalKey| key.app == asked.app && key.usage_month == asked.month;
    let used = usage.open.iter().filter(|(key, _)| is_of(key)).flat_map(|(_, sums)| sums.iter());
    let used =
        used.filter(|(tariff, _)| **tariff == asked.tariff).map(|(_, sum)| sum.quantity.max(Decimal::ZERO));
    // What can't be said leaves nothing.
    let consumed = usage.consumed(&allowance).unwrap_or(rate.allowance);
    let used = used.fold(consumed, Decimal::saturating_add);
    rate.allowance.saturating_sub(used).max(Decimal::ZERO)
}

#[cfg(test)]
mod tests;
