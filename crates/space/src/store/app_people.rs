//! The people who have roles on an app, or in a space, through groups (R-M11) and app groups (R-A11).
use std::{
    collections::{BTreeMap, BTreeSet},
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

use super::way::{HeldRow, THROUGH, Way, all_of, candidates};

/// Behind every id of a person, which are printable.
const END: &str = "\u{7f}";

/// SQL: where a page of at most $3 people after $2 on the app $1 ends at the latest, of whom groups bring by roles that meet a
/// condition. Of each group it is the person at the end of a page that it would fill alone, and of these the first: the page of all
/// goes no further, however many people are in them. One statement with the page itself, since a group that is gone by then would
/// have it end too early.
fn page(condition: &str) -> String {
    let part = |through: &str| {
        format!(
            "SELECT (SELECT p.person FROM group_member p WHERE p.group_id = r.group_id AND p.person > $2
                     ORDER BY p.person LIMIT 1 OFFSET $3 - 1) AS person
             FROM {through} = $1 AND r.group_id IS NOT NULL AND {condition}"
        )
    };
    let parts = [
        "group_role r WHERE r.app",
        "app_group_app x CROSS JOIN app_group_role r WHERE x.app_group = r.app_group AND x.app",
    ];
    format!(
        "page (last) AS (SELECT COALESCE(MIN(person), '{END}') FROM ({}) AS ends)",
        all_of(parts.map(part))
    )
}

/// SQL: the people of that page, in the order of their user names.
fn people(condition: &str) -> String {
    let of_page = "{app} = $1 AND {person} > $2 AND {person} <= (SELECT last FROM page)";
    let condition = format!("{of_page} AND {condition}");
    candidates(Way::starting_at_app, "{person} AS person", &condition, "person")
}

#[derive(Debug, sqlx::FromRow)]
struct OfPerson {
    person: String,
    #[sqlx(flatten)]
    held: HeldRow,
}

/// All roles of the people with one that is current at $4.
static ON_APP: LazyLock<String> = LazyLock::new(|| {
    let current = "(r.expire_time IS NULL OR r.expire_time > $4)";
    let part = |way: &Way| {
        let (from, held, Way { app, person, .. }) = (way.starting_at_app(), way.held(), way);
        format!(
            "SELECT {person} AS person, {held} FROM {from} AND {app} = $1 AND {person} > $2
               AND {person} <= (SELECT MAX(person) FROM listed)"
        )
    };
    let roles = all_of(THROUGH.iter().map(part));
    format!("WITH {}, listed (person) AS ({}) {roles}", page(current), people(current))
});

/// The people after one who have roles on an app through groups and app groups, in the order of their user names, each with
/// these roles; so many people at most have one that is current.
pub(crate) async fn people_on(
    db: &mut Conn,
    app: AppName,
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(UserName, HeldRoles)>, Error> {
    let rows: Vec<OfPerson> = on!(db, |c| sqlx::query_as(AssertSqlSafe(ON_APP.as_str()))
        .bind(app.0)
        .bind(after)
        .bind(limit)
        .bind(now)
        .fetch_all(c)
        .await)?;
    let mut held: BTreeMap<String, Vec<HeldRole>> = BTreeMap::new();
    for OfPerson { person, held: role } in rows {
        held.entry(person).or_default().push(role.try_into()?);
    }
    let roles =
        |(person, roles): (_, Vec<HeldRole>)| (UserName::from_stored(person), roles.into_iter().collect());
    Ok(held.into_iter().map(roles).collect())
}

static HOLDERS: LazyLock<String> = LazyLock::new(|| {
    // Those that have ended are candidates too.
    let of_roles = "r.role IN ($4, $5, $6, $7, $8)";
    format!("WITH {} {}", page(of_roles), people(of_roles))
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
