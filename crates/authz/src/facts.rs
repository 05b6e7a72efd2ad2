//! What decisions are made from: facts about one subject and one resource, each with its owner.

use crate::truth::Truth;
use crate::{AppRole, ConsoleRole, OwnerSet, PermissionSet, Service, Suspension};

/// A fact as its owner told it, or the knowledge that it could not be had (R-P2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact<T> {
    /// The owner answered.
    Known(T),
    /// The owner could not be asked. Nothing is assumed in its stead.
    Missing,
}

impl<T> Fact<T> {
    /// The fact, if it is known.
    #[must_use]
    pub fn known(self) -> Option<T> {
        match self {
            Fact::Known(fact) => Some(fact),
            Fact::Missing => None,
        }
    }

    /// Whether the fact is missing.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Fact::Missing)
    }

    pub(crate) fn test(&self, holds: impl FnOnce(&T) -> bool) -> Truth {
        match self {
            Fact::Known(fact) => holds(fact).into(),
            Fact::Missing => Truth::Unknown,
        }
    }
}

/// What kind of subject asks. It comes from the issuer of the token, never from the subject's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    /// A person: has roles, and of what the operator gives by name what is for people (R-P8).
    User,
    /// A program: has the service permissions configured for its name, and no roles (R-P7).
    Service,
}

/// Everything that a decision about one subject and one resource may depend on.
///
/// The facts of a space are those of the space that the resource is, or that the app is linked to; for linking an
/// app, those of the space it is to be linked to. Of an app that is linked to no space, or of no resource, they are
/// known and empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facts {
    /// What kind of subject it is.
    pub subject: SubjectKind,
    /// What the operator configured for the subject's name (R-P7, R-P8).
    pub named_permissions: PermissionSet,
    /// Whether the person is active (R-M12), from the service that decides; of services it is. Nobody looks at it who looks
    /// at a role: of somebody who is not active, the owners of roles say that there is none.
    pub active: Fact<bool>,
    /// From the space service, of the space.
    pub space: Fact<SpaceFacts>,
    /// From the membership service, of the space.
    pub membership: Fact<MembershipFacts>,
    /// From the billing service, of the space.
    pub billing: Fact<BillingFacts>,
    /// From the marketplace service, of the space.
    pub marketplace: Fact<MarketplaceFacts>,
    /// From the space service, of the app.
    pub app: Fact<AppFacts>,
}

impl Facts {
    /// The facts about an active subject that holds nothing anywhere: all known, all empty.
    #[must_use]
    pub fn of(subject: SubjectKind) -> Facts {
        Facts {
            subject,
            named_permissions: PermissionSet::EMPTY,
            active: Fact::Known(true),
            space: Fact::Known(SpaceFacts::default()),
            membership: Fact::Known(MembershipFacts::default()),
            billing: Fact::Known(BillingFacts::default()),
            marketplace: Fact::Known(MarketplaceFacts::default()),
            app: Fact::Known(AppFacts::default()),
        }
    }

    /// The facts that are missing.
    #[must_use]
    pub fn missing(&self) -> OwnerSet {
        let missing = [
            (self.space.is_missing(), OwnerSet::of(Service::Space)),
            (self.membership.is_missing(), OwnerSet::of(Service::Membership)),
            (self.billing.is_missing(), OwnerSet::of(Service::Billing)),
            (self.marketplace.is_missing(), OwnerSet::of(Service::Marketplace)),
            (self.app.is_missing(), OwnerSet::APP),
            (self.active.is_missing(), OwnerSet::PERSON),
        ];
        missing.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, set)| set).collect()
    }
}

/// Where a space is in its life.
///
/// No permission depends on it: to someone permitted, a call in the wrong state answers `FAILED_PRECONDITION` (R-S5,
/// R-S6), and billing admins keep their invoices when the space is gone (R-B11). It is here because whoever acts on
/// a decision needs the state as of that decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpaceState {
    /// There is no such space.
    #[default]
    None,
    /// In use.
    Active,
    /// Archived (R-S5).
    Archived,
    /// Deleted, and not yet purged (R-S6).
    Deleted,
}

impl SpaceState {
    /// Every state.
    pub const ALL: [SpaceState; 4] =
        [SpaceState::None, SpaceState::Active, SpaceState::Archived, SpaceState::Deleted];

    /// The state's name, as the API writes it: "ACTIVE".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SpaceState::None => "NONE",
            SpaceState::Active => "ACTIVE",
            SpaceState::Archived => "ARCHIVED",
            SpaceState::Deleted => "DELETED",
        }
    }
}

/// Who creates apps in a space and links apps to it: a setting of the space (R-S9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AppCreation {
    /// Its console Admins and Developers.
    #[default]
    Members,
    /// Its console Admins only.
    Admins,
}

impl AppCreation {
    /// Every value of the setting.
    pub const ALL: [AppCreation; 2] = [AppCreation::Members, AppCreation::Admins];

    /// The value's name, as the API writes it: "MEMBERS".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AppCreation::Members => "MEMBERS",
            AppCreation::Admins => "ADMINS",
        }
    }
}

/// What the space service knows of a space, and of the subject in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SpaceFacts {
    /// Where the space is in its life.
    pub state: SpaceState,
    /// Whether it is published on the Marketplace (R-S3).
    pub published: bool,
    /// Who creates and links apps in it (R-S9).
    pub app_creation: AppCreation,
    /// Whether the subject has a contributor role on any app of the space (R-A5).
    pub contributes: bool,
}

/// What the membership service knows of a space, and of the subject in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MembershipFacts {
    /// The subject's console role, unless it has expired (R-M10).
    pub role: Option<ConsoleRole>,
    /// Whether a Developer sees all apps of the space (R-M6). Of no consequence for other roles.
    pub view_all_apps: bool,
    /// Whether the space has a console Admin at all (R-M3).
    pub has_admin: bool,
}

/// What the billing service knows of the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BillingFacts {
    /// Whether the subject is a billing admin of the space's account (R-B2).
    pub admin: bool,
}

/// What the marketplace service knows of the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MarketplaceFacts {
    /// Whether the subject is a Marketplace admin of the space's vendor profile (R-K4).
    pub admin: bool,
}

/// What the space service knows of an app, and of the subject on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AppFacts {
    /// Whether the app is linked to a space (R-A2), and not deleted.
    pub linked: bool,
    /// Whether the app is soft-deleted (R-A10).
    pub deleted: bool,
    /// The subject's contributor role on the app, however it was given (R-A3, R-M11).
    pub role: Option<AppRole>,
    /// Why it does not run: for what it is suspended itself, or the space that it is in (R-A12).
    pub suspension: Suspension,
    /// Whether nobody deploys it before somebody has consented to be billed: the operator wants a billing account for that, and the
    /// space that it is in has none (R-E3).
    pub wants_consent: bool,
}
