use std::{collections::HashMap, sync::Arc, time::Duration};

use devspaces_kit::{clock::Clock, name::UserName, server::Streams, steady::Steady};
use devspaces_ledger::{Mutations, db::Pool};

use crate::{Gate, Peers};

/// How many spaces each person may have made that exist (R-S10): anybody can be added to a space unasked, and sees it
/// then among their own.
#[derive(Clone, Debug)]
pub struct SpaceQuota {
    each: u32,
    exceptions: HashMap<UserName, u32>,
}

impl SpaceQuota {
    /// As many for everybody.
    #[must_use]
    pub fn of_each(spaces: u32) -> Self {
        Self { each: spaces, exceptions: HashMap::new() }
    }

    /// As many for this person.
    #[must_use]
    pub fn except(mut self, person: UserName, spaces: u32) -> Self {
        self.exceptions.insert(person, spaces);
        self
    }

    /// How many this person may have made.
    #[must_use]
    pub fn of(&self, person: &UserName) -> u32 {
        self.exceptions.get(person).copied().unwrap_or(self.each)
    }
}

impl Default for SpaceQuota {
    /// 100: more than people make by hand.
    fn default() -> Self {
        Self::of_each(100)
    }
}

/// When payment of an invoice is tried again (R-B10): after how many days from the first failure, one retry after another. When
/// the last has failed as well, the invoice is past due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRetries(Vec<u16>);

impl PaymentRetries {
    /// The most retries that there can be.
    pub const MOST: usize = 10;
    /// The last day on which there can be one.
    pub const LAST_DAY: u16 = 365;

    /// After so many days. Nothing where they are none or too many, do not come one after another, or one is the day of the
    /// failure itself or later than [`Self::LAST_DAY`].
    #[must_use]
    pub fn after_days(days: &[u16]) -> Option<Self> {
        let number = (1..=Self::MOST).contains(&days.len());
        let rising = days.is_sorted_by(|one, next| one < next);
        let in_range = days.iter().all(|day| (1..=Self::LAST_DAY).contains(day));
        (number && rising && in_range).then(|| Self(days.to_vec()))
    }

    /// How long after the first failure the retry is due that follows so many failures; nothing if none does.
    #[must_use]
    pub fn following(&self, failures: u32) -> Option<Duration> {
        let retry = usize::try_from(failures.checked_sub(1)?).ok()?;
        self.0.get(retry).map(|days| Duration::from_hours(24) * u32::from(*days))
    }
}

impl Default for PaymentRetries {
    /// 1, 3, 7, 14 and 21 days.
    fn default() -> Self {
        Self(vec![1, 3, 7, 14, 21])
    }
}

/// How the suite deals with money, as its operator has it: the billing service, and the space service for what deploying takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoicing {
    /// When payment of an invoice is tried again (R-B10).
    pub payment_retries: PaymentRetries,
    /// How long before it takes effect a rate card is made (R-B6).
    pub rate_card_notice: Duration,
    /// For what somebody must have consented to be billed (R-E3).
    pub consent_required_for: ConsentRequiredFor,
}

/// For what somebody of a space must have consented to be billed (R-E3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsentRequiredFor {
    /// For what an app uses beyond an allowance: once it is used up, the app is suspended for the rest of the month.
    #[default]
    Overage,
    /// For deploying as well: without it nobody deploys an app of the space, and what runs there is suspended as it is for overage.
    Deploy,
    /// For nothing: what spaces without an account use is free.
    Never,
}

impl ConsentRequiredFor {
    /// Whether an app is suspended that goes beyond an allowance without it.
    #[must_use]
    pub fn includes_overage(self) -> bool {
        matches!(self, Self::Overage | Self::Deploy)
    }

    /// Whether nobody deploys without it.
    #[must_use]
    pub fn includes_deploying(self) -> bool {
        self == Self::Deploy
    }
}

impl Default for Invoicing {
    /// Payment is tried again after 1, 3, 7, 14 and 21 days, rate cards are made 90 days before they take effect, and what goes
    /// beyond an allowance takes consent.
    fn default() -> Self {
        let rate_card_notice = Duration::from_hours(90 * 24);
        let (payment_retries, consent_required_for) =
            (PaymentRetries::default(), ConsentRequiredFor::Overage);
        Self { payment_retries, rate_card_notice, consent_required_for }
    }
}

/// What the handlers of a service work with.
#[derive(Clone)]
pub struct Context {
    /// The service's database.
    pub pool: Pool,
    /// Time and identifiers.
    pub clock: Arc<dyn Clock>,
    /// Whether the clock can be relied on for what can't be taken back.
    pub steady: Arc<Steady>,
    /// What every handler asks first.
    pub gate: Gate,
    /// How every change is made.
    pub mutations: Mutations,
    /// How streams are opened.
    pub streams: Streams,
    /// How many spaces a person may make.
    pub space_quota: SpaceQuota,
    /// How the suite deals with money.
    pub invoicing: Invoicing,
    /// The other services, for what they know that no permission depends on.
    pub peers: Peers,
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-B10
    #[test]
    fn retries_come_one_after_another_and_end() {
        let day = Duration::from_hours(24);
        let default = PaymentRetries::default();
        let following: Vec<_> = (0..=7).map(|failures| default.following(failures)).collect();
        let days = [1, 3, 7, 14, 21].map(|days| Some(day * days));
        assert_eq!(following, [&[None][..], &days, &[None, None]].concat());
        for good in [&[1][..], &[365], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]] {
            assert!(PaymentRetries::after_days(good).is_some(), "{good:?}");
        }
        for bad in [&[][..], &[0], &[0, 1], &[3, 1], &[1, 1], &[366], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]] {
            assert!(PaymentRetries::after_days(bad).is_none(), "{bad:?}");
        }
    }
}
