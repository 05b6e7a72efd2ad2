//! What must hold for an app to move to another space (R-A8).
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
    status::{Blockers, Reason},
};

use super::Listing;

/// R-B7: until this day of a month, exclusive, the invoices of the month before are drafts.
const INVOICES_ISSUED: u8 = 3;

/// Something that stands in the way of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocker {
    pub(crate) reason: Reason,
    /// The name of the app or the space that has it.
    pub(crate) resource: String,
    pub(crate) sentence: &'static str,
}

/// What R-A8 asks, as it is at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    pub(crate) app: AppName,
    pub(crate) listing: Listing,
    /// Whether another transfer of the app is pending.
    pub(crate) other_pending: bool,
    /// R-A7: whether who initiated this one is console Admin of the source now.
    pub(crate) initiator_is_admin: bool,
    pub(crate) source: Source,
    /// `None`: whoever asks has no role there and is told nothing of it. It is looked at when the transfer is accepted.
    pub(crate) destination: Option<Destination>,
    pub(crate) now: Timestamp,
}

/// The space that an app is to move from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) name: SpaceName,
    pub(crate) has_account: bool,
    pub(crate) past_due: bool,
}

/// The space that an app is to move to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) name: SpaceName,
    /// Whether it is there, and neither archived nor deleted.
    pub(crate) active: bool,
    pub(crate) has_account: bool,
}

impl Conditions {
    /// Everything that stands in the way.
    pub(crate) fn blockers(&self) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        let mut check = |stands_in_the_way: bool, reason, resource: String, sentence| {
            if stands_in_the_way {
                blockers.push(Blocker { reason, resource, sentence });
            }
        };
        let (app, source) = (self.app.to_string(), self.source.name.to_string());
        let sentence =
            "The app is on the Marketplace, or submitted to it; its listing must be withdrawn first";
        check(self.listing != Listing::Private, Reason::AppListed, app.clone(), sentence);
        let sentence = "Another transfer of the app is pending; it can be cancelled";
        check(self.other_pending, Reason::TransferPending, app.clone(), sentence);
        let sentence = "On the first two days (UTC) of a month invoices are drafts, and no app moves";
        check(self.now.day_of_month() < INVOICES_ISSUED, Reason::InvoicesInDraft, app, sentence);
        let sentence = "Who initiated the transfer is not console Admin of the source any more; an Admin there can cancel it and \
                        initiate another";
        check(!self.initiator_is_admin, Reason::InitiatorNotAdmin, source.clone(), sentence);
        let sentence = "An invoice of the space that the app is in is past due, and must be paid first";
        check(self.source.past_due, Reason::BillingPastDue, source, sentence);
        if let Some(Destination { name, active, has_account }) = self.destination {
            let sentence = "The destination is archived or deleted, and takes no app before it is restored";
            check(!active, Reason::SpaceArchived, name.to_string(), sentence);
            let sentence = "The space that the app is in has a billing account and the destination has none: a console Admin \
                            there has to agree to app invoicing first";
            let without_account = self.source.has_account && !has_account;
            check(without_account, Reason::BillingAccountMissing, name.to_string(), sentence);
        }
        blockers
    }
}

/// The same as blockers of a call.
pub(crate) fn all_of(found: Vec<Blocker>) -> Blockers {
    let mut blockers = Blockers::new();
    for Blocker { reason, resource, sentence } in found {
        blockers.add(reason, resource, sentence);
    }
    blockers
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NAME: SpaceName = SpaceName(Uuid::from_u128(2));

    fn of(has_account: bool, past_due: bool) -> Source {
        Source { name: SpaceName(Uuid::from_u128(1)), has_account, past_due }
    }

    fn on(day: &str) -> Conditions {
        Conditions {
            app: AppName(Uuid::from_u128(3)),
            listing: Listing::Private,
            other_pending: false,
            initiator_is_admin: true,
            source: of(false, false),
            destination: Some(Destination { name: NAME, active: true, has_account: false }),
            now: day.parse().expect("a time"),
        }
    }

    fn kinds(conditions: &Conditions) -> Vec<Reason> {
        conditions.blockers().into_iter().map(|blocker| blocker.reason).collect()
    }

    // R-A8
    #[test]
    fn every_condition_that_is_not_met_is_named() {
        let worst = Conditions {
            listing: Listing::Submitted,
            other_pending: true,
            initiator_is_admin: false,
            source: of(true, true),
            destination: Some(Destination { name: NAME, active: false, has_account: false }),
            ..on("2026-12-01T00:00:00Z")
        };
        let of_source = [
            Reason::AppListed,
            Reason::TransferPending,
            Reason::InvoicesInDraft,
            Reason::InitiatorNotAdmin,
            Reason::BillingPastDue,
        ];
        let of_destination = [Reason::SpaceArchived, Reason::BillingAccountMissing];
        assert_eq!(kinds(&worst), [&of_source[..], &of_destination[..]].concat());
        assert_eq!(kinds(&Conditions { destination: None, ..worst }), of_source, "who has no role there");
    }

    // R-A8, R-B7
    #[test]
    fn no_app_moves_on_the_first_two_days_of_a_month() {
        for (day, blocked) in [
            ("2026-11-30T23:59:59.999999Z", false),
            ("2026-12-01T00:00:00Z", true),
            ("2026-12-02T23:59:59.999999Z", true),
            ("2026-12-03T00:00:00Z", false),
        ] {
            assert_eq!(
                kinds(&on(day)),
                if blocked { vec![Reason::InvoicesInDraft] } else { vec![] },
                "{day}"
            );
        }
    }

    // R-A8
    #[test]
    fn the_destination_needs_an_account_only_where_the_source_has_one() {
        let day = "2026-12-10T00:00:00Z";
        let with = |source_has_account, has_account| {
            let destination = Some(Destination { name: NAME, active: true, has_account });
            kinds(&Conditions { source: of(source_has_account, false), destination, ..on(day) })
        };
        assert_eq!(with(true, false), [Reason::BillingAccountMissing]);
        assert!([(true, true), (false, true), (false, false)].iter().all(|(s, d)| with(*s, *d).is_empty()));
    }
}
