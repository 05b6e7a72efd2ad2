//! Conditions under which a role grants a permission.

use crate::truth::Truth;
use crate::{AppCreation, AppFacts, AppRole, ConsoleRole, Fact, Facts, OwnerSet, Service, SuspensionReason};

/// R-E3, R-E6
const WANTS_CONSENT: &str = "Nobody deploys the app because its space has no billing account, which the platform's operator requires for \
    deploying (CONSENT): consent of a console Admin to app invoicing lifts it.";

/// A condition under which a role grants a permission. Unmet, the role grants nothing.
///
/// This is not the place for what a call checks of the resource's state: see
/// [`Permission::preconditions`](crate::Permission::preconditions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The space is published (R-S3).
    Published,
    /// The space is not published (R-S3, R-K1).
    Unpublished,
    /// The space is published and nobody is console Admin in it (R-M3).
    Bootstrap,
    /// The Developer has the view-all-apps add-on (R-M6).
    ViewAllApps,
    /// The subject is OWNER or ADMIN of the app (R-A3).
    ManagesApp,
    /// The space lets its Developers create and link apps (R-S9).
    MembersCreate,
    /// The subject is OWNER or ADMIN of the app (R-A2), and the space lets its Developers link apps (R-S9).
    MembersLink,
    /// The subject is console Admin of the space, or a Developer whom it lets create and link apps (R-A2, R-S9).
    BuildsInSpace,
    /// The app is linked to a space (R-A2), and not deleted.
    Linked,
    /// The app is linked to a space, and neither it nor the space is suspended (R-A12).
    Runs,
    /// The same, and the space has a billing account where the operator has deploying take one (R-E3).
    Deploys,
    /// The app is linked to a space, or was so until it was deleted (R-A10).
    LinkedUntilDeleted,
    /// The contributor role is on any app of the space (R-A5).
    AppOfSpace,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Condition; 13] = [
        Condition::Published,
        Condition::Unpublished,
        Condition::Bootstrap,
        Condition::ViewAllApps,
        Condition::ManagesApp,
        Condition::MembersCreate,
        Condition::MembersLink,
        Condition::BuildsInSpace,
        Condition::Linked,
        Condition::Runs,
        Condition::Deploys,
        Condition::LinkedUntilDeleted,
        Condition::AppOfSpace,
    ];

    /// The condition as a phrase that continues "if".
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Condition::Published => "the space is published",
            Condition::Unpublished => "the space is not published",
            Condition::Bootstrap => "the space is published and has no console Admin",
            Condition::ViewAllApps => "the view-all-apps add-on is on",
            Condition::ManagesApp => "also OWNER or ADMIN of the app",
            Condition::MembersCreate => "the space's setting app_creation is MEMBERS",
            Condition::MembersLink => {
                "also OWNER or ADMIN of the app, and the space's setting app_creation is MEMBERS"
            }
            Condition::BuildsInSpace => {
                "also console Admin of the space, or Developer while its setting app_creation is MEMBERS"
            }
            Condition::Linked => "the app is linked to a space",
            Condition::Runs => "the app is linked to a space, and neither it nor the space is suspended",
            Condition::Deploys => {
                "the app is linked to a space, neither it nor the space is suspended, and the space has a billing account where the \
                 operator requires one for deploying"
            }
            Condition::LinkedUntilDeleted => "the app is linked to a space, or was until it was deleted",
            Condition::AppOfSpace => "the app is in the space, and for such apps only",
        }
    }

    /// What to tell the holder of a role to whom the condition is unmet by these facts: a sentence each.
    #[must_use]
    pub fn unmet(self, facts: &Facts) -> Vec<&'static str> {
        match facts.app {
            Fact::Known(app) if app.linked && self.is_of_standing() => self.reasons(app),
            _ => vec![self.sentence()],
        }
    }

    /// Whether it is met or not by how an app stands.
    fn is_of_standing(self) -> bool {
        matches!(self, Condition::Runs | Condition::Deploys)
    }

    /// Why an app that is in a space does not do this, with what would lift it, where it is met or not by how the app stands: a
    /// sentence each (R-E6).
    pub(crate) fn reasons(self, app: AppFacts) -> Vec<&'static str> {
        if !app.linked || !self.is_of_standing() {
            return Vec::new();
        }
        let wanting = (self == Condition::Deploys && app.wants_consent).then_some(WANTS_CONSENT);
        app.suspension.reasons().map(SuspensionReason::sentence).chain(wanting).collect()
    }

    fn sentence(self) -> &'static str {
        match self {
            Condition::Published => {
                "The space is not published: a Marketplace admin has this permission only once it is."
            }
            Condition::Unpublished => {
                "The space is published: a console Admin has this permission only until then."
            }
            Condition::Bootstrap => {
                "A Marketplace admin has this permission only while the space is published and has no console Admin."
            }
            Condition::ViewAllApps => {
                "A Developer has this permission only with the view-all-apps add-on, which a console Admin can turn \
                 on, or by a contributor role."
            }
            Condition::ManagesApp => "This also takes the contributor role OWNER or ADMIN on the app.",
            Condition::MembersCreate => {
                "In this space only console Admins create and link apps: its setting app_creation is ADMINS."
            }
            Condition::MembersLink => {
                "This also takes the contributor role OWNER or ADMIN on the app, and that the space's setting \
                 app_creation is MEMBERS."
            }
            Condition::BuildsInSpace => {
                "This also takes the console role Admin in the space, or Developer while its setting app_creation is \
                 MEMBERS."
            }
            Condition::Linked | Condition::Runs | Condition::Deploys => {
                "The app is not in a space: until it is linked or undeleted, its contributors can see it, its managers \
                 can link it and, if it is deleted, its OWNER can have it back."
            }
            Condition::LinkedUntilDeleted => {
                "The app is not linked to a space: until it is, its contributors can see it and link it, no more."
            }
            Condition::AppOfSpace => "This takes a contributor role on an app of the space.",
        }
    }

    /// Whether the condition is met.
    pub(crate) fn truth(self, facts: &Facts) -> Truth {
        match self {
            Condition::Published => facts.space.test(|space| space.published),
            Condition::Unpublished => facts.space.test(|space| !space.published),
            Condition::Bootstrap => facts
                .space
                .test(|space| space.published)
                .and(facts.membership.test(|members| !members.has_admin)),
            Condition::ViewAllApps => facts.membership.test(|member| member.view_all_apps),
            Condition::ManagesApp => {
                facts.app.test(|app| matches!(app.role, Some(AppRole::Owner | AppRole::Admin)))
            }
            Condition::MembersCreate => facts.space.test(|space| space.app_creation == AppCreation::Members),
            Condition::MembersLink => {
                Condition::ManagesApp.truth(facts).and(Condition::MembersCreate.truth(facts))
            }
            Condition::BuildsInSpace => {
                let is = |role| facts.membership.test(|member| member.role == Some(role));
                let as_developer = is(ConsoleRole::Developer).and(Condition::MembersCreate.truth(facts));
                is(ConsoleRole::Admin).or(as_developer)
            }
            Condition::Linked => facts.app.test(|app| app.linked),
            Condition::Runs => facts.app.test(|app| app.linked && app.suspension.is_none()),
            Condition::Deploys => {
                facts.app.test(|app| app.linked && app.suspension.is_none() && !app.wants_consent)
            }
            Condition::LinkedUntilDeleted => facts.app.test(|app| app.linked || app.deleted),
            Condition::AppOfSpace => facts.space.test(|space| space.contributes),
        }
    }

    /// The facts that the condition is about.
    pub(crate) fn owners(self) -> OwnerSet {
        match self {
            Condition::Published
            | Condition::Unpublished
            | Condition::MembersCreate
            | Condition::AppOfSpace => OwnerSet::of(Service::Space),
            Condition::Bootstrap | Condition::BuildsInSpace => {
                OwnerSet::of(Service::Space).union(OwnerSet::of(Service::Membership))
            }
            Condition::MembersLink => OwnerSet::of(Service::Space).union(OwnerSet::APP),
            Condition::ViewAllApps => OwnerSet::of(Service::Membership),
            Condition::ManagesApp
            | Condition::Linked
            | Condition::Runs
            | Condition::Deploys
            | Condition::LinkedUntilDeleted => OwnerSet::APP,
        }
    }
}
