//! What `policy/matrix.csv` says of a person's standing. The table was made by hand and not from any code.
use std::sync::LazyLock;

use devspaces_proto::{membership::v1::ConsoleRole, space::v1::ContributorRole};

const MATRIX: &str = include_str!("../../../policy/matrix.csv");

/// A line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) permission: String,
    /// What the permission is on: "space", "app" or "-".
    pub(crate) resource: String,
    billing_admin: String,
    marketplace_admin: String,
    console_admin: String,
    developer: String,
    viewer: String,
    app_role: String,
}

/// Where an app is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// In no space yet (R-A2).
    #[default]
    Nowhere,
    /// In a space.
    Space,
    /// Deleted softly, and so in no space until its OWNER has it back (R-A10).
    Deleted,
}

/// What a person is to the resource of a question.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Standing {
    /// The console role in the space, or in the space that the app is in: none while it is in no space.
    pub(crate) console: Option<ConsoleRole>,
    /// The add-on of a Developer.
    pub(crate) view_all_apps: bool,
    /// Whether the person is billing admin of the space.
    pub(crate) billing_admin: bool,
    /// Whether the person is Marketplace admin of the space.
    pub(crate) marketplace_admin: bool,
    /// Whether the space is published.
    pub(crate) published: bool,
    /// Whether the space has no console Admin (R-M3).
    pub(crate) without_admin: bool,
    /// Whether only console Admins create and link apps in the space (R-S9).
    pub(crate) admins_create: bool,
    /// The role on the app that the question is about.
    pub(crate) app: Option<ContributorRole>,
    /// Whether the person contributes to any app that is in the space.
    pub(crate) contributes: bool,
    /// Where the app is that the question is about.
    pub(crate) place: Place,
    /// Whether that app is suspended, or the space that it is in (R-A12).
    pub(crate) suspended: bool,
}

/// Fields may be quoted, with commas inside.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().expect("a field").push(c),
        }
    }
    fields
}

/// Every line of the table.
pub(crate) fn rows() -> &'static [Row] {
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(read);
    &ROWS
}

fn read() -> Vec<Row> {
    let mut lines = MATRIX.lines().map(fields);
    let header = lines.next().expect("a header");
    let column = |name: &str| header.iter().position(|field| field == name).expect("a column");
    let at = [
        "permission",
        "resource",
        "billing_admin",
        "marketplace_admin",
        "console_admin",
        "developer",
        "viewer",
        "app_role",
    ];
    let at = at.map(column);
    let row = |line: Vec<String>| {
        let [
            permission,
            resource,
            billing_admin,
            marketplace_admin,
            console_admin,
            developer,
            viewer,
            app_role,
        ] = at.map(|column| line[column].clone());
        Row {
            permission,
            resource,
            billing_admin,
            marketplace_admin,
            console_admin,
            developer,
            viewer,
            app_role,
        }
    };
    lines.map(row).collect()
}

/// The line of a permission.
pub(crate) fn row(permission: &str) -> &'static Row {
    rows().iter().find(|row| row.permission == permission).expect("a line of the table")
}

impl Row {
    /// Whether someone of this standing has the permission.
    pub(crate) fn allows(&self, standing: &Standing) -> bool {
        if self.resource != "-" && (self.billing_allows(standing) || self.marketplace_allows(standing)) {
            return true;
        }
        match self.resource.as_str() {
            "app" => self.console_allows(standing) || self.contributor_allows(standing),
            "space" if self.app_role == "any" => self.console_allows(standing) || standing.contributes,
            "space" => self.console_allows(standing),
            // Being signed in is enough, or else no person has it.
            "-" => self.console_admin == "any",
            other => panic!("an unknown resource: {other}"),
        }
    }

    /// Whether one of the person's roles would grant the permission under a condition.
    pub(crate) fn is_conditional(&self, standing: &Standing) -> bool {
        self.cell(standing.console) == "if"
            || self.contributor_granted(standing.app)
            || (standing.marketplace_admin && self.marketplace_admin == "if")
    }

    fn billing_allows(&self, standing: &Standing) -> bool {
        match self.billing_admin.as_str() {
            "yes" => standing.billing_admin,
            "no" => false,
            other => panic!("an unknown cell: {other}"),
        }
    }

