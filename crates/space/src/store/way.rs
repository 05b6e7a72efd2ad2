//! The ways by which people have contributor roles on apps: in their own right, through groups (R-M11), and through app groups
//! (R-A11). Whatever asks who has a role, or what somebody has, asks for all of them.
use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use devspaces_gate::{HeldRole, HeldRoles};
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::role;

/// A way, as SQL: a row for each person and app between which there is one. The role stands in `r`.
pub(crate) struct Way {
    /// From the app to the person.
    tables: &'static [&'static str],
    /// What joins them.
    on: &'static str,
    pub(crate) app: &'static str,
    pub(crate) person: &'static str,
    /// The person's space.
    pub(crate) space: &'static str,
    /// What the group is called, and the app group.
    names: [&'static str; 2],
}

const NO_NAME: &str = "CAST(NULL AS TEXT)";
const GROUP: &str = "(SELECT n.display_name FROM member_group n WHERE n.id = r.group_id)";
const APP_GROUP: &str = "(SELECT n.display_name FROM app_group n WHERE n.id = r.app_group)";

/// All ways but a role of one's own. Rows of what was deleted, or has left the space, are not there, so every app is in use and
/// in the space that `r` names.
pub(crate) const THROUGH: [Way; 3] = [
    Way {
        tables: &["group_role r", "group_member m"],
        on: "m.group_id = r.group_id",
        app: "r.app",
        person: "m.person",
        space: "m.space",
        names: [GROUP, NO_NAME],
    },
    Way {
        tables: &["app_group_app x", "app_group_role r"],
        on: "x.app_group = r.app_group",
        app: "x.app",
        person: "r.person",
        space: "r.space",
        names: [NO_NAME, APP_GROUP],
    },
    Way {
        tables: &["app_group_app x", "app_group_role r", "group_member m"],
        on: "x.app_group = r.app_group AND m.group_id = r.group_id",
        app: "x.app",
        person: "m.person",
        space: "m.space",
        names: [GROUP, APP_GROUP],
    },
];

/// A role of one's own.
pub(crate) const OWN: Way = Way {
    tables: &["contributor r"],
    on: "r.app = r.app",
    app: "r.app",
    person: "r.person",
    space: "r.space",
    names: [NO_NAME, NO_NAME],
};

impl Way {
    /// The tables, joined in whichever order the engine takes for the best.
    pub(crate) fn between(&self) -> (String, &'static str) {
        (self.tables.join(", "), self.on)
    }

    /// The tables, joined from the app on, or from the person on. SQLite keeps to that order, and would else go through a whole table
    /// that has the order which rows are to be given in.
    pub(super) fn starting_at_app(&self) -> String {
        format!("{} WHERE {}", self.tables.join(" CROSS JOIN "), self.on)
    }

    pub(super) fn starting_at_person(&self) -> String {
        let tables: Vec<_> = self.tables.iter().rev().copied().collect();
        format!("{} WHERE {}", tables.join(" CROSS JOIN "), self.on)
    }

    /// The columns of a [`HeldRow`].
    pub(crate) fn held(&self) -> String {
        let [group, app_group] = self.names;
        format!("r.role, r.expire_time, {group} AS group_name, {app_group} AS app_group_name")
    }
}

/// SQL: what these texts select, all of it. Each may be ordered and limited by itself.
pub(crate) fn all_of(parts: impl IntoIterator<Item = String>) -> String {
    let part = |(number, part): (usize, String)| format!("SELECT * FROM ({part}) AS part{number}");
    parts.into_iter().enumerate().map(part).collect::<Vec<_>>().join(" UNION ALL ")
}

/// A role that somebody has by one way.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct HeldRow {
    role: String,
    expire_time: Option<Timestamp>,
    group_name: Option<String>,
    app_group_name: Option<String>,
}

impl TryFrom<HeldRow> for HeldRole {
    type Error = Error;

    fn try_from(row: HeldRow) -> Result<Self, Error> {
        held_role(&row.role, row.expire_time, (row.group_name, row.app_group_name))
    }
}

/// A role, and the way by which it is held, by what the group and the app group are called.
pub(crate) fn held_role(
    role: &str,
    expire_time: Option<Timestamp>,
    names: (Option<String>, Option<String>),
) -> Result<HeldRole, Error> {
    let through = match names {
        (None, None) => None,
        (Some(group), None) => Some(format!("group {group}")),
        (None, Some(app_group)) => Some(format!("app group {app_group}")),
        (Some(group), Some(app_group)) => Some(format!("group {group} and app group {app_group}")),
    };
    Ok(HeldRole { role: role::contributor(role)?, expire_time, through })
}

#[derive(Debug, sqlx::FromRow)]
struct OnApp {
    app: Uuid,
    #[sqlx(flatten)]
    held: HeldRow,
}

static ON_APPS: LazyLock<RowsSql> = LazyLock::new(|| {
    let part = |way: &Way| {
        let Way { app, person, .. } = way;
        let (held, (tables, on)) = (way.held(), way.between());
        format!(
            "SELECT w.id AS app, {held} FROM wanted w CROSS JOIN {tables}
             WHERE {app} = w.id AND {person} = w.person AND {on}"
        )
    };
    RowsSql::new("wanted", &["id", "person"], &all_of([&OWN].into_iter().chain(&THROUGH).map(part)))
});

