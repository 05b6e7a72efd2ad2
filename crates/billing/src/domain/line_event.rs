//! What invoices are made of: events that were taken, and events that were voided (R-B16).
use devspaces_kit::clock::Timestamp;

use super::{
    Month,
    usage::{Event, is_near},
};

/// An event that was taken, or that was voided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineEvent {
    pub(crate) event: Event,
    /// The journal entry of the space by which that was done.
    pub(crate) sequence: i64,
    /// From when on the space held the app. Nothing of events of before that was kept.
    pub(crate) held_from: Option<Timestamp>,
    /// Whether the space had an account then. Nothing of events of before that was kept.
    pub(crate) billable: Option<bool>,
    /// Whether it is the voiding.
    pub(crate) voiding: bool,
    /// Whether the event is voided by now.
    pub(crate) voided: bool,
}

impl LineEvent {
    /// As of when it counts: as it was placed when it was taken.
    fn counts_from(&self) -> Timestamp {
        let time = self.event.time;
        // What is stamped long before its holding is so because a clock was ahead, and the holding says nothing.
        let from = self.held_from.filter(|from| is_near(*from, time));
        from.map_or(time, |from| time.max(from))
    }

    /// The month of the usage.
    pub(crate) fn usage_month(&self) -> Month {
        Month::of(self.counts_from())
    }

    /// Whether its space, which has an account since then, had one.
    pub(crate) fn is_billable(&self, account_since: Timestamp) -> bool {
        self.billable.unwrap_or_else(|| account_since <= self.counts_from())
    }
}

/// Which entries of a space's journal an invoice is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The month that is billed.
    pub(crate) month: Month,
    /// The last entry before all that is listed.
    pub(crate) before: i64,
    /// The entry by which the invoice before was issued; 0: there was none.
    pub(crate) issued_before: i64,
    /// The last entry: that by which the invoice was issued.
    pub(crate) last: i64,
}

impl Span {
    /// Whether the invoice bills what was used in a month and taken or voided by an entry: of its own month all that was by its
    /// issue, and of earlier months what came after the invoice before (R-B8, R-B15).
    pub(crate) fn bills(&self, usage_month: Month, sequence: i64) -> bool {
        let is_listed = self.before <= sequence && sequence <= self.last;
        is_listed && (usage_month == self.month || usage_month < self.month && sequence > self.issued_before)
    }
}
