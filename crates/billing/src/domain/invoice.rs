//! Invoices, from their draft to their payment (R-B7, R-B10).
use std::time::Duration;

use devspaces_kit::{clock::Timestamp, name::InvoiceName};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Month;

const DAY: Duration = Duration::from_hours(24);

/// How far the clock of who pays may be from this one.
pub(crate) const LEEWAY: Duration = Duration::from_mins(5);

/// R-B10: after how many days from the first failed attempt payment is tried again.
const RETRIES: [u32; 4] = [1, 3, 5, 7];

/// Where an invoice is in its life (R-B10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Draft,
    Open,
    Paid,
    PastDue,
}

impl State {
    const ALL: [Self; 4] = [Self::Draft, Self::Open, Self::Paid, Self::PastDue];

    /// The name by which it is stored and told: `"PAST_DUE"`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Open => "OPEN",
            Self::Paid => "PAID",
            Self::PastDue => "PAST_DUE",
        }
    }

    /// The state that is stored by this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether something is to be paid.
    pub(crate) fn is_payable(self) -> bool {
        matches!(self, Self::Open | Self::PastDue)
    }
}

/// An invoice, apart from its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invoice {
    pub(crate) name: InvoiceName,
    pub(crate) month: Month,
    pub(crate) state: State,
    pub(crate) failed_attempts: i32,
    pub(crate) first_failure: Option<Timestamp>,
    pub(crate) next_attempt_time: Option<Timestamp>,
    pub(crate) pay_time: Option<Timestamp>,
    pub(crate) create_time: Timestamp,
    /// `None`: it is a draft.
    pub(crate) issued: Option<Issued>,
}

/// What never changes once an invoice is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issued {
    pub(crate) number: i64,
    pub(crate) issue_time: Timestamp,
    pub(crate) currency: String,
    pub(crate) total: Decimal,
}

/// A correction of an issued invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CreditNote {
    pub(crate) number: i64,
    pub(crate) amount: Decimal,
    pub(crate) reason: String,
    pub(crate) create_time: Timestamp,
}

/// An attempt of payment, as it was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) id: String,
    pub(crate) succeeded: bool,
    pub(crate) time: Timestamp,
}

/// When the invoice of a month is drafted: on the 1st of the next (R-B7).
pub(crate) fn draft_time(month: Month) -> Timestamp {
    month.next().start()
}

/// When the invoice of a month is issued: on the 3rd of the next, at 00:00 UTC (R-B7).
pub(crate) fn issue_time(month: Month) -> Timestamp {
    month.next().day(3)
}

impl Invoice {
    /// A draft.
    pub(crate) fn draft(name: InvoiceName, month: Month, now: Timestamp) -> Self {
        Self {
            name,
            month,
            state: State::Draft,
            failed_attempts: 0,
            first_failure: None,
            next_attempt_time: None,
            pay_time: None,
            create_time: now,
            issued: None,
        }
    }

    /// The draft, issued. If nothing is to be paid it is paid at once, without an attempt (R-B10).
    pub(crate) fn issue(self, issued: Issued) -> Self {
        let now = issued.issue_time;
        let paid = issued.total.is_zero();
        Self {
            state: if paid { State::Paid } else { State::Open },
            next_attempt_time: (!paid).then_some(now),
            pay_time: paid.then_some(now),
            issued: Some(issued),
            ..self
        }
    }

    /// The invoice once it is paid.
    pub(crate) fn pay(self, now: Timestamp) -> Self {
        Self { state: State::Paid, next_attempt_time: None, pay_time: Some(now), ..self }
    }

    /// The invoice after an attempt (R-B10).
    pub(crate) fn after(self, attempt: &Attempt) -> Self {
        if attempt.succeeded {
            return self.pay(attempt.time);
        }
        // Reports may come in another order than attempts were made in.
        let first = self.first_failure.map_or(attempt.time, |first| first.min(attempt.time));
        // What is tried in between is noted and uses up no retry.
        let is_due = self.next_attempt_time.is_none_or(|due| due <= attempt.time + LEEWAY);
        let counted = self.failed_attempts == 0 || is_due;
        let failed_attempts = self.failed_attempts.saturating_add(i32::from(counted));
        let retry = usize::try_from(failed_attempts - 1).ok().and_then(|failed| RETRIES.get(failed));
        Self {
            failed_attempts,
            first_failure: Some(first),
            next_attempt_time: retry.map(|days| first + DAY * *days),
            state: if retry.is_some() { self.state } else { State::PastDue },
            ..self
        }
    }

