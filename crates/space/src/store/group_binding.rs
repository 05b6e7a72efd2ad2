//! The roles that people have on app groups, and through groups, as a review reads them (R-M13).
use devspaces_kit::{
    clock::Timestamp,
    name::{AppGroupName, AppName, GroupName, RoleTarget, SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{role, way::all_of};
use crate::domain::GivenRole;

/// A way by which a role is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Of one's own on an app group.
    AppGroup,
    /// Through a group on an app.
    Group,
    /// Through a group on an app group.
    GroupAndAppGroup,
}

impl Way {
    /// SQL: the tables, what the role is on, and the columns that give the order.
    fn tables(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::AppGroup => ("app_group_role r", "r.app_group", &["r.person", "r.app_group"]),
            Self::Group => (
                "group_member m JOIN group_role r ON r.group_id = m.group_id AND r.space = m.space",
                "r.app",
                &["m.person", "m.group_id", "r.app"],
            ),
            Self::GroupAndAppGroup => (
                "group_member m JOIN app_group_role r ON r.group_id = m.group_id AND r.space = m.space",
                "r.app_group",
                &["m.person", "m.group_id", "r.app_group"],
            ),
        }
    }

    fn target(self, space: SpaceName, id: Uuid) -> RoleTarget {
        match self {
            Self::Group => RoleTarget::App(AppName(id)),
            Self::AppGroup | Self::GroupAndAppGroup => RoleTarget::AppGroup(AppGroupName { space, id }),
        }
    }

    /// SQL: what comes after a place, in its order. As many parts as there are columns: where only the last of them is greater,
    /// the last but one, and so on. Each reads an index from there on, however far into the list it is.
    fn sql(self, page: &Page<'_>) -> String {
        let (tables, target, order) = self.tables();
        let place = if order.len() == 2 { ["$2", "$3"].as_slice() } else { &["$2", "$5", "$3"] };
        let ends = format!("${}", order.len() + 3);
        let ending = page.ends_before.map(|_| format!(" AND r.expire_time < {ends}")).unwrap_or_default();
        let person = order[0];
        let space = person.replace("person", "space");
        let listed = order.join(", ");
        let part = |greater: usize| {
            let equal = (0..greater).map(|at| format!("{} = {} AND ", order[at], place[at]));
            let equal = equal.collect::<Vec<_>>().concat();
            let (column, bound) = (order[greater], place[greater]);
            format!(
                "SELECT {person} AS person, r.group_id AS group_id, {target} AS target, r.role, r.expire_time,
                   r.update_time
                 FROM {tables} WHERE {space} = $1 AND {equal}{column} > {bound}{ending} ORDER BY {listed} LIMIT $4"
            )
        };
        // Of one person nobody comes after.
        let first = usize::from(page.user.is_some());
        let group = if order.len() == 2 { "" } else { "group_id, " };
        format!("{} ORDER BY person, {group}target LIMIT $4", all_of((first..order.len()).map(part)))
    }
}

/// Where a list goes on: after this role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The encoded id of the person.
    pub(crate) person: String,
    pub(crate) group: Uuid,
    /// What the role is on.
    pub(crate) target: Uuid,
}

/// Which roles are asked for.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) space: SpaceName,
    /// Only this person's.
    pub(crate) user: Option<&'a UserName>,
    pub(crate) after: &'a Place,
    /// Only those that end before this time.
    pub(crate) ends_before: Option<Timestamp>,
    pub(crate) limit: i64,
}

/// A role that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) user: UserName,
    /// Through which it is held.
    pub(crate) group: Option<GroupName>,
    pub(crate) target: RoleTarget,
    pub(crate) given: GivenRole,
    /// Since when whoever it was given to has it.
    pub(crate) update_time: Option<Timestamp>,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    person: String,
    group_id: Option<Uuid>,
    target: Uuid,
    role: String,
    expire_time: Option<Timestamp>,
    update_time: Option<Timestamp>,
}

/// The roles by one way after a place, in its order, those that have ended included.
pub(crate) async fn list(db: &mut Conn, way: Way, page: &Page<'_>) -> Result<Vec<Held>, Error> {
    let Page { space, user, after, .. } = page;
    let (person, group, target) = match user {
        Some(user) if user.id() < after.person.as_str() => return Ok(Vec::new()),
        Some(user) if user.id() > after.person.as_str() => (user.id(), Uuid::nil(), Uuid::nil()),
        _ => (after.person.as_str(), after.group, after.target),
    };
    let sql = AssertSqlSafe(way.sql(page));
    let rows: Vec<Row> = on!(db, |c| {
        let query = sqlx::query_as(sql).bind(space.0).bind(person).bind(target).bind(page.limit);
        let query = if way == Way::AppGroup { query } else { query.bind(group) };
        match page.ends_before {
            Some(before) => query.bind(before).fetch_all(c).await,
            None => query.fetch_all(c).await,
        }
    })?;
    let held = |row: Row| {
        Ok(Held {
            user: UserName::from_stored(row.person),
            group: row.group_id.map(|id| GroupName { space: *space, id }),
            target: way.target(*space, row.target),
            given: GivenRole { role: role::contributor(&row.role)?, expire_time: row.expire_time },
            update_time: row.update_time,
        })
    };
    rows.into_iter().map(held).collect()
}
