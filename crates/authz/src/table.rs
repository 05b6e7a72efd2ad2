//! The permission table: the whole policy, a line per permission.
//!
//! To change who may do what, change a line here; decisions, explanations, the catalogue and the document follow.

use crate::Condition::{
    self, Bootstrap, BuildsInSpace, Deploys, Linked, LinkedUntilDeleted, ManagesApp, MembersCreate,
    MembersLink, Published, Runs, Unpublished, ViewAllApps,
};
use crate::Permission;
#[allow(clippy::enum_glob_use, reason = "the table names every variant")]
use crate::Permission::*;
use crate::ResourceType::{self, App, Platform, Space};
use crate::{AppRole, Role};
use Also::{AnybodyByName, AppOfSpace, Contributor, ContributorIf, Nobody, ServiceByName, ServiceByNameIf};
use Cell::{Any, If, No, Yes};

/// Whether a role of the space grants the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    /// It does not.
    No,
    /// It does.
    Yes,
    /// It does while the condition is met.
    If(Condition),
    /// Being a signed-in user does.
    Any,
}

/// Who else has the permission, beside the roles of the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Also {
    /// Nobody.
    Nobody,
    /// These contributor roles on the app.
    Contributor(&'static [AppRole]),
    /// These contributor roles on the app, while the condition is met.
    ContributorIf(&'static [AppRole], Condition),
    /// Every contributor role, on any app of the space.
    AppOfSpace,
    /// A service to which the operator gave the permission by name (R-P7).
    ServiceByName,
    /// The same, while the condition is met.
    ServiceByNameIf(Condition),
    /// A service or a person to whom the operator gave the permission by name (R-P8).
    AnybodyByName,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) permission: Permission,
    pub(crate) resource: ResourceType,
    /// In the order of [`SPACE_ROLES`].
    pub(crate) space_roles: [Cell; 5],
    pub(crate) also: Also,
    /// What the call itself checks; it decides nothing here.
    pub(crate) preconditions: &'static [&'static str],
}

/// The roles that the columns of [`Row::space_roles`] stand for.
pub(crate) const SPACE_ROLES: [Role; 5] = [
    Role::BillingAdmin,
    Role::MarketplaceAdmin,
    Role::ConsoleAdmin,
    Role::ConsoleDeveloper,
    Role::ConsoleViewer,
];

// Contributors of an app that no space has yet see it and link it, and nothing more (R-A2): hence `Linked`.
const CONTRIBUTORS: Also = Contributor(&AppRole::ALL);
const LINKED_CONTRIBUTORS: Also = ContributorIf(&AppRole::ALL, Linked);
const LINKERS: Also = ContributorIf(&[AppRole::Owner, AppRole::Admin], BuildsInSpace);
const DEVELOPERS: Also =
    ContributorIf(&[AppRole::Owner, AppRole::Admin, AppRole::Deployer, AppRole::Developer], Linked);
const DEPLOYERS: Also = ContributorIf(&[AppRole::Owner, AppRole::Admin, AppRole::Deployer], Deploys);
const MANAGERS: Also = ContributorIf(&[AppRole::Owner, AppRole::Admin], Linked);
const OWNER: Also = ContributorIf(&[AppRole::Owner], Linked);
const RUNTIME: Also = ServiceByNameIf(Runs);
// Undeleting is deleting undone, and asks for the same permission (R-A10).
const DELETER: Also = ContributorIf(&[AppRole::Owner], LinkedUntilDeleted);

type Phrases = &'static [&'static str];
const NONE: Phrases = &[];
const NO_APPS: Phrases = &["the space has no apps"];
const EMPTIED: Phrases = &[
    "the space is archived",
    "the space is not published",
    "the space has no apps",
    "every invoice is paid and all usage is invoiced",
];
const FIRST_FIVE: Phrases = &["a Marketplace admin adds one to five people in one request, all as ADMIN"];
const NOT_LAST_ADMIN: Phrases = &["another console Admin remains whose role does not expire"];
const PRIVATE: Phrases = &["the app is linked to no space and is private"];
const NOT_DERIVED: Phrases =
    &["the role is the contributor's own, not derived from the space", "the OWNER stays as is"];
const NOT_LISTED: Phrases = &["the app is not listed on the Marketplace"];
const MOVABLE: Phrases = &["the app is not a Marketplace app", "nothing blocks the transfer (R-A8)"];
const MOVABLE_YET: Phrases = &["nothing blocks the transfer at its acceptance (R-A8)"];
const NO_ACCOUNT: Phrases = &["the space has no billing account yet"];
const NOT_LAST_BILLING: Phrases = &["another billing admin remains"];
const NOT_LAST_MARKET: Phrases = &["another Marketplace admin remains"];
const NOT_MOVING: Phrases = &["no transfer of the app is pending"];
const ISSUED: Phrases = &["the invoice has been issued"];
const SUBMITTED: Phrases = &["the listing has been submitted"];

