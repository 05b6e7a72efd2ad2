//! Roles, and the planes on which they stand.

/// A plane of roles. The planes are separate: no role on one implies a role on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plane {
    /// Roles in a space's console (R-M1).
    Console,
    /// Roles on a space's billing account (R-B2).
    Billing,
    /// Roles on a space's vendor profile (R-K4).
    Marketplace,
    /// Contributor roles on one app (R-A3).
    App,
    /// Permissions that the operator configured for a service by name (R-P7).
    Service,
    /// Permissions that the operator configured for a person by name (R-P8).
    Operator,
    /// What everyone has who is signed in (R-S1).
    SignedIn,
}

impl Plane {
    /// Every plane.
    pub const ALL: [Plane; 7] = [
        Plane::Console,
        Plane::Billing,
        Plane::Marketplace,
        Plane::App,
        Plane::Service,
        Plane::Operator,
        Plane::SignedIn,
    ];

    /// The plane's name: "console".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Plane::Console => "console",
            Plane::Billing => "billing",
            Plane::Marketplace => "marketplace",
            Plane::App => "app",
            Plane::Service => "service",
            Plane::Operator => "operator",
            Plane::SignedIn => "signed in",
        }
    }
}

/// A console role in a space (R-M1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConsoleRole {
    /// Runs the space: its members, settings and apps.
    Admin,
    /// Creates and links apps.
    Developer,
    /// Reads.
    Viewer,
}

impl ConsoleRole {
    /// Every console role.
    pub const ALL: [ConsoleRole; 3] = [ConsoleRole::Admin, ConsoleRole::Developer, ConsoleRole::Viewer];

    /// The role's name, as the API writes it: "ADMIN".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ConsoleRole::Admin => "ADMIN",
            ConsoleRole::Developer => "DEVELOPER",
            ConsoleRole::Viewer => "VIEWER",
        }
    }
}

/// A contributor role on an app (R-A3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AppRole {
    /// Exactly one per app; alone deletes it or passes it on.
    Owner,
    /// Manages the app and its contributors.
    Admin,
    /// Develops and deploys.
    Deployer,
    /// Develops.
    Developer,
    /// Reads.
    Viewer,
}

impl AppRole {
    /// Every contributor role, the highest first.
    pub const ALL: [AppRole; 5] =
        [AppRole::Owner, AppRole::Admin, AppRole::Deployer, AppRole::Developer, AppRole::Viewer];

    /// The role's name, as the API writes it: "OWNER".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AppRole::Owner => "OWNER",
            AppRole::Admin => "ADMIN",
            AppRole::Deployer => "DEPLOYER",
            AppRole::Developer => "DEVELOPER",
            AppRole::Viewer => "VIEWER",
        }
    }
}

/// A role of the public catalogue: whatever can grant a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Console Admin of the space (R-M1).
    ConsoleAdmin,
    /// Console Developer of the space (R-M1).
    ConsoleDeveloper,
    /// Console Viewer of the space (R-M1).
    ConsoleViewer,
    /// Billing admin of the space's billing account (R-B2).
    BillingAdmin,
    /// Marketplace admin of the space's vendor profile (R-K4).
    MarketplaceAdmin,
    /// OWNER of the app (R-A3).
    AppOwner,
    /// ADMIN of the app (R-A3).
    AppAdmin,
    /// DEPLOYER of the app (R-A3).
    AppDeployer,
    /// DEVELOPER of the app (R-A3).
    AppDeveloper,
    /// VIEWER of the app (R-A3).
    AppViewer,
    /// A service to which the operator gave the permission by name (R-P7).
    Service,
    /// A person to whom the operator gave the permission by name (R-P8).
    NamedPerson,
    /// Any signed-in user (R-S1).
    SignedIn,
}

impl Role {
    /// Every role, by plane.
    pub const ALL: [Role; 13] = [
        Role::ConsoleAdmin,
        Role::ConsoleDeveloper,
        Role::ConsoleViewer,
        Role::BillingAdmin,
        Role::MarketplaceAdmin,
        Role::AppOwner,
        Role::AppAdmin,
        Role::AppDeployer,
        Role::AppDeveloper,
        Role::AppViewer,
        Role::Service,
        Role::NamedPerson,
        Role::SignedIn,
    ];

    /// The plane on which the role stands.
    #[must_use]
    pub fn plane(self) -> Plane {
        match self {
            Role::ConsoleAdmin | Role::ConsoleDeveloper | Role::ConsoleViewer => Plane::Console,
            Role::BillingAdmin => Plane::Billing,
            Role::MarketplaceAdmin => Plane::Marketplace,
            Role::AppOwner | Role::AppAdmin | Role::AppDeployer | Role::AppDeveloper | Role::AppViewer => {
                Plane::App
            }
            Role::Service => Plane::Service,
            Role::NamedPerson => Plane::Operator,
            Role::SignedIn => Plane::SignedIn,
        }
    }

    /// The role's title: "console Admin".
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Role::ConsoleAdmin => "console Admin",
            Role::ConsoleDeveloper => "console Developer",
            Role::ConsoleViewer => "console Viewer",
            Role::BillingAdmin => "billing admin",
            Role::MarketplaceAdmin => "Marketplace admin",
            Role::AppOwner => "app OWNER",
            Role::AppAdmin => "app ADMIN",
            Role::AppDeployer => "app DEPLOYER",
            Role::AppDeveloper => "app DEVELOPER",
            Role::AppViewer => "app VIEWER",
            Role::Service => "service",
            Role::NamedPerson => "person named by the operator",
            Role::SignedIn => "signed-in user",
        }
    }

    /// What the role is for, a sentence.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Role::ConsoleAdmin => "Runs a space: its settings, its members and all its apps.",
            Role::ConsoleDeveloper => {
                "Creates apps in a space and links apps to it; manages those it contributes to."
            }
            Role::ConsoleViewer => "Reads a space and all its apps.",
            Role::BillingAdmin => "Runs a space's billing account: payment, addresses, budgets and invoices.",
            Role::MarketplaceAdmin => {
                "Runs a space's vendor profile and listings, and the metadata once published."
            }
            Role::AppOwner => "Owns an app: everything an app ADMIN may, and to delete it or pass it on.",
            Role::AppAdmin => "Manages an app and its contributors, develops and deploys it.",
            Role::AppDeployer => "Develops and deploys an app.",
            Role::AppDeveloper => "Develops an app.",
            Role::AppViewer => "Reads an app and who contributes to it.",
            Role::Service => "A program that the operator trusts with permissions named one by one.",
            Role::NamedPerson => "A person to whom the operator gave a permission of the platform by name.",
            Role::SignedIn => "Any active person with a valid token.",
        }
    }
}

impl From<ConsoleRole> for Role {
    fn from(role: ConsoleRole) -> Role {
        match role {
            ConsoleRole::Admin => Role::ConsoleAdmin,
            ConsoleRole::Developer => Role::ConsoleDeveloper,
            ConsoleRole::Viewer => Role::ConsoleViewer,
        }
    }
}

impl From<AppRole> for Role {
    fn from(role: AppRole) -> Role {
        match role {
            AppRole::Owner => Role::AppOwner,
            AppRole::Admin => Role::AppAdmin,
            AppRole::Deployer => Role::AppDeployer,
            AppRole::Developer => Role::AppDeveloper,
            AppRole::Viewer => Role::AppViewer,
        }
    }
}