    fn marketplace_allows(&self, standing: &Standing) -> bool {
        let granted = match self.marketplace_admin.as_str() {
            "yes" => true,
            "no" => false,
            "if" => match self.permission.as_str() {
                "space.update" => standing.published,
                "members.add" => standing.published && standing.without_admin,
                other => panic!("no expectation for the condition of {other}"),
            },
            other => panic!("an unknown cell: {other}"),
        };
        granted && standing.marketplace_admin
    }

    /// Whether any console role or contributor role grants the permission at all.
    pub(crate) fn is_reachable(&self) -> bool {
        [&self.billing_admin, &self.marketplace_admin, &self.console_admin, &self.developer, &self.viewer]
            .into_iter()
            .any(|cell| cell != "no")
            || self.app_role != "-"
    }

    fn cell(&self, console: Option<ConsoleRole>) -> &str {
        match console {
            Some(ConsoleRole::Admin) => &self.console_admin,
            Some(ConsoleRole::Developer) => &self.developer,
            Some(ConsoleRole::Viewer) => &self.viewer,
            Some(ConsoleRole::Unspecified) | None => "no",
        }
    }

    fn contributor_granted(&self, app: Option<ContributorRole>) -> bool {
        app.is_some_and(|role| contributor_roles(&self.app_role).contains(&role))
    }

    fn console_allows(&self, standing: &Standing) -> bool {
        match self.cell(standing.console) {
            "yes" => true,
            "no" => false,
            "if" => self.condition(standing),
            other => panic!("an unknown cell: {other}"),
        }
    }

    /// The condition of an `if` of a console role. What a contributor role adds has a column of its own.
    fn condition(&self, standing: &Standing) -> bool {
        match self.permission.as_str() {
            "space.update" | "marketplace.terms.accept" => !standing.published,
            "apps.create" => !standing.admins_create,
            "apps.list" | "app.get" | "app.contributors.list" | "app.usage.get" | "usage.get" => {
                standing.view_all_apps
            }
            // `apps.link` takes a role on an app, and a question about a space names none: see `may_link`.
            "app.update" | "app.contributors.update" | "apps.link" => false,
            other => panic!("no expectation for the condition of {other}"),
        }
    }

    /// Whether the role on the app is enough. R-A2: contributors of an app in no space see it, and nothing more than link
    /// it. R-A10: a deleted app is in no space either, and yet its OWNER has it back.
    fn contributor_allows(&self, standing: &Standing) -> bool {
        let somewhere = match self.permission.as_str() {
            "app.get" | "app.contributors.list" => true,
            "app.delete" => standing.place != Place::Nowhere,
            "app.deploy" => standing.place == Place::Space && !standing.suspended,
            _ => standing.place == Place::Space,
        };
        self.contributor_granted(standing.app) && somewhere
    }
}

/// The contributor roles that a cell of the column `app_role` names.
fn contributor_roles(cell: &str) -> &'static [ContributorRole] {
    use ContributorRole::{Admin, Deployer, Developer, Owner, Viewer};
    match cell {
        "-" => &[],
        "any" => &[Owner, Admin, Deployer, Developer, Viewer],
        "OWNER or ADMIN" => &[Owner, Admin],
        "OWNER, ADMIN, DEPLOYER or DEVELOPER" => &[Owner, Admin, Deployer, Developer],
        "OWNER, ADMIN or DEPLOYER" => &[Owner, Admin, Deployer],
        "OWNER" => &[Owner],
        other => panic!("an unknown cell: {other}"),
    }
}

/// R-A2, R-S9: whether someone with these roles has `apps.link` on a space and an app that is not there: the line's `if`,
/// whose condition takes both roles, and of a Developer that not only Admins link.
pub(crate) fn may_link(
    console: Option<ConsoleRole>,
    app: Option<ContributorRole>,
    admins_create: bool,
) -> bool {
    let row = row("apps.link");
    let lets = console != Some(ConsoleRole::Developer) || !admins_create;
    row.cell(console) == "if" && row.contributor_granted(app) && lets
}
