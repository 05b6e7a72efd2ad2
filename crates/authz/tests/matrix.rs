//! The policy against `tests/policy/matrix.csv`, cell by cell and combination by combination.

use devspaces_authz::{
    AppCreation, AppFacts, AppRole, ConsoleRole, Fact, Facts, MembershipFacts, Outcome, Permission,
    ResourceType, Role, SpaceFacts, SpaceState, SubjectKind, decide, grants,
};

use crate::combinations::{every, subjects};

/// The columns of roles, and the roles they stand for.
const COLUMNS: [(&str, Role); 5] = [
    ("billing_admin", Role::BillingAdmin),
    ("marketplace_admin", Role::MarketplaceAdmin),
    ("console_admin", Role::ConsoleAdmin),
    ("developer", Role::ConsoleDeveloper),
    ("viewer", Role::ConsoleViewer),
];

const EITHER_ADMIN: &str = "console_admin: space not published; marketplace_admin: space published";

const LINKED_BY_BOTH: &str =
    "console role in the space and app OWNER or ADMIN, both; developer: app_creation is MEMBERS (R-S9)";

/// A line of the file.
pub(crate) struct Line {
    pub(crate) permission: Permission,
    resource: String,
    cells: [String; 5],
    app_role: String,
    authz_condition: String,
    state_precondition: String,
}

pub(crate) fn lines() -> Vec<Line> {
    let mut reader = csv::Reader::from_reader(include_bytes!("../../../tests/policy/matrix.csv").as_slice());
    let headers = reader.headers().unwrap().clone();
    let line = |record: csv::StringRecord| {
        let field = |name: &str| {
            let column = headers.iter().position(|header| header == name).unwrap();
            record[column].to_owned()
        };
        Line {
            permission: Permission::parse(&field("permission"))
                .unwrap_or_else(|| panic!("no {}", &record[0])),
            resource: field("resource"),
            cells: COLUMNS.map(|(name, _)| field(name)),
            app_role: field("app_role"),
            authz_condition: field("authz_condition"),
            state_precondition: field("state_precondition"),
        }
    };
    reader.records().map(|record| line(record.unwrap())).collect()
}

impl Line {
    /// The cell of a role's column; `None` for roles that have no column of their own.
    pub(crate) fn cell(&self, role: Role) -> Option<&str> {
        let column = COLUMNS.iter().position(|&(_, of_column)| of_column == role)?;
        Some(&self.cells[column])
    }

    /// The contributor roles that the line names.
    pub(crate) fn contributors(&self) -> Vec<AppRole> {
        let named = |role: &AppRole| {
            self.app_role == "any"
                || self.app_role.split([',', ' ']).any(|word| word.eq_ignore_ascii_case(&format!("{role:?}")))
        };
        AppRole::ALL.into_iter().filter(named).collect()
    }

    pub(crate) fn is_for_services(&self) -> bool {
        self.authz_condition.starts_with("a service given this permission by name (R-P7)")
            || self.is_for_named_people()
    }

    pub(crate) fn is_for_named_people(&self) -> bool {
        self.authz_condition == "a service or user given this permission by name (R-P8)"
    }

    fn takes_running(&self) -> bool {
        self.authz_condition.contains("app linked; neither the app nor its space suspended (R-A12)")
    }

    fn takes_consent(&self) -> bool {
        self.authz_condition.ends_with("the space has a billing account where the operator wants one (R-E3)")
    }

    /// What the file says of these facts.
    fn allows(&self, facts: &Facts) -> bool {
        if facts.subject == SubjectKind::Service {
            let given = self.is_for_services() && facts.named_permissions.contains(self.permission);
            return given && (!self.takes_running() || Known::of(facts).runs());
        }
        let known = Known::of(facts);
        if self.is_for_named_people() {
            return known.active && facts.named_permissions.contains(self.permission);
        }
        COLUMNS.iter().any(|&(_, role)| self.column_allows(role, &known)) || self.contributor_allows(&known)
    }