// Wider than the rest of the code, so that it can be read down its columns.
#[rustfmt::skip]
const TABLE: [Row; Permission::ALL.len()] = [
    //                               on         billing market         Admin            Developer        Viewer also           the call checks
    line(SpaceCreate,                Platform, [Any,    Any,           Any,             Any,             Any],  Nobody,        NONE),
    line(SpaceGet,                   Space,    [No,     Yes,           Yes,             Yes,             Yes],  Nobody,        NONE),
    line(SpaceSettingsGet,           Space,    [No,     No,            Yes,             Yes,             Yes],  Nobody,        NONE),
    line(SpaceUpdate,                Space,    [No,     If(Published), If(Unpublished), No,              No],   Nobody,        NONE),
    line(SpaceArchive,               Space,    [No,     No,            Yes,             No,              No],   Nobody,        NO_APPS),
    line(SpaceDelete,                Space,    [No,     No,            Yes,             No,              No],   Nobody,        EMPTIED),
    line(MembersList,                Space,    [No,     Yes,           Yes,             Yes,             Yes],  Nobody,        NONE),
    line(MembersAdd,                 Space,    [No,     If(Bootstrap), Yes,             No,              No],   Nobody,        FIRST_FIVE),
    line(MembersUpdate,              Space,    [No,     No,            Yes,             No,              No],   Nobody,        NOT_LAST_ADMIN),
    line(MembersRemove,              Space,    [No,     No,            Yes,             No,              No],   Nobody,        NOT_LAST_ADMIN),
    line(AppsCreate,                 Space,    [No,     No,            Yes,             If(MembersCreate), No], Nobody,        NONE),
    line(AppsLink,                   Space,    [No,     No,            If(ManagesApp),  If(MembersLink), No],   LINKERS,       PRIVATE),
    line(AppsList,                   Space,    [No,     No,            Yes,             If(ViewAllApps), Yes],  AppOfSpace,    NONE),
    line(AppGet,                     App,      [No,     No,            Yes,             If(ViewAllApps), Yes],  CONTRIBUTORS,  NONE),
    line(AppUpdate,                  App,      [No,     No,            Yes,             If(ManagesApp),  No],   MANAGERS,      NONE),
    line(AppContributorsList,        App,      [No,     No,            Yes,             If(ViewAllApps), Yes],  CONTRIBUTORS,  NONE),
    line(AppContributorsUpdate,      App,      [No,     No,            Yes,             If(ManagesApp),  No],   MANAGERS,      NOT_DERIVED),
    line(AppDevelop,                 App,      [No,     No,            No,              No,              No],   DEVELOPERS,    NONE),
    line(AppDeploy,                  App,      [No,     No,            No,              No,              No],   DEPLOYERS,     NONE),
    line(AppDelete,                  App,      [No,     No,            No,              No,              No],   DELETER,       NOT_LISTED),
    line(AppOwnerUpdate,             App,      [No,     No,            No,              No,              No],   OWNER,         NONE),
    line(AppTransfer,                App,      [No,     No,            Yes,             No,              No],   Nobody,        MOVABLE),
    line(TransferAccept,             Space,    [No,     No,            Yes,             No,              No],   Nobody,        MOVABLE_YET),
    line(BillingConsent,             Space,    [No,     No,            Yes,             No,              No],   Nobody,        NO_ACCOUNT),
    line(BillingInvoicesGet,         Space,    [Yes,    No,            No,              No,              No],   Nobody,        NONE),
    line(BillingPaymentMethodGet,    Space,    [Yes,    No,            Yes,             No,              No],   Nobody,        NONE),
    line(BillingPaymentMethodUpdate, Space,    [Yes,    No,            No,              No,              No],   Nobody,        NONE),
    line(BillingAdminsList,          Space,    [Yes,    No,            Yes,             No,              No],   Nobody,        NONE),
    line(BillingAdminsUpdate,        Space,    [Yes,    No,            No,              No,              No],   Nobody,        NOT_LAST_BILLING),
    line(BillingAddressesGet,        Space,    [Yes,    No,            No,              No,              No],   Nobody,        NONE),
    line(BillingAddressesUpdate,     Space,    [Yes,    No,            No,              No,              No],   Nobody,        NONE),
    line(BillingEstimatesGet,        Space,    [Yes,    No,            Yes,             No,              No],   Nobody,        NONE),
    line(BillingBudgetsUpdate,       Space,    [Yes,    No,            No,              No,              No],   Nobody,        NONE),
    line(BillingCostSourcesList,     Space,    [Yes,    No,            Yes,             No,              No],   Nobody,        NONE),
    line(MarketplaceTermsAccept,     Space,    [No,     No,            If(Unpublished), No,              No],   Nobody,        NONE),
    line(MarketplaceProfileCreate,   Platform, [Any,    Any,           Any,             Any,             Any],  Nobody,        NONE),
    line(MarketplaceProfileGet,      Space,    [No,     Yes,           No,              No,              No],   Nobody,        NONE),
    line(MarketplaceProfileUpdate,   Space,    [No,     Yes,           No,              No,              No],   Nobody,        NONE),
    line(MarketplaceAdminsList,      Space,    [No,     Yes,           No,              No,              No],   Nobody,        NONE),
    line(MarketplaceAdminsUpdate,    Space,    [No,     Yes,           No,              No,              No],   Nobody,        NOT_LAST_MARKET),
    line(MarketplacePaymentsUpdate,  Space,    [No,     Yes,           No,              No,              No],   Nobody,        NONE),
    line(MarketplaceListingsUpdate,  Space,    [No,     Yes,           No,              No,              No],   Nobody,        NOT_MOVING),
    line(MarketplaceReportsGet,      Space,    [No,     Yes,           No,              No,              No],   Nobody,        NONE),
    line(InvitationsUpdate,          Space,    [No,     No,            Yes,             No,              No],   Nobody,        NONE),
    line(GroupsUpdate,               Space,    [No,     No,            Yes,             No,              No],   Nobody,        NONE),
    line(JournalConsoleGet,          Space,    [No,     No,            Yes,             No,              No],   Nobody,        NONE),
    line(JournalBillingGet,          Space,    [Yes,    No,            No,              No,              No],   Nobody,        NONE),
    line(JournalMarketplaceGet,      Space,    [No,     Yes,           No,              No,              No],   Nobody,        NONE),
    line(UsageReport,                Platform, [No,     No,            No,              No,              No],   ServiceByName, NONE),
    line(ImportApps,                 Platform, [No,     No,            No,              No,              No],   ServiceByName, NONE),
    line(ImportVendorProfiles,       Platform, [No,     No,            No,              No,              No],   ServiceByName, NONE),
    line(PaymentsReport,             Platform, [No,     No,            No,              No,              No],   ServiceByName, NONE),
    line(BillingAccountGet,          Space,    [Yes,    No,            Yes,             No,              No],   Nobody,        NONE),
    line(BillingRun,                 Platform, [No,     No,            No,              No,              No],   ServiceByName, NONE),
    line(BillingCredit,              Platform, [No,     No,            No,              No,              No],   ServiceByName, ISSUED),
    line(ListingsApprove,            Platform, [No,     No,            No,              No,              No],   ServiceByName, SUBMITTED),
    line(AuthzCheckOthers,           Platform, [No,     No,            No,              No,              No],   ServiceByName, NONE),
    line(MarketplaceListingsGet,     Space,    [No,     Yes,           No,              No,              No],   Nobody,        NONE),
    line(AppRun,                     App,      [No,     No,            No,              No,              No],   RUNTIME,       NONE),
    line(AppUsageGet,                App,      [No,     No,            Yes,             If(ViewAllApps), Yes],  LINKED_CONTRIBUTORS, NONE),
    line(UsageGet,                   Space,    [Yes,    No,            Yes,             If(ViewAllApps), Yes],  Nobody,        NONE),
    line(AppGroupsUpdate,            Space,    [No,     No,            Yes,             No,              No],   Nobody,        NONE),
    line(MetersUpdate,               Platform, [No,     No,            No,              No,              No],   ServiceByName, NONE),
    line(PeopleDeactivate,           Platform, [No,     No,            No,              No,              No],   ServiceByName, NONE),
    line(PlatformSuspend,            Platform, [No,     No,            No,              No,              No],   AnybodyByName, NONE),
    line(PlatformBreakGlass,         Platform, [No,     No,            No,              No,              No],   AnybodyByName, NONE),
    line(PlatformSpacesList,         Platform, [No,     No,            No,              No,              No],   AnybodyByName, NONE),
];

const fn line(
    permission: Permission,
    resource: ResourceType,
    space_roles: [Cell; 5],
    also: Also,
    preconditions: Phrases,
) -> Row {
    Row { permission, resource, space_roles, also, preconditions }
}

/// The table is looked up by position: a line out of place does not compile.
const _: () = {
    let mut position = 0;
    while position < TABLE.len() {
        assert!(TABLE[position].permission as usize == position, "a line of the table is out of order");
        position += 1;
    }
};

/// The line of this permission.
pub(crate) fn row(permission: Permission) -> &'static Row {
    &TABLE[permission as usize]
}
