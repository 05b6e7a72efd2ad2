//! The ways by which people have contributor roles on apps: in their own right, through groups (R-M11), and through app groups
//! (R-A11). Whatever asks who has a role, or what somebody has, asks for all of them.
use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use devspaces_authz::AppRole;
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
    pub(crate) from: &'static str,
    pub(crate) app: &'static str,
    pub(crate) person: &'static str,
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
        from: "group_role r JOIN group_member m ON m.group_id = r.group_id",
        app: "r.app",
        person: "m.person",
        names: [GROUP, NO_NAME],
    },
    Way {
        from: "app_group_role r JOIN app_group_app x ON x.app_group = r.app_group",
        app: "x.app",
        person: "r.person",
        names: [NO_NAME, APP_GROUP],
    },
    Way {
        from: "app_group_role r JOIN app_group_app x ON x.app_group = r.app_group
               JOIN group_member m ON m.group_id = r.group_id",
        app: "x.app",
        person: "m.person",
        names: [GROUP, APP_GROUP],
    },
];

/// A role of one's own.
pub(crate) const OWN: Way =
    Way { from: "contributor r", app: "r.app", person: "r.person", names: [NO_NAME, NO_NAME] };

impl Way {
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
        let Way { from, app, person, .. } = way;
        let held = way.held();
        format!(
            "SELECT w.id AS app, {held} FROM wanted w CROSS JOIN {from} WHERE {app} = w.id AND {person} = w.person"
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

/// SQL: the people with a role, current at $4, on an app, after one.
static PEOPLE: LazyLock<String> = LazyLock::new(|| {
    let part = |Way { from, app, person, .. }: &Way| {
        format!(
            "SELECT DISTINCT {person} AS person FROM {from}
             WHERE {app} = $1 AND {person} > $2 AND (r.expire_time IS NULL OR r.expire_time > $4)
             ORDER BY {person} LIMIT $3"
        )
    };
    format!("{} ORDER BY person LIMIT $3", distinct(&all_of(THROUGH.iter().map(part)), "person"))
});

fn distinct(all: &str, columns: &str) -> String {
    format!("SELECT DISTINCT {columns} FROM ({all}) AS everything")
}

#[derive(Debug, sqlx::FromRow)]
struct OfPerson {
    person: String,
    #[sqlx(flatten)]
    held: HeldRow,
}

static OF_PEOPLE: LazyLock<String> = LazyLock::new(|| {
    let part = |way: &Way| {
        let Way { from, app, person, .. } = way;
        let held = way.held();
        format!(
            "SELECT {person} AS person, {held} FROM {from} WHERE {app} = $1 AND {person} > $2 AND {person} <= $3"
        )
    };
    all_of(THROUGH.iter().map(part))
});

/// The people after one who have roles on an app through groups and app groups, in the order of their user names, each with
/// these roles; so many people at most.
pub(crate) async fn people_on(
    db: &mut Conn,
    app: AppName,
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(UserName, HeldRoles)>, Error> {
    let people: Vec<String> = on!(db, |c| sqlx::query_scalar(AssertSqlSafe(PEOPLE.as_str()))
        .bind(app.0)
        .bind(after)
        .bind(limit)
        .bind(now)
        .fetch_all(c)
        .await)?;
    let Some(last) = people.last() else { return Ok(Vec::new()) };
    let rows: Vec<OfPerson> = on!(db, |c| sqlx::query_as(AssertSqlSafe(OF_PEOPLE.as_str()))
        .bind(app.0)
        .bind(after)
        .bind(last)
        .fetch_all(c)
        .await)?;
    let mut held: HashMap<String, Vec<HeldRole>> = HashMap::new();
    for OfPerson { person, held: role } in rows {
        held.entry(person).or_default().push(role.try_into()?);
    }
    let roles = |held: &mut HashMap<String, Vec<HeldRole>>, person: &str| {
        held.remove(person).unwrap_or_default().into_iter().collect()
    };
    Ok(people
        .into_iter()
        .map(|person| {
            let roles = roles(&mut held, &person);
            (UserName::from_stored(person), roles)
        })
        .collect())
}

/// SQL: the apps after $2 on which a person has a role through a group or an app group that is current at $4, in a space or
/// anywhere.
fn apps_through(in_space: &str) -> String {
    let part = |Way { from, app, person, .. }: &Way| {
        format!(
            "SELECT DISTINCT {app} AS app FROM {from}
             WHERE {person} = $1 AND {app} > $2 AND (r.expire_time IS NULL OR r.expire_time > $4){in_space}
             ORDER BY {app} LIMIT $3"
        )
    };
    format!("{} ORDER BY app LIMIT $3", distinct(&all_of(THROUGH.iter().map(part)), "app"))
}

static APPS_ANYWHERE: LazyLock<String> = LazyLock::new(|| apps_through(""));
static APPS_IN_SPACE: LazyLock<String> = LazyLock::new(|| apps_through(" AND r.space = $5"));

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
    let part = |Way { from, person, .. }: &Way| {
        format!(
            "SELECT DISTINCT r.space AS space FROM {from}
             WHERE {person} = $1 AND r.space > $2 AND (r.expire_time IS NULL OR r.expire_time > $4)
             ORDER BY r.space LIMIT $3"
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
fn candidates(columns: &str, condition: &str, order: &str) -> String {
    let part = |Way { from, app, person, .. }: &Way| {
        let named = |text: &str| text.replace("{app}", app).replace("{person}", person);
        let (columns, condition) = (named(columns), named(condition));
        format!("SELECT DISTINCT {columns} FROM {from} WHERE {condition} ORDER BY {order} LIMIT $3")
    };
    format!("{} ORDER BY {order} LIMIT $3", distinct(&all_of(THROUGH.iter().map(part)), order))
}

static HOLDERS: LazyLock<String> = LazyLock::new(|| {
    let condition = "{app} = $1 AND {person} > $2 AND r.role IN ($4, $5, $6, $7, $8)";
    candidates("{person} AS person", condition, "person")
});

/// The people after one who have one of these roles on an app through groups or app groups, in the order of their user names.
pub(crate) async fn holders(
    db: &mut Conn,
    app: AppName,
    roles: &[AppRole],
    after: &str,
    limit: i64,
) -> Result<BTreeSet<UserName>, Error> {
    let named = |place: usize| roles.get(place).map_or("", |role| role.name());
    let people: Vec<String> = on!(db, |c| sqlx::query_scalar(AssertSqlSafe(HOLDERS.as_str()))
        .bind(app.0)
        .bind(after)
        .bind(limit)
        .bind(named(0))
        .bind(named(1))
        .bind(named(2))
        .bind(named(3))
        .bind(named(4))
        .fetch_all(c)
        .await)?;
    Ok(people.into_iter().map(UserName::from_stored).collect())
}

/// The people after one who are in groups of a space, or have roles on its app groups.
const IN_SPACE: &str = "SELECT DISTINCT person FROM (
       SELECT * FROM (SELECT DISTINCT person FROM group_member WHERE space = $1 AND person > $2
                      ORDER BY person LIMIT $3) AS grouped
       UNION ALL
       SELECT * FROM (SELECT DISTINCT person FROM app_group_role WHERE space = $1 AND person > $2
                      ORDER BY person LIMIT $3) AS given
     ) AS everybody ORDER BY person LIMIT $3";

/// The people after one who may contribute to apps of a space through groups or app groups, in the order of their user names.
pub(crate) async fn people_in(
    db: &mut Conn,
    space: SpaceName,
    after: &str,
    limit: i64,
) -> Result<BTreeSet<UserName>, Error> {
    let people: Vec<String> =
        on!(db, |c| sqlx::query_scalar(IN_SPACE).bind(space.0).bind(after).bind(limit).fetch_all(c).await)?;
    Ok(people.into_iter().map(UserName::from_stored).collect())
}

static PLACED: LazyLock<String> = LazyLock::new(|| {
    let condition = "{person} = $1 AND (r.space, {app}) > ($2, $9) AND r.role IN ($4, $5, $6, $7, $8)";
    candidates("r.space AS space, {app} AS app", condition, "space, app")
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