    fn column_allows(&self, role: Role, known: &Known) -> bool {
        match self.cell(role) {
            Some("yes") => known.holds(role, &self.resource),
            Some("if") => known.holds(role, &self.resource) && self.condition(role, known),
            // R-M12
            Some("any") => known.active,
            Some("no") => false,
            cell => panic!("{}: {cell:?}", self.permission.name()),
        }
    }

    /// The column's part of `authz_condition`, for whoever holds the column's role.
    fn condition(&self, role: Role, known: &Known) -> bool {
        let published = known.space.published;
        let sees_all = known.membership.view_all_apps;
        let members_create = known.space.app_creation == AppCreation::Members;
        let manages_app = matches!(known.app.role, Some(AppRole::Owner | AppRole::Admin));
        match self.authz_condition.as_str() {
            EITHER_ADMIN if role == Role::MarketplaceAdmin => published,
            EITHER_ADMIN | "space not published" => !published,
            "marketplace_admin: published, no console admin yet" => published && !known.membership.has_admin,
            "developer: the space's app_creation is MEMBERS (R-S9)" => members_create,
            LINKED_BY_BOTH => manages_app && (role == Role::ConsoleAdmin || members_create),
            "developer: by a contributor role OWNER or ADMIN" => manages_app,
            "developer: all apps with view_all_apps, else own; app contributor: own" => {
                sees_all || known.space.contributes
            }
            "developer: with view_all_apps" => sees_all,
            "developer: with view_all_apps or a contributor role on the app"
            | "developer: with view_all_apps or a contributor role on the app; contributors: app linked" => {
                sees_all || known.app.role.is_some()
            }
            text => panic!("{}: unread condition {text:?} of {role:?}", self.permission.name()),
        }
    }

    fn contributor_allows(&self, known: &Known) -> bool {
        let holds = known.app.role.is_some_and(|role| self.contributors().contains(&role));
        match self.permission {
            Permission::AppsLink => {
                let as_developer = known.space.app_creation == AppCreation::Members;
                match known.membership.role {
                    Some(ConsoleRole::Admin) => holds,
                    Some(ConsoleRole::Developer) => holds && as_developer,
                    Some(ConsoleRole::Viewer) | None => false,
                }
            }
            Permission::AppsList => known.space.contributes,
            // R-A2: of an app that no space has, contributors see what there is to see, and nothing more. The file's
            // "app linked" says it of developing and deploying.
            Permission::AppGet | Permission::AppContributorsList => holds,
            // R-A10: undeleting asks for the permission to delete.
            Permission::AppDelete => holds && (known.app.linked || known.app.deleted),
            _ if self.takes_running() => {
                holds && known.runs() && !(self.takes_consent() && known.app.wants_consent)
            }
            _ => holds && known.app.linked,
        }
    }
}

/// Facts none of which is missing.
struct Known {
    space: SpaceFacts,
    membership: MembershipFacts,
    billing_admin: bool,
    marketplace_admin: bool,
    app: AppFacts,
    active: bool,
}

impl Known {
    fn of(facts: &Facts) -> Known {
        Known {
            space: facts.space.known().unwrap(),
            membership: facts.membership.known().unwrap(),
            billing_admin: facts.billing.known().unwrap().admin,
            marketplace_admin: facts.marketplace.known().unwrap().admin,
            app: facts.app.known().unwrap(),
            active: facts.active.known().unwrap(),
        }
    }

    /// R-A12
    fn runs(&self) -> bool {
        self.app.linked && self.app.suspension.is_none()
    }

    /// Console roles on an app are those of the space that has it: none while no space does.
    fn holds(&self, role: Role, resource: &str) -> bool {
        match role {
            Role::BillingAdmin => self.billing_admin,
            Role::MarketplaceAdmin => self.marketplace_admin,
            _ => self.membership.role.map(Role::from) == Some(role) && (resource != "app" || self.app.linked),
        }
    }
}