    /// What remains to be paid, less what is credited.
    pub(crate) fn due(&self, credited: Decimal) -> Decimal {
        match (&self.issued, self.state) {
            (Some(issued), State::Open | State::PastDue) => issued.total - credited,
            _ => Decimal::ZERO,
        }
    }

    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        let issued = self.issued.as_ref();
        json!({
            "invoice": self.name.to_string(),
            "month": self.month.to_string(),
            "state": self.state.name(),
            "number": issued.map(|issued| issued.number),
            "total": issued.map(|issued| issued.total.to_string()),
            "currency": issued.map(|issued| issued.currency.clone()),
            "failed_attempts": self.failed_attempts,
            "next_attempt_time": self.next_attempt_time.map(|time| time.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use devspaces_kit::name::{AccountName, SpaceName};
    use uuid::Uuid;

    use super::*;

    fn day(days: u32) -> Timestamp {
        Timestamp::EPOCH + DAY * days
    }

    fn issued(total: i64) -> Invoice {
        let name = InvoiceName { account: AccountName(SpaceName::NIL), id: Uuid::nil() };
        let draft = Invoice::draft(name, "1970-01".parse().unwrap(), day(31));
        let (number, currency) = (1, "USD".into());
        draft.issue(Issued { number, issue_time: day(33), currency, total: Decimal::new(total, 2) })
    }

    fn failed(time: Timestamp) -> Attempt {
        Attempt { id: "a".into(), succeeded: false, time }
    }

    // R-B7
    #[test]
    fn a_month_is_drafted_on_the_1st_and_issued_on_the_3rd_of_the_next() {
        let month = "2026-12".parse().unwrap();
        assert_eq!(draft_time(month).to_string(), "2027-01-01T00:00:00.000000Z");
        assert_eq!(issue_time(month).to_string(), "2027-01-03T00:00:00.000000Z");
    }

    // R-B10
    #[test]
    fn retries_follow_the_first_failure_after_1_3_5_and_7_days_and_then_it_is_past_due() {
        let mut invoice = issued(100);
        assert_eq!((invoice.state, invoice.next_attempt_time), (State::Open, Some(day(33))));
        for (made, next) in [(40, 41), (41, 43), (43, 45), (45, 47)] {
            invoice = invoice.after(&failed(day(made)));
            assert_eq!((invoice.state, invoice.next_attempt_time), (State::Open, Some(day(next))), "{made}");
        }
        invoice = invoice.after(&failed(day(47)));
        assert_eq!((invoice.state, invoice.next_attempt_time), (State::PastDue, None));
        assert_eq!(invoice.failed_attempts, 5);
        let again = invoice.clone().after(&failed(day(60)));
        assert_eq!((again.state, again.next_attempt_time, again.failed_attempts), (State::PastDue, None, 6));
        let paid = invoice.after(&Attempt { succeeded: true, ..failed(day(61)) });
        assert_eq!((paid.state, paid.next_attempt_time, paid.pay_time), (State::Paid, None, Some(day(61))));
        assert_eq!(paid.due(Decimal::ZERO), Decimal::ZERO);
    }

    // R-B10
    #[test]
    fn the_first_failure_is_the_earliest_however_late_it_is_told() {
        let invoice = issued(100).after(&failed(day(42))).after(&failed(day(40)));
        assert_eq!((invoice.first_failure, invoice.next_attempt_time), (Some(day(40)), Some(day(41))));
    }

    // R-B10: five cards tried in a row are one attempt, and the days after it are still to come.
    #[test]
    fn what_is_tried_between_retries_uses_none_up() {
        let mut invoice = issued(100).after(&failed(day(40)));
        for _ in 0..5 {
            invoice = invoice.after(&failed(day(40) + DAY / 2));
        }
        assert_eq!((invoice.state, invoice.next_attempt_time), (State::Open, Some(day(41))));
        assert_eq!(invoice.failed_attempts, 1);
    }

    // R-B10
    #[test]
    fn nothing_to_be_paid_is_paid_without_an_attempt() {
        let invoice = issued(0);
        assert_eq!((invoice.state, invoice.next_attempt_time), (State::Paid, None));
        assert_eq!(invoice.pay_time, Some(day(33)));
    }
}
