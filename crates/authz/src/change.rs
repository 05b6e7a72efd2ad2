//! What changes do to the facts that decisions are made from, and which of them can take a permission away.

/// One way in which the facts about anybody can change.
///
/// A change that can take a permission from somebody is acknowledged a moment after it is made (R-P9). Which ones can is
/// not obvious: to publish a space takes the editing of its texts from its console Admins (R-S3), and the first lasting
/// Admin takes the adding of members from the Marketplace admins (R-M3). `tests/fact_changes.rs` goes through all facts there
/// are, before and after each of these changes, and compares what is permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FactChange {
    /// A space comes about, with the roles and apps that it begins with.
    SpaceCreated,
    /// A space is archived, restored, deleted or undeleted.
    SpaceStateChanged,
    /// A space is published.
    SpacePublished,
    /// Creating and linking apps in a space becomes a matter of its Admins only (R-S9).
    AppCreationNarrowed,
    /// Creating and linking apps in a space becomes a matter of its Developers too (R-S9).
    AppCreationWidened,
    /// Somebody who has no console role in a space gets one.
    ConsoleRoleGiven,
    /// A console role or its add-on becomes another, or none.
    ConsoleRoleChanged,
    /// A space without a lasting console Admin gets one.
    LastingAdminGiven,
    /// A space has no lasting console Admin any more.
    LastingAdminTaken,
    /// Somebody becomes billing admin.
    BillingAdminGiven,
    /// Somebody is billing admin no longer.
    BillingAdminTaken,
    /// Somebody becomes Marketplace admin.
    MarketplaceAdminGiven,
    /// Somebody is Marketplace admin no longer.
    MarketplaceAdminTaken,
    /// An app that is in no space comes to be in one: it is made, linked or undeleted.
    AppLinked,
    /// An app is in its space no longer: it is deleted, or moves.
    AppUnlinked,
    /// Somebody who has no contributor role on an app gets one.
    ContributorRoleGiven,
    /// Somebody gets a contributor role on an app by one more way: the highest of all ways counts.
    ContributorRoleAdded,
    /// A contributor role becomes another, or none.
    ContributorRoleChanged,
    /// An app is suspended, or the space that it is in (R-A12).
    Suspended,
    /// A reason for which an app or its space was suspended is lifted.
    SuspensionLifted,
    /// A space comes to have a billing account, without which nobody deploys there if the operator wants one (R-E3).
    ConsentGiven,
    /// Somebody is deactivated, and holds nothing any more.
    PersonDeactivated,
    /// Somebody is reactivated, and holds again what was held before.
    PersonReactivated,
}

impl FactChange {
    /// Every way.
    pub const ALL: [Self; 23] = [
        Self::SpaceCreated,
        Self::SpaceStateChanged,
        Self::SpacePublished,
        Self::AppCreationNarrowed,
        Self::AppCreationWidened,
        Self::ConsoleRoleGiven,
        Self::ConsoleRoleChanged,
        Self::LastingAdminGiven,
        Self::LastingAdminTaken,
        Self::BillingAdminGiven,
        Self::BillingAdminTaken,
        Self::MarketplaceAdminGiven,
        Self::MarketplaceAdminTaken,
        Self::AppLinked,
        Self::AppUnlinked,
        Self::ContributorRoleGiven,
        Self::ContributorRoleAdded,
        Self::ContributorRoleChanged,
        Self::Suspended,
        Self::SuspensionLifted,
        Self::ConsentGiven,
        Self::PersonDeactivated,
        Self::PersonReactivated,
    ];

    /// Whether it takes a permission from somebody, whatever the facts are before it.
    #[must_use]
    pub const fn takes_away(self) -> bool {
        match self {
            Self::SpacePublished
            | Self::AppCreationNarrowed
            | Self::ConsoleRoleChanged
            | Self::LastingAdminGiven
            | Self::BillingAdminTaken
            | Self::MarketplaceAdminTaken
            | Self::AppUnlinked
            | Self::ContributorRoleChanged
            | Self::Suspended
            | Self::PersonDeactivated => true,
            Self::SpaceCreated
            | Self::SpaceStateChanged
            | Self::AppCreationWidened
            | Self::ConsoleRoleGiven
            | Self::LastingAdminTaken
            | Self::BillingAdminGiven
            | Self::MarketplaceAdminGiven
            | Self::AppLinked
            | Self::ContributorRoleGiven
            | Self::ContributorRoleAdded
            | Self::SuspensionLifted
            | Self::ConsentGiven
            | Self::PersonReactivated => false,
        }
    }
}

/// Whether any of these changes takes a permission from somebody: if none does, all of them together don't.
#[must_use]
pub const fn takes_away(changes: &[FactChange]) -> bool {
    let mut rest = changes;
    while let [first, others @ ..] = rest {
        if first.takes_away() {
            return true;
        }
        rest = others;
    }
    false
}
