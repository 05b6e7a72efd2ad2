//! Whether the same request may succeed when it is sent again: the reason tells, the code does not.
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};

use super::Reason;

/// The trailer by which stock clients learn when to try again (gRPC proposal A6).
pub(super) const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// A delay as the trailer tells it.
pub(super) fn milliseconds(delay: Duration) -> MetadataValue<Ascii> {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).into()
}

/// Whether it helps to send the same request again, a little later. Each reason is decided here, so that a new one has
/// to be, too.
pub(super) fn helps(reason: Reason) -> bool {
    match reason {
        // Something is missing or busy for a moment.
        Reason::FactsUnavailable
        | Reason::IssuerKeysUnavailable
        | Reason::EffectPending
        | Reason::EarlierEffectPending
        | Reason::StorageUnavailable
        | Reason::Overtaken
        | Reason::Overloaded
        | Reason::CallerLimited
        | Reason::ShuttingDown
        | Reason::Starting
        | Reason::PersonBeingRemoved
        | Reason::UsageBeingSummedUp
        | Reason::ClockStepped => true,
        // How long the client waits is the client's affair: it may give the next call more time, and not just more of
        // the same.
        Reason::DeadlineExceeded
        // Nor does it help to begin a stream again that one does not read.
        | Reason::StreamUnread
        // The request is wrong, or its caller is: it stays so.
        | Reason::CredentialsMissing
        | Reason::CredentialsInvalid
        | Reason::PermissionDenied
        | Reason::PersonDeactivated
        | Reason::InvalidField
        | Reason::RequestIdReused
        | Reason::PageTokenInvalid
        | Reason::PermissionUnknown
        | Reason::MessageMalformed
        | Reason::MessageTooLarge
        | Reason::EncodingUnknown
        | Reason::MethodUnknown
        // What the request is about is in a state that somebody has to change, or to look at, first.
        | Reason::ResourceNotFound
        | Reason::MemberExists
        | Reason::ContributorExists
        | Reason::BillingAdminExists
        | Reason::MarketplaceAdminExists
        | Reason::RateCardExists
        | Reason::MeterExists
        | Reason::MeterRetired
        | Reason::TooManyMeters
        | Reason::TooManyReservations
        | Reason::InvitationExists
        | Reason::InvitationEnded
        | Reason::TooManyInvitations
        | Reason::TooManyGroups
        | Reason::GroupMemberExists
        | Reason::NotAMember
        | Reason::GroupFull
        | Reason::EtagStale
        | Reason::SpaceArchived
        | Reason::TooManySpaces
        | Reason::SpaceNotArchived
        | Reason::LastAdmin
        | Reason::NewOwnerIneligible
        | Reason::NotADeveloper
        | Reason::BootstrapOnly
        | Reason::SpaceHasApps
        | Reason::AppLinked
        | Reason::AppListed
        | Reason::AppDeleted
        | Reason::AppNotDeleted
        | Reason::AppOwner
        | Reason::DerivedRole
        | Reason::TransferPending
        | Reason::TransferEnded
        | Reason::InvoicesInDraft
        | Reason::InitiatorNotAdmin
        | Reason::BillingAccountMissing
        | Reason::BillingPastDue
        | Reason::TermsOutdated
        | Reason::BillingAccountExists
        | Reason::LastBillingAdmin
        | Reason::InvoiceNotIssued
        | Reason::CreditExceedsInvoice
        | Reason::TooManyCreditNotes
        | Reason::AmountTooLarge
        | Reason::InvoiceNotPayable
        | Reason::VendorProfileExists
        | Reason::LastMarketplaceAdmin
        | Reason::AppNotInSpace
        | Reason::ListingNotSubmitted
        | Reason::ListingWithdrawn
        | Reason::SpacePublished
        | Reason::SpaceNotSettled
        | Reason::SpaceDeleted
        | Reason::SpaceNotDeleted
        | Reason::NotSuspended
        | Reason::TooManyWebhooks
        | Reason::TooManyDeliveries
        | Reason::CursorLost
        // A defect stays one.
        | Reason::Internal
        | Reason::Unspecified => false,
    }
}
