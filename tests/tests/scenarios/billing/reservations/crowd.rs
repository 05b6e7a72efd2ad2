//! 64 who reserve, report and release at one cap (R-E5).
use std::{
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    time::{Duration, Instant},
};

use devspaces_proto::billing::v1::Reservation;
use devspaces_tests::{Persona, Suite};
use futures::future::join_all;

use super::capped;
use crate::{
    acts::{
        invoices::{Customer, usd},
        payments::issues,
        refusals::settled,
        reservations::{asks_for, billionths, costs, metering, releases, reservation, reserved_event},
        usage::reports_usage,
    },
    rounds::{rounds, rounds_of_trial},
};

scenarios! {
    both engines:
        never_a_unit_more_than_the_cap_is_billed;
    two replicas:
        never_a_unit_more_than_the_cap_is_billed;
}

/// All of one space, behind each other: a share of the trial has a share of them, since each of its calls waits for the others'.
const CALLERS: u16 = 64;
/// Seconds that a trial lasts.
const LASTS: u16 = 60;
/// In cents.
const CAP: i64 = 1005;
/// What of two apps the cap is for, in billionths of a GB: 10 that are paid, and one that is free of each.
const ALL: i64 = 12_000_000_000;

#[derive(Debug, Default)]
struct Figures {
    calls: usize,
    granted: usize,
    refused: usize,
    reports: usize,
    /// In billionths of a GB.
    covered: i64,
}

impl Figures {
    fn and(mut self, other: &Self) -> Self {
        self.calls += other.calls;
        self.granted += other.granted;
        self.refused += other.refused;
        self.reports += other.reports;
        self.covered += other.covered;
        self
    }
}

/// One of those who reserve.
struct Caller<'a> {
    suite: &'a Suite,
    who: Persona,
    app: &'a str,
    /// What all of them have used, and what is certainly set aside for them beside it, in billionths of a GB.
    taken: &'a AtomicI64,
    seen: Figures,
}

impl Caller<'_> {
    async fn reserves(&mut self, quantity: &str) -> Option<Reservation> {
        self.seen.calls += 1;
        let call = settled(async || asks_for(&self.who, reservation(self.app, quantity)).await);
        let of = call.await.expect("an answer");
        let granted = (!of.name.is_empty()).then_some(of);
        let quantity = granted.as_ref().map_or(0, |of| billionths(&of.granted_quantity));
        assert!(self.taken.fetch_add(quantity, SeqCst) + quantity <= ALL, "the same is granted twice");
        *if granted.is_some() { &mut self.seen.granted } else { &mut self.seen.refused } += 1;
        granted
    }

    /// Reports usage, of which all is covered.
    async fn reports(&mut self, of: &Reservation, quantity: &str) {
        self.seen.calls += 1;
        self.seen.reports += 1;
        let event = reserved_event(self.suite, of, quantity);
        let call = settled(async || reports_usage(&self.who, std::slice::from_ref(&event)).await);
        let covered = call.await.expect("results").remove(0).covered_quantity;
        assert_eq!(billionths(&covered), billionths(quantity));
        self.seen.covered += billionths(&covered);
    }

    async fn releases(&mut self, of: &Reservation, used: i64) {
        self.seen.calls += 1;
        // From now on it may be granted to others.
        self.taken.fetch_sub(billionths(&of.granted_quantity) - used, SeqCst);
        settled(async || releases(self.suite, &of.name).await).await.expect("released");
    }

    /// Far more than there is, of which it uses little and gives the rest back.
    async fn goes_on(mut self, it: &Customer, number: usize, until: Instant) -> Figures {
        for turn in number.. {
            if Instant::now() >= until {
                break;
            }
            let Some(of) = self.reserves(["0.7", "1.3", "3", "12"][turn % 4]).await else { continue };
            let (little, mut used) = (format!("0.000{}", 1 + turn % 9), 0);
            if turn % 5 > 0 && billionths(&of.granted_quantity) >= billionths(&little) {
                self.reports(&of, &little).await;
                used = billionths(&little);
            }
            self.releases(&of, used).await;
            assert!(costs(&it.admin, &it.space).await <= CAP);
        }
        self.seen
    }

    /// All that is left.
    async fn uses_up(mut self) -> Figures {
        while let Some(of) = self.reserves("100").await {
            self.reports(&of, &of.granted_quantity).await;
        }
        self.seen
    }
}

// R-E5: never more than the cap, as long as they go on; in the end all of it, and that is what the invoice says.
async fn never_a_unit_more_than_the_cap_is_billed(suite: Suite) {
    let it = capped(&suite).await;
    let apps = [it.app.clone(), it.admin.creates_app(&it.space).await];
    let taken = AtomicI64::new(0);
    let caller = |number: usize| {
        let (who, app, seen) = (metering(&suite), apps[number % 2].as_str(), Figures::default());
        Caller { suite: &suite, who, app, taken: &taken, seen }
    };
    let until = Instant::now() + Duration::from_secs(rounds_of_trial(LASTS));
    let callers =
        join_all((0..rounds(CALLERS)).map(|number| caller(number).goes_on(&it, number, until))).await;
    let mut figures = callers.iter().fold(Figures::default(), Figures::and);
    println!("{figures:?}");
    for number in 0..apps.len() {
        figures = figures.and(&caller(number).uses_up().await);
    }
    assert_eq!(figures.covered, ALL);
    assert_eq!(costs(&it.admin, &it.space).await, CAP);
    issues(&suite).await;
    assert_eq!(it.latest().await.total, usd(CAP));
}