/// The roles that a person has on these apps by all ways, those that have ended included. Apps without any are left out.
pub(crate) async fn on_apps(
    db: &mut Conn,
    apps: &[AppName],
    person: &str,
) -> Result<HashMap<AppName, HeldRoles>, Error> {
    let wanted: Vec<_> = apps.iter().map(|app| (app, person)).collect();
    let row = |(app, person): &(&AppName, &str)| [app.0.into(), (*person).to_owned().into()];
    let rows: Vec<OnApp> = ON_APPS.fetch_all(db, &wanted, row).await?;
    let mut found: HashMap<AppName, Vec<HeldRole>> = HashMap::new();
    for OnApp { app, held } in rows {
        found.entry(AppName(app)).or_default().push(held.try_into()?);
    }
    Ok(found.into_iter().map(|(app, roles)| (app, roles.into_iter().collect())).collect())
}

fn distinct(all: &str, columns: &str) -> String {
    format!("SELECT DISTINCT {columns} FROM ({all}) AS everything")
}

/// SQL: the apps after $2 on which a person has a role through a group or an app group that is current at $4, in a space or
/// anywhere.
fn apps_through(in_space: bool) -> String {
    let part = |way: &Way| {
        let (from, Way { app, person, space, .. }) = (way.starting_at_person(), way);
        let in_space = if in_space { format!(" AND {space} = $5") } else { String::new() };
        format!(
            "SELECT DISTINCT {app} AS app FROM {from}
               AND {person} = $1 AND {app} > $2 AND (r.expire_time IS NULL OR r.expire_time > $4){in_space}
             ORDER BY {app} LIMIT $3"
        )
    };
    format!("{} ORDER BY app LIMIT $3", distinct(&all_of(THROUGH.iter().map(part)), "app"))
}

static APPS_ANYWHERE: LazyLock<String> = LazyLock::new(|| apps_through(false));
static APPS_IN_SPACE: LazyLock<String> = LazyLock::new(|| apps_through(true));

/// The apps on which a person has a role through groups or app groups, in this space or in all, after one, in the order of
/// their ids.
pub(crate) async fn ids_through(
    db: &mut Conn,
    person: &str,
    space: Option<SpaceName>,
    after: AppName,
    limit: i64,
    now: Timestamp,
) -> Result<BTreeSet<AppName>, Error> {
    let sql = if space.is_some() { &*APPS_IN_SPACE } else { &*APPS_ANYWHERE };
    let ids: Vec<Uuid> = on!(db, |c| {
        let query = sqlx::query_scalar(AssertSqlSafe(sql.as_str()));
        let query = query.bind(person).bind(after.0).bind(limit).bind(now);
        match space {
            Some(space) => query.bind(space.0).fetch_all(c).await,
            None => query.fetch_all(c).await,
        }
    })?;
    Ok(ids.into_iter().map(AppName).collect())
}

static SPACES: LazyLock<String> = LazyLock::new(|| {
    let part = |way: &Way| {
        let (from, Way { person, space, .. }) = (way.starting_at_person(), way);
        format!(
            "SELECT DISTINCT {space} AS space FROM {from}
               AND {person} = $1 AND {space} > $2 AND (r.expire_time IS NULL OR r.expire_time > $4)
             ORDER BY {space} LIMIT $3"
        )
    };
    format!("{} ORDER BY space LIMIT $3", distinct(&all_of(THROUGH.iter().map(part)), "space"))
});

/// The spaces after one in which a person has a role on an app through a group or an app group, in the order of their ids.
pub(crate) async fn spaces_through(
    db: &mut Conn,
    person: &str,
    after: Uuid,
    limit: i64,
    now: Timestamp,
) -> Result<BTreeSet<SpaceName>, Error> {
    let ids: Vec<Uuid> = on!(db, |c| sqlx::query_scalar(AssertSqlSafe(SPACES.as_str()))
        .bind(person)
        .bind(after)
        .bind(limit)
        .bind(now)
        .fetch_all(c)
        .await)?;
    Ok(ids.into_iter().map(SpaceName).collect())
}

/// SQL: the roles by all ways but one's own that stand for these, where a list of who may do what begins. Those that have ended
/// are among them: each is decided by itself.
pub(super) fn candidates(from: fn(&Way) -> String, columns: &str, condition: &str, order: &str) -> String {
    let part = |way: &Way| {
        let Way { app, person, space, .. } = way;
        let named =
            |text: &str| text.replace("{app}", app).replace("{person}", person).replace("{space}", space);
        let (from, columns, condition) = (from(way), named(columns), named(condition));
        format!("SELECT DISTINCT {columns} FROM {from} AND {condition} ORDER BY {order} LIMIT $3")
    };
    format!("{} ORDER BY {order} LIMIT $3", distinct(&all_of(THROUGH.iter().map(part)), order))
}

static PLACED: LazyLock<String> = LazyLock::new(|| {
    let condition = "{person} = $1 AND ({space}, {app}) > ($2, $9) AND r.role IN ($4, $5, $6, $7, $8)";
    candidates(Way::starting_at_person, "{space} AS space, {app} AS app", condition, "space, app")
});

/// The apps on which a person has one of these roles through groups or app groups, after one, in the order of their spaces and
/// ids.
pub(crate) async fn placed(
    db: &mut Conn,
    person: &UserName,
    roles: &[&str],
    (space, app): (SpaceName, AppName),
    limit: i64,
) -> Result<Vec<(SpaceName, AppName)>, Error> {
    let named = |place: usize| roles.get(place).copied().unwrap_or_default();
    let rows: Vec<(Uuid, Uuid)> = on!(db, |c| sqlx::query_as(AssertSqlSafe(PLACED.as_str()))
        .bind(person.id())
        .bind(space.0)
        .bind(limit)
        .bind(named(0))
        .bind(named(1))
        .bind(named(2))
        .bind(named(3))
        .bind(named(4))
        .bind(app.0)
        .fetch_all(c)
        .await)?;
    Ok(rows.into_iter().map(|(space, app)| (SpaceName(space), AppName(app))).collect())
}
