//! The people who have roles on an app, or in a space, through groups (R-M11) and app groups (R-A11).
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
    db::{Conn, Error},
    on,
};
use sqlx::AssertSqlSafe;

use super::way::{HeldRow, THROUGH, Way, all_of, candidates, distinct};

/// SQL: of each group with a role, current at $4, on an app, the person at the end of a page that it would fill alone; and of these
/// the first. The page of all groups goes no further, however many people are in them. NULL: no group fills a page.
fn last(roles: &str) -> String {
    let part = |through: &str| {
        format!(
            "SELECT (SELECT p.person FROM group_member p WHERE p.group_id = r.group_id AND p.person > $2
                     ORDER BY p.person LIMIT 1 OFFSET $3) AS person
             FROM {through} = $1 AND r.group_id IS NOT NULL AND (r.expire_time IS NULL OR r.expire_time > $4){roles}"
        )
    };
    let parts = [
        "group_role r WHERE r.app",
        "app_group_app x CROSS JOIN app_group_role r WHERE x.app_group = r.app_group AND x.app",
    ];
    format!("SELECT MIN(person) FROM ({}) AS ends", all_of(parts.map(part)))
}

static LAST: LazyLock<String> = LazyLock::new(|| last(""));
static LAST_OF_ROLES: LazyLock<String> = LazyLock::new(|| last(" AND r.role IN ($5, $6, $7, $8, $9)"));

/// Behind every id of a person, which are printable.
const END: &str = "\u{7f}";

/// Where a page of the people that groups bring to an app ends at the latest: of groups with any role, or with one of these.
async fn last_of_page(
    db: &mut Conn,
    (app, roles): (AppName, Option<&[AppRole]>),
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<String, Error> {
    let sql = if roles.is_some() { &*LAST_OF_ROLES } else { &*LAST };
    let last: Option<String> = on!(db, |c| {
        let query = sqlx::query_scalar(AssertSqlSafe(sql.as_str()));
        let mut query = query.bind(app.0).bind(after).bind(limit - 1).bind(now);
        for name in roles.map(names).into_iter().flatten() {
            query = query.bind(name);
        }
        query.fetch_one(c).await
    })?;
    Ok(last.unwrap_or_else(|| END.to_owned()))
}

/// The names of roles, for as many places as there are roles.
fn names(roles: &[AppRole]) -> [&'static str; AppRole::ALL.len()] {
    std::array::from_fn(|place| roles.get(place).map_or("", |role| role.name()))
}

/// SQL: the people with a role, current at $4, on an app, after one and up to $5.
static PEOPLE: LazyLock<String> = LazyLock::new(|| {
    let part = |way: &Way| {
        let (from, Way { app, person, .. }) = (way.starting_at_app(), way);
        format!(
            "SELECT DISTINCT {person} AS person FROM {from}
               AND {app} = $1 AND {person} > $2 AND {person} <= $5
               AND (r.expire_time IS NULL OR r.expire_time > $4)
             ORDER BY {person} LIMIT $3"
        )
    };
    format!("{} ORDER BY person LIMIT $3", distinct(&all_of(THROUGH.iter().map(part)), "person"))
});

#[derive(Debug, sqlx::FromRow)]
struct OfPerson {
    person: String,
    #[sqlx(flatten)]
    held: HeldRow,
}

static OF_PEOPLE: LazyLock<String> = LazyLock::new(|| {
    let part = |way: &Way| {
        let (from, held, Way { app, person, .. }) = (way.starting_at_app(), way.held(), way);
        format!(
            "SELECT {person} AS person, {held} FROM {from} AND {app} = $1 AND {person} > $2 AND {person} <= $3"
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
    let end = last_of_page(db, (app, None), after, limit, now).await?;
    let people: Vec<String> = on!(db, |c| sqlx::query_scalar(AssertSqlSafe(PEOPLE.as_str()))
        .bind(app.0)
        .bind(after)
        .bind(limit)
        .bind(now)
        .bind(end)
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

static HOLDERS: LazyLock<String> = LazyLock::new(|| {
    let condition = "{app} = $1 AND {person} > $2 AND {person} <= $9 AND r.role IN ($4, $5, $6, $7, $8)";
    candidates(Way::starting_at_app, "{person} AS person", condition, "person")
});

/// The people after one who have one of these roles on an app through groups or app groups, in the order of their user names.
pub(crate) async fn holders(
    db: &mut Conn,
    app: AppName,
    roles: &[AppRole],
    after: &str,
    limit: i64,
) -> Result<BTreeSet<UserName>, Error> {
    // Those that have ended are candidates too.
    let end = last_of_page(db, (app, Some(roles)), after, limit, Timestamp::EPOCH).await?;
    let people: Vec<String> = on!(db, |c| {
        let query = sqlx::query_scalar(AssertSqlSafe(HOLDERS.as_str()));
        let mut query = query.bind(app.0).bind(after).bind(limit);
        for name in names(roles) {
            query = query.bind(name);
        }
        query.bind(end).fetch_all(c).await
    })?;
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