// R-P1
#[test]
fn the_catalogue_has_the_permissions_of_the_table_in_its_order_and_no_others() {
    let listed: Vec<_> = lines().iter().map(|line| line.permission).collect();
    assert_eq!(listed, Permission::ALL);
    for permission in Permission::ALL {
        assert_eq!(Permission::parse(permission.name()), Some(permission));
    }
    for unknown in ["", "space", "space.Get", " space.get", "space.get ", "space.*", "*"] {
        assert_eq!(Permission::parse(unknown), None, "{unknown:?}");
    }
}

// R-P1
#[test]
fn every_permission_is_on_the_resource_and_has_the_preconditions_that_the_table_says() {
    for line in lines() {
        let resource = match line.permission.resource_type() {
            ResourceType::Platform => "-",
            ResourceType::Space => "space",
            ResourceType::App => "app",
        };
        assert_eq!(resource, line.resource, "{}", line.permission.name());
        let has_preconditions = !line.permission.preconditions().is_empty();
        assert_eq!(has_preconditions, !line.state_precondition.is_empty(), "{}", line.permission.name());
    }
}

// R-P2, R-P5
#[test]
fn the_catalogue_lists_the_grants_of_every_cell() {
    for line in lines() {
        for role in Role::ALL {
            let grant = grants(line.permission).find(|grant| grant.role == role);
            let says = match grant {
                None => "no",
                Some(grant) if grant.condition.is_none() => "yes",
                Some(_) => "if",
            };
            let expected = match (role, line.cell(role)) {
                // "any" is a grant to whoever is signed in, not to each role apart.
                (_, Some("any")) => "no",
                (_, Some(cell)) => cell,
                (Role::SignedIn, _) if line.cell(Role::ConsoleAdmin) == Some("any") => "yes",
                (Role::Service, _) if line.is_for_services() && line.takes_running() => "if",
                (Role::Service, _) if line.is_for_services() => "yes",
                (Role::NamedPerson, _) if line.is_for_named_people() => "yes",
                (Role::SignedIn | Role::Service | Role::NamedPerson, _) => "no",
                _ if !line.contributors().iter().any(|&named| Role::from(named) == role) => "no",
                _ if [Permission::AppGet, Permission::AppContributorsList].contains(&line.permission) => {
                    "yes"
                }
                _ => "if",
            };
            assert_eq!(says, expected, "{role:?} in the line of {}", line.permission.name());
        }
    }
}

// R-S1, R-S3, R-S4, R-S9, R-M2, R-M3, R-M7, R-A1, R-A2, R-A3, R-A4, R-A5, R-A6, R-A12, R-K1, R-P7
#[test]
fn every_line_of_the_table_holds_for_every_combination_of_facts() {
    let combinations = every(&subjects());
    for line in lines() {
        for facts in &combinations {
            let expected = if line.allows(facts) { Outcome::Allowed } else { Outcome::Denied };
            assert_eq!(
                decide(line.permission, facts).outcome(),
                expected,
                "{} of {facts:?}",
                line.permission.name()
            );
        }
    }
}

// R-S5, R-S6, R-B11: what depends on the state is no question of permission. All other tests rely on this one. (Of the
// Cedar policies it holds by their schema, which does not have the state.)
#[test]
fn the_state_of_the_space_decides_nothing() {
    for facts in every(&subjects()) {
        let space = facts.space.known().unwrap();
        for state in [SpaceState::None, SpaceState::Archived, SpaceState::Deleted] {
            let other = Facts { space: Fact::Known(SpaceFacts { state, ..space }), ..facts };
            for permission in Permission::ALL {
                let (outcome, same) =
                    (decide(permission, &facts).outcome(), decide(permission, &other).outcome());
                assert_eq!(outcome, same, "{} of {other:?}", permission.name());
            }
        }
    }
}
