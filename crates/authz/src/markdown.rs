//! The permission table as a document.

use crate::table::{self, Also, Cell, Row};
use crate::{AppRole, Condition, Permission, ResourceType, Role, grants_of};

const INTRODUCTION: &str = "\
# Permissions

<!-- Made from the permission table: cargo xtask docs -->

Every call needs the permissions that its comment in the API names. This page says who has them. What it does not
grant is denied. `ListRoles` of `AuthzService` answers the same, and `CheckPermission` explains a single case.

Roles stand on planes that are separate: no role on one plane implies a role on another, and one person may hold
roles on several. A permission is on a space, on an app, or on the platform as a whole.
";

const LEGEND: &str = "
## The table

- **yes**: the role grants the permission.
- **if**: the role grants it only under that condition. Unmet, the answer is `PERMISSION_DENIED`.
- **anyone**: every signed-in user has it; no service has.
- An empty cell grants nothing.
- On an app, the console roles are those in the space that the app is linked to.
- **The call checks** what must also be so. To someone with the permission it answers `FAILED_PRECONDITION` otherwise.

| Permission | On | Billing admin | Marketplace admin | Console Admin | Console Developer | Console Viewer | \
Contributors and services | The call checks |
|---|---|---|---|---|---|---|---|---|
";

const NOTES: &str = "
## Notes

- Console Admins and Viewers, and Developers with the view-all-apps add-on, are viewers of every app in the space. That
  role is computed from the console role: it can't be taken away at the app, and goes with the console role.
- An app that is linked to no space can be seen by its contributors and linked by its OWNER or ADMIN, nothing more.
- A deleted app is in no space: its contributors see it, and its OWNER can have it back, which takes `app.delete`.
- Linking an app asks about the space and the app together: it takes a role in each.
- To `apps.list`, contributors are given their own apps of the space only, and so are Developers without the add-on.
- A service has the permissions that its operator configured for its name, out of those marked so here, and no others. A
  person may have some of them so as well, beside those that come with roles.
- A person who was deactivated has no permission at all.
- A permission that depends on facts which can't be had is not granted; the call answers `UNAVAILABLE`.
";

/// The permission table as Markdown: the content of `docs/permissions.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## Roles\n\n| Role | Plane | What it is for | Permissions |\n|---|---|---|---|\n");
    page.extend(Role::ALL.into_iter().map(role_line));
    page.push_str(LEGEND);
    page.extend(Permission::ALL.into_iter().map(|permission| permission_line(table::row(permission))));
    page.push_str(NOTES);
    page
}

fn role_line(role: Role) -> String {
    let (conditional, outright): (Vec<_>, Vec<_>) =
        grants_of(role).partition(|grant| grant.condition.is_some());
    let count = match (outright.len(), conditional.len()) {
        (outright, 0) => format!("{outright}"),
        (0, conditional) => format!("{conditional} on conditions"),
        (outright, conditional) => format!("{outright}, and {conditional} on conditions"),
    };
    format!("| {} | {} | {} | {count} |\n", role.title(), role.plane().name(), role.description())
}

fn permission_line(row: &Row) -> String {
    let on = match row.resource {
        ResourceType::Platform => "platform",
        ResourceType::Space => "space",
        ResourceType::App => "app",
    };
    let cells = row.space_roles.map(space_role_cell).join(" | ");
    let checks = row.preconditions.join("; ");
    tidy(&format!("| `{}` | {on} | {cells} | {} | {checks} |\n", row.permission.name(), also_cell(row.also)))
}

/// Empty cells as one space, not two.
fn tidy(line: &str) -> String {
    line.replace("|  |", "| |").replace("|  |", "| |")
}

fn space_role_cell(cell: Cell) -> String {
    match cell {
        Cell::No => String::new(),
        Cell::Yes => "yes".to_owned(),
        Cell::If(condition) => format!("if {}", condition.phrase()),
        Cell::Any => "anyone".to_owned(),
    }
}

fn also_cell(also: Also) -> String {
    match also {
        Also::Nobody => String::new(),
        Also::Contributor(roles) => role_list(roles),
        Also::ContributorIf(roles, condition) => format!("{}, if {}", role_list(roles), condition.phrase()),
        Also::AppOfSpace => format!("{}, if {}", role_list(&AppRole::ALL), Condition::AppOfSpace.phrase()),
        Also::ServiceByName => "a service given it by name".to_owned(),
        Also::ServiceByNameIf(condition) => format!("a service given it by name, if {}", condition.phrase()),
        Also::AnybodyByName => "a service or a person given it by name".to_owned(),
    }
}

fn role_list(roles: &[AppRole]) -> String {
    if roles.len() == AppRole::ALL.len() {
        return "any contributor".to_owned();
    }
    let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
