//! Permissions: what there is to be allowed.

/// Declares the permissions with their names, in the order of the table.
macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A permission: one line of the permission table. There is no other; what is not here is denied (R-P1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission {
            $($(#[$doc])* $variant,)*
        }

        impl Permission {
            /// Every permission, in the order of the table.
            pub const ALL: [Permission; 67] = [$(Permission::$variant,)*];

            /// The permission's name: "space.get".
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Permission::$variant => $name,)*
                }
            }
        }
    };
}

permissions! {
    /// Create a space (R-S1).
    SpaceCreate = "space.create",
    /// See a space's name, logo and description (R-S4).
    SpaceGet = "space.get",
    /// See a space's settings (R-S4).
    SpaceSettingsGet = "space.settings.get",
    /// Edit a space's name, logo and description (R-S3).
    SpaceUpdate = "space.update",
    /// Archive a space and restore it (R-S5).
    SpaceArchive = "space.archive",
    /// Delete a space and undelete it (R-S6).
    SpaceDelete = "space.delete",
    /// List the members of a space (R-M7).
    MembersList = "members.list",
    /// Add members to a space (R-M2, R-M3).
    MembersAdd = "members.add",
    /// Change members' roles (R-M2).
    MembersUpdate = "members.update",
    /// Remove members from a space (R-M5).
    MembersRemove = "members.remove",
    /// Create an app in a space (R-A1).
    AppsCreate = "apps.create",
    /// Link an app to a space; asked of the space and the app together (R-A2).
    AppsLink = "apps.link",
    /// List the apps of a space, as far as one sees them (R-A5).
    AppsList = "apps.list",
    /// See an app (R-A4, R-A5).
    AppGet = "app.get",
    /// Edit an app's details (R-A6).
    AppUpdate = "app.update",
    /// List an app's contributors (R-A4).
    AppContributorsList = "app.contributors.list",
    /// Add, change and remove an app's contributors (R-A3).
    AppContributorsUpdate = "app.contributors.update",
    /// Develop an app (R-A6).
    AppDevelop = "app.develop",
    /// Deploy an app (R-A6).
    AppDeploy = "app.deploy",
    /// Delete an app and undelete it (R-A10).
    AppDelete = "app.delete",
    /// Pass an app on to another owner (R-A3).
    AppOwnerUpdate = "app.owner.update",
    /// Transfer an app to another space (R-A7).
    AppTransfer = "app.transfer",
    /// Accept an app that is transferred to a space, or decline it (R-A7).
    TransferAccept = "transfer.accept",
    /// Consent to the invoicing of a space's apps, which opens its billing account (R-B1).
    BillingConsent = "billing.consent",
    /// See invoices (R-B11).
    BillingInvoicesGet = "billing.invoices.get",
    /// See the payment method; a console Admin, its last four digits (R-B3).
    BillingPaymentMethodGet = "billing.payment_method.get",
    /// Set and remove the payment method (R-B3).
    BillingPaymentMethodUpdate = "billing.payment_method.update",
    /// List billing admins (R-B2).
    BillingAdminsList = "billing.admins.list",
    /// Add and remove billing admins (R-B2).
    BillingAdminsUpdate = "billing.admins.update",
    /// See the billing and sold-to addresses (R-B4).
    BillingAddressesGet = "billing.addresses.get",
    /// Edit the billing and sold-to addresses (R-B4).
    BillingAddressesUpdate = "billing.addresses.update",
    /// See each app's part of the next bill (R-B9).
    BillingEstimatesGet = "billing.estimates.get",
    /// Set budgets (R-B12).
    BillingBudgetsUpdate = "billing.budgets.update",
    /// List the people who can incur cost (R-B13).
    BillingCostSourcesList = "billing.cost_sources.list",
    /// Accept the Marketplace terms, which publishes the space (R-K1).
    MarketplaceTermsAccept = "marketplace.terms.accept",
    /// Make a vendor profile directly on the Marketplace (R-K2).
    MarketplaceProfileCreate = "marketplace.profile.create",
    /// See the vendor profile (R-K5).
    MarketplaceProfileGet = "marketplace.profile.get",
    /// Edit the vendor profile's own fields (R-K5).
    MarketplaceProfileUpdate = "marketplace.profile.update",
    /// List Marketplace admins (R-K4).
    MarketplaceAdminsList = "marketplace.admins.list",
    /// Add and remove Marketplace admins (R-K4).
    MarketplaceAdminsUpdate = "marketplace.admins.update",
    /// Handle Marketplace payments and prices; asked by the Marketplace's own services (R-P5).
    MarketplacePaymentsUpdate = "marketplace.payments.update",
    /// Submit listings and withdraw them (R-K6).
    MarketplaceListingsUpdate = "marketplace.listings.update",
    /// See Marketplace reports; asked by the Marketplace's own services (R-P5).
    MarketplaceReportsGet = "marketplace.reports.get",
    /// Invite people to a space (R-M9).
    InvitationsUpdate = "invitations.update",
    /// Manage a space's groups and what they grant (R-M11).
    GroupsUpdate = "groups.update",
    /// Read the journal of a space's console (R-J3).
    JournalConsoleGet = "journal.console.get",
    /// Read the journal of a space's billing account (R-J3).
    JournalBillingGet = "journal.billing.get",
    /// Read the journal of a space's vendor profile (R-J3).
    JournalMarketplaceGet = "journal.marketplace.get",
    /// Report usage (R-B5).
    UsageReport = "usage.report",
    /// Import apps that no space has yet (R-A2).
    ImportApps = "import.apps",
    /// Import vendor profiles (R-K7).
    ImportVendorProfiles = "import.vendor_profiles",
    /// Report attempts at payment (R-B10).
    PaymentsReport = "payments.report",
    /// See the billing account; which of its fields, their own permissions say (R-B3, R-B4).
    BillingAccountGet = "billing.account.get",
    /// Run the monthly invoicing (R-B7).
    BillingRun = "billing.run",
    /// Write credit notes (R-B7).
    BillingCredit = "billing.credit",
    /// Approve listings (R-K6).
    ListingsApprove = "listings.approve",
    /// Ask what others are permitted (R-P6).
    AuthzCheckOthers = "authz.check_others",
    /// See listings (R-K6).
    MarketplaceListingsGet = "marketplace.listings.get",
    /// Run an app; asked by the platform's runtime, which runs it (R-A12).
    AppRun = "app.run",
    /// See how much an app used (R-B14).
    AppUsageGet = "app.usage.get",
    /// See how much was used in a space (R-B14).
    UsageGet = "usage.get",
    /// Keep a space's app groups and what roles they give (R-A11).
    AppGroupsUpdate = "app_groups.update",
    /// Make meters, change and retire them (R-B6).
    MetersUpdate = "meters.update",
    /// Deactivate people and reactivate them (R-M12).
    PeopleDeactivate = "people.deactivate",
    /// Suspend apps and spaces, and lift that (R-A12).
    PlatformSuspend = "platform.suspend",
    /// Make somebody console Admin of a space for a while (R-M14).
    PlatformBreakGlass = "platform.break_glass",
    /// List spaces of the whole platform (R-M12).
    PlatformSpacesList = "platform.spaces.list",
}

impl Permission {
    /// The permission of this name. `None` is no permission: the catalogue does not have it, and nobody does (R-P1).
    #[must_use]
    pub fn parse(name: &str) -> Option<Permission> {
        Permission::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

/// A kind of resource that permissions are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceType {
    /// No resource: the platform itself.
    Platform,
    /// A space.
    Space,
    /// An app.
    App,
}
