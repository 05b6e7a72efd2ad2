//! What apps have used up that nobody has agreed to pay for beyond it (R-E3).
use std::collections::{BTreeMap, BTreeSet};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};
use rust_decimal::Decimal;

use super::{Added, Books, Sums, TotalKey};
use crate::domain::{Month, RateCard, pricing::Allowance};

/// How much apps have used of each allowance.
#[derive(Default)]
struct Used(BTreeMap<Allowance, Decimal>);

impl Used {
    fn count(&mut self, allowance: Allowance, quantity: Decimal) {
        let used = self.0.entry(allowance).or_default();
        // What was stored before there were limits may be of any size.
        *used = used.saturating_add(quantity);
    }

    fn count_all<'a>(&mut self, sums: impl Iterator<Item = &'a (TotalKey, Sums)>) {
        for (key, sums) in sums {
            sums.iter().for_each(|(tariff, sum)| self.count(Allowance::of(key, tariff), sum.quantity));
        }
    }

    /// The apps that have used up one of a card's allowances beyond which something costs.
    fn up(&self, card: &RateCard) -> BTreeSet<AppName> {
        let is_used_up = |allowance: &Allowance, used: Decimal| {
            card.rate(&allowance.tariff)
                .is_some_and(|rate| !rate.unit_price.is_zero() && used >= rate.allowance)
        };
        self.0.iter().filter(|(it, used)| is_used_up(it, **used)).map(|(it, _)| it.app).collect()
    }
}

/// The apps of which these are all the sums of a month's usage that have used up an allowance of it.
pub(crate) fn used_up(sums: &[(TotalKey, Sums)], card: &RateCard, month: Month) -> BTreeSet<AppName> {
    let mut used = Used::default();
    used.count_all(sums.iter().filter(|(key, _)| key.usage_month == month));
    used.up(card)
}

/// The apps to whose usage this is added that have used up an allowance of a month, by that or before, in spaces without an account that
/// hold them, each with since when. `before` are the sums of these apps' usage as they were. Only of an allowance beyond which something costs is
/// anything used up.
pub(crate) fn exhausted(
    added: &[Added<'_>],
    before: &[(TotalKey, Sums)],
    books: &Books,
    month: Month,
) -> BTreeMap<(SpaceName, AppName), Timestamp> {
    let Some(card) = books.cards.get(&month) else { return BTreeMap::new() };
    let of_month = || added.iter().filter(|it| it.total.usage_month == month);
    let is_unpaid = |it: &&Added<'_>| it.is_held && !books.accounts.contains_key(&it.total.space);
    if !of_month().any(|it| is_unpaid(&it)) {
        return BTreeMap::new();
    }
    let mut used = Used::default();
    used.count_all(before.iter().filter(|(key, _)| key.usage_month == month));
    for it in of_month() {
        used.count(Allowance::of(&it.total, it.tariff), it.sum.quantity);
    }
    let used_up = used.up(card);
    let mut found = BTreeMap::new();
    for Added { total, .. } in of_month().filter(is_unpaid) {
        if used_up.contains(&total.app) {
            let since = found.entry((total.space, total.app)).or_insert(total.held_from);
            *since = total.held_from.max(*since);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use devspaces_kit::name::MeterName;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        Rate, Rates, Tariff,
        usage::{Event, Placed, Sum, added},
    };

    const HELD: SpaceName = SpaceName(Uuid::from_u128(1));
    const OTHER: SpaceName = SpaceName(Uuid::from_u128(2));
    const APP: AppName = AppName(Uuid::from_u128(3));

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn tariff(id: &str) -> Tariff {
        Tariff::of_meter(MeterName::of(id).expect("a name"))
    }

    /// Of logs 10 are free, and of reads all: beyond what is free they cost nothing.
    fn books(accounts: &[SpaceName]) -> Books {
        let rates = |price: i64| {
            let own = Rate { allowance: Decimal::TEN, unit_price: Decimal::from(price) };
            Rates { own, by_value: None, exemptions: [].into() }
        };
        let of = |id, price| (MeterName::of(id).expect("a name"), rates(price));
        let effective_month = month("2026-11");
        let meters = BTreeMap::from([of("logs.gb", 1), of("kvs.read_gb", 0)]);
        let card = RateCard { version: 1, currency: "USD".into(), effective_month, meters };
        Books {
            accounts: accounts.iter().map(|space| (*space, Timestamp::EPOCH)).collect(),
            cards: BTreeMap::from([(effective_month, card)]),
            ..Books::default()
        }
    }

    fn key(space: SpaceName, used: &str, held_from: i64) -> TotalKey {
        TotalKey {
            space,
            billed_month: month(used),
            app: APP,
            usage_month: month(used),
            held_from: Timestamp::from_micros(held_from),
            billable: false,
        }
    }

    /// What is found after so much was used before, by another space, and so much by an event.
    fn found(before: &str, now: &str, id: &str, of: &str, accounts: &[SpaceName]) -> Vec<(SpaceName, i64)> {
        found_if(true, before, now, id, of, accounts)
    }

    fn found_if(
        is_held: bool,
        before: &str,
        now: &str,
        id: &str,
        of: &str,
        accounts: &[SpaceName],
    ) -> Vec<(SpaceName, i64)> {
        let event = Event {
            id: "e".into(),
            app: APP,
            meter: MeterName::of(id).expect("a name"),
            quantity: now.parse().expect("a decimal"),
            time: Timestamp::EPOCH,
            dimensions: BTreeMap::new(),
        };
        let placed = Placed { total: key(HELD, of, 7), tariff: tariff(id), is_held };
        let (of_what, before) = before.split_once(' ').unwrap_or((id, before));
        let sums = Sums::from_iter([(tariff(of_what), Sum::of(before.parse().expect("a decimal")))]);
        let before = [(key(OTHER, of, 1), sums)];
        let events = [(&event, &placed)];
        let added = added(&events).expect("sums");
        let found = exhausted(&added, &before, &books(accounts), month("2026-11"));
        found.into_iter().map(|((space, _), since)| (space, since.micros())).collect()
    }

    // R-E3, R-B6: an allowance is the app's, whichever spaces held it.
    #[test]
    fn an_allowance_is_used_up_when_nothing_is_left_of_it() {
        let (logs, this) = ("logs.gb", "2026-11");
        assert_eq!(found("6", "3.999999999", logs, this, &[]), []);
        assert_eq!(found("6", "4", logs, this, &[]), [(HELD, 7)]);
        assert_eq!(found("600", "0.000000001", logs, this, &[]), [(HELD, 7)]);
        assert_eq!(found("6", "4", logs, this, &[OTHER]), [(HELD, 7)]);
        assert_eq!(found("logs.gb 10", "1", "queue.messages", this, &[]), [(HELD, 7)], "where it was before");
        assert_eq!(found("logs.gb 9", "1", "queue.messages", this, &[]), []);
        assert_eq!(found("6", "4", logs, this, &[HELD]), [], "who has consented pays");
        assert_eq!(found("6", "4", logs, "2026-10", &[]), [], "of a month that is over");
        assert_eq!(found("6", "4", "kvs.read_gb", this, &[]), [], "what costs nothing beyond it");
        assert_eq!(found("6", "4", "queue.messages", this, &[]), [], "what is on no card");
        assert_eq!(found_if(false, "6", "4", logs, this, &[]), [], "where the app is no longer");
    }
}
