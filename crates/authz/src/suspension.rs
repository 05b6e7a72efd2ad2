//! Why an app does not run.

use std::fmt;

/// A reason for which an app or a space is suspended (R-A12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SuspensionReason {
    /// The platform was abused; set and lifted by the operator.
    Abuse,
    /// The app endangers the platform or its users; set and lifted by the operator.
    Security,
    /// The law, or who acts by it, demands it; set and lifted by the operator.
    Legal,
    /// Usage of the app is on an invoice that is past due; set and lifted by the billing service (R-E2).
    PastDue,
    /// The app has used up an allowance, and nobody has consented to be billed; set and lifted by the billing service (R-E3).
    Consent,
    /// A budget of the app or of its space is a cap that is reached; set and lifted by the billing service (R-E4).
    Cap,
}

/// Who sets and lifts a reason, and nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuspendedBy {
    /// The platform's operator, by a call.
    Operator,
    /// The billing service, by what becomes of money (R-E1).
    Billing,
}

impl SuspensionReason {
    /// Every reason.
    pub const ALL: [SuspensionReason; 6] = [
        SuspensionReason::Abuse,
        SuspensionReason::Security,
        SuspensionReason::Legal,
        SuspensionReason::PastDue,
        SuspensionReason::Consent,
        SuspensionReason::Cap,
    ];

    /// The reason's name, as the API writes it: "ABUSE".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SuspensionReason::Abuse => "ABUSE",
            SuspensionReason::Security => "SECURITY",
            SuspensionReason::Legal => "LEGAL",
            SuspensionReason::PastDue => "PAST_DUE",
            SuspensionReason::Consent => "CONSENT",
            SuspensionReason::Cap => "CAP",
        }
    }

    /// Who sets and lifts it.
    #[must_use]
    pub fn set_by(self) -> SuspendedBy {
        match self {
            SuspensionReason::Abuse | SuspensionReason::Security | SuspensionReason::Legal => {
                SuspendedBy::Operator
            }
            SuspensionReason::PastDue | SuspensionReason::Consent | SuspensionReason::Cap => {
                SuspendedBy::Billing
            }
        }
    }

    /// What to tell those who see the app, with what would lift it: a sentence (R-E6).
    #[must_use]
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            SuspensionReason::Abuse => {
                "The app or its space is suspended for abuse of the platform (ABUSE): its operator can lift it."
            }
            SuspensionReason::Security => {
                "The app or its space is suspended for reasons of security (SECURITY): the platform's operator can lift it."
            }
            SuspensionReason::Legal => {
                "The app or its space is suspended for legal reasons (LEGAL): the platform's operator can lift it."
            }
            SuspensionReason::PastDue => {
                "The app is suspended because usage of it is on an invoice that is past due (PAST_DUE): payment of every such invoice lifts it."
            }
            SuspensionReason::Consent => {
                "The app is suspended because it has used up an allowance and its space has no billing account (CONSENT): consent to app invoicing, the next month, a transfer of the app or the voiding of wrong usage lifts it."
            }
            SuspensionReason::Cap => {
                "The app is suspended because this month's costs have reached the budget of the app or of its space, which is a cap (CAP): a billing admin can raise or remove the cap, and the next month or the voiding of wrong usage lifts it."
            }
        }
    }
}

impl fmt::Display for SuspensionReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The reasons for which something is suspended. None: it is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Suspension(u8);

impl Suspension {
    /// Not suspended.
    pub const NONE: Suspension = Suspension(0);

    /// Whether there is no reason.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Whether this is one of the reasons.
    #[must_use]
    pub fn is_for(self, reason: SuspensionReason) -> bool {
        self.0 & 1 << reason as u8 != 0
    }

    /// These reasons and one more.
    #[must_use]
    pub fn with(self, reason: SuspensionReason) -> Suspension {
        Suspension(self.0 | 1 << reason as u8)
    }

    /// These reasons but for one.
    #[must_use]
    pub fn without(self, reason: SuspensionReason) -> Suspension {
        Suspension(self.0 & !(1 << reason as u8))
    }

    /// The reasons of both.
    #[must_use]
    pub fn union(self, other: Suspension) -> Suspension {
        Suspension(self.0 | other.0)
    }

    /// The reasons, in the order of [`SuspensionReason::ALL`].
    pub fn reasons(self) -> impl Iterator<Item = SuspensionReason> {
        SuspensionReason::ALL.into_iter().filter(move |reason| self.is_for(*reason))
    }
}

impl FromIterator<SuspensionReason> for Suspension {
    fn from_iter<I: IntoIterator<Item = SuspensionReason>>(reasons: I) -> Suspension {
        reasons.into_iter().fold(Suspension::NONE, Suspension::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_set_and_lifted_by_itself() {
        let all: Suspension = SuspensionReason::ALL.into_iter().collect();
        for reason in SuspensionReason::ALL {
            let alone = Suspension::NONE.with(reason);
            assert!(alone.is_for(reason) && alone.reasons().eq([reason]));
            assert!(!all.without(reason).is_for(reason) && all.without(reason).union(alone) == all);
            assert!(alone.without(reason).is_none() && reason.sentence().contains(reason.name()));
        }
        assert!(all.reasons().eq(SuspensionReason::ALL));
    }
}
