//! Invoices, from their draft to their payment (R-B7, R-B10).
use std::time::Duration;

use devspaces_gate::PaymentRetries;
use devspaces_kit::{clock::Timestamp, name::InvoiceName};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Month;

/// How far the clock of who pays may be from this one.
pub(crate) const LEEWAY: Duration = Duration::from_mins(5);

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
    /// Whether the apps on it are suspended for it (R-E2).
    pub(crate) suspends: bool,
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
    /// How much of the account's credit it has used up.
    pub(crate) credit_applied: Decimal,
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
            suspends: false,
            create_time: now,
            issued: None,
        }
    }

    /// The draft, issued. If nothing is to be paid it is paid at once, without an attempt (R-B10).
    pub(crate) fn issue(self, issued: Issued) -> Self {
        let now = issued.issue_time;
        let paid = issued.total <= issued.credit_applied;
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
        Self { state: State::Paid, next_attempt_time: None, pay_time: Some(now), suspends: false, ..self }
    }

    /// The invoice after an attempt (R-B10). How often it has failed decides which retry follows, so that other days count from
    /// the next failure on. What is past due stays so until it is paid, and suspends the apps on it (R-E2).
    pub(crate) fn after(self, attempt: &Attempt, retries: &PaymentRetries) -> Self {
        if attempt.succeeded {
            return self.pay(attempt.time);
        }
        // Reports may come in another order than attempts were made in.
        let first = self.first_failure.map_or(attempt.time, |first| first.min(attempt.time));
        // What is tried in between is noted and uses up no retry.
        let is_due = self.next_attempt_time.is_none_or(|due| due <= attempt.time + LEEWAY);
        let counted = self.failed_attempts == 0 || is_due;
        let failed_attempts = self.failed_attempts.saturating_add(i32::from(counted));
        let retry = u32::try_from(failed_attempts).ok().and_then(|failures| retries.following(failures));
        let retry = retry.filter(|_| self.state != State::PastDue);
        Self {
            failed_attempts,
            first_failure: Some(first),
            next_attempt_time: retry.map(|later| first + later),
            state: if retry.is_some() { self.state } else { State::PastDue },
            suspends: retry.is_none(),
            ..self
        }
    }

    /// Whether it is past due, and the apps on it are not suspended yet.
    pub(crate) fn is_untold(&self) -> bool {
        self.state == State::PastDue && !self.suspends
    }

    /// What remains to be paid, less what is credited.
    pub(crate) fn due(&self, credited: Decimal) -> Decimal {
        match (&self.issued, self.state) {
            (Some(issued), State::Open | State::PastDue) => {
                (issued.total - issued.credit_applied - credited).max(Decimal::ZERO)
            }
            _ => Decimal::ZERO,
        }
    }

    /// What the journal says of it, less what is credited.
    pub(crate) fn to_json(&self, credited: Decimal) -> Value {
        let issued = self.issued.as_ref();
        json!({
            "invoice": self.name.to_string(),
            "month": self.month.to_string(),
            "state": self.state.name(),
            "number": issued.map(|issued| issued.number),
            "total": issued.map(|issued| issued.total.to_string()),
            "currency": issued.map(|issued| issued.currency.clone()),
            "credit_applied": issued.map(|issued| issued.credit_applied.to_string()),
            "amount_due": issued.map(|_| self.due(credited).to_string()),
            "failed_attempts": self.failed_attempts,
            "next_attempt_time": self.next_attempt_time.map(|time| time.to_string()),
            "suspends": self.suspends,
        })
    }
}

#[cfg(test)]
mod tests {
    use devspaces_kit::name::{AccountName, SpaceName};
    use uuid::Uuid;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn day(days: u32) -> Timestamp {
        Timestamp::EPOCH + DAY * days
    }

    fn issued(total: i64) -> Invoice {
        let name = InvoiceName { account: AccountName(SpaceName::NIL), id: Uuid::nil() };
        let draft = Invoice::draft(name, "1970-01".parse().unwrap(), day(31));
        let (number, currency) = (1, "USD".into());
        let (total, credit_applied) = (Decimal::new(total, 2), Decimal::ZERO);
        draft.issue(Issued { number, issue_time: day(33), currency, total, credit_applied })
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

    fn after(invoice: Invoice, attempt: &Attempt) -> Invoice {
        invoice.after(attempt, &PaymentRetries::default())
    }

    // R-B10, R-E2
    #[test]
    fn retries_follow_the_first_failure_after_their_days_and_then_it_is_past_due_and_suspends() {
        let mut invoice = issued(100);
        assert_eq!((invoice.state, invoice.next_attempt_time), (State::Open, Some(day(33))));
        for (made, next) in [(40, 41), (41, 43), (43, 47), (47, 54), (54, 61)] {
            invoice = after(invoice, &failed(day(made)));
            assert_eq!((invoice.state, invoice.next_attempt_time), (State::Open, Some(day(next))), "{made}");
            assert!(!invoice.suspends);
        }
        invoice = after(invoice, &failed(day(61)));
        assert_eq!((invoice.state, invoice.next_attempt_time), (State::PastDue, None));
        assert_eq!((invoice.failed_attempts, invoice.suspends), (6, true));
        let again = after(invoice.clone(), &failed(day(70)));
        assert_eq!((again.state, again.next_attempt_time, again.failed_attempts), (State::PastDue, None, 7));
        let paid = after(invoice, &Attempt { succeeded: true, ..failed(day(71)) });
        assert_eq!((paid.state, paid.next_attempt_time, paid.pay_time), (State::Paid, None, Some(day(71))));
        assert_eq!((paid.due(Decimal::ZERO), paid.suspends), (Decimal::ZERO, false));
    }

    // R-B10: from the next failure on the days are those that are configured now.
    #[test]
    fn retries_that_began_by_other_days_go_on_by_those_of_now() {
        // The 4th retry of 1, 3, 5 and 7 days, after which it would have been past due.
        let begun = Invoice {
            failed_attempts: 4,
            first_failure: Some(day(40)),
            next_attempt_time: Some(day(47)),
            ..issued(100)
        };
        let more = after(begun.clone(), &failed(day(47)));
        assert_eq!((more.state, more.next_attempt_time), (State::Open, Some(day(61))));
        let fewer = PaymentRetries::after_days(&[1, 3]).unwrap();
        let none_left = begun.after(&failed(day(47)), &fewer);
        assert_eq!((none_left.state, none_left.suspends), (State::PastDue, true));
        // More of them make nothing open again that is past due.
        let more = after(Invoice { failed_attempts: 3, ..none_left }, &failed(day(48)));
        assert_eq!((more.state, more.next_attempt_time, more.suspends), (State::PastDue, None, true));
    }

    // R-B10
    #[test]
    fn the_first_failure_is_the_earliest_however_late_it_is_told() {
        let invoice = after(after(issued(100), &failed(day(42))), &failed(day(40)));
        assert_eq!((invoice.first_failure, invoice.next_attempt_time), (Some(day(40)), Some(day(41))));
    }

    // R-B10: five cards tried in a row are one attempt, and the days after it are still to come.
    #[test]
    fn what_is_tried_between_retries_uses_none_up() {
        let mut invoice = after(issued(100), &failed(day(40)));
        for _ in 0..5 {
            invoice = after(invoice, &failed(day(40) + DAY / 2));
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
        // R-B15: more was corrected than used.
        assert_eq!(issued(-100).state, State::Paid);
    }
}
