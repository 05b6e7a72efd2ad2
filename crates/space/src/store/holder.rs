//! Who holds contributor roles, and on which apps: for the lists of who may do what (R-P5).
use std::{collections::BTreeSet, sync::LazyLock};

use devspaces_authz::AppRole;
use devspaces_gate::PlacedApp;
use devspaces_kit::name::{AppName, SpaceName, UserName};
use devspaces_ledger::{
    db::{Conn, Error, UnionSql},
    on,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{app_people, contributor, way};

/// The people with one of these roles on an app by whatever way, after one, in the order of their user names. Those whose
/// roles have ended are among them.
pub(crate) async fn of_app(
    db: &mut Conn,
    app: AppName,
    roles: &[AppRole],
    after: &str,
    limit: i64,
) -> Result<Vec<UserName>, Error> {
    let named = |place: usize| roles.get(place).map_or("", |role| role.name());
    let people: Vec<String> = on!(db, |c| sqlx::query_scalar(
        "SELECT person FROM contributor
         WHERE app = $1 AND person > $2 AND role IN ($4, $5, $6, $7, $8) ORDER BY person LIMIT $3"
    )
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
    let mut holders = app_people::holders(db, app, roles, after, limit).await?;
    holders.extend(people.into_iter().map(UserName::from_stored));
    Ok(first(holders, limit))
}

/// From one person to the next in the index, however many apps each contributes to. Each step gives one row, and so they
/// come in order.
static OF_SPACE: LazyLock<String> = LazyLock::new(|| {
    let next = |after: &str| {
        format!(
            "(SELECT c.person FROM contributor c WHERE c.space = $1 AND c.person > {after}
              ORDER BY c.person LIMIT 1)"
        )
    };
    let (first, following) = (next("$2"), next("held.person"));
    let contributes = contributor::contributes("held.person", "$1", "TRUE");
    format!(
        "WITH RECURSIVE held (person) AS (
           SELECT {first} UNION ALL SELECT {following} FROM held WHERE held.person IS NOT NULL
         )
         SELECT person FROM held WHERE person IS NOT NULL AND {contributes} LIMIT $3"
    )
});

/// The people who may contribute to apps in use of a space by whatever way, after one, in the order of their user names.
pub(crate) async fn of_space(
    db: &mut Conn,
    space: SpaceName,
    after: &str,
    limit: i64,
) -> Result<Vec<UserName>, Error> {
    let people: Vec<String> = on!(db, |c| sqlx::query_scalar(AssertSqlSafe(OF_SPACE.as_str()))
        .bind(space.0)
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await)?;
    let mut holders = app_people::people_in(db, space, after, limit).await?;
    holders.extend(people.into_iter().map(UserName::from_stored));
    Ok(first(holders, limit))
}

/// The first apps of each role are read from the index, and the first of all these are kept.
static NEVER_IN_A_SPACE: LazyLock<UnionSql> = LazyLock::new(|| {
    UnionSql::new(
        3,
        |role| {
            format!(
                "SELECT app FROM contributor
                 WHERE person = $1 AND role = {role} AND space IS NULL AND app > $2 ORDER BY app LIMIT $3"
            )
        },
        "ORDER BY app LIMIT $3",
    )
});

/// As [`NEVER_IN_A_SPACE`].
static IN_SPACES: LazyLock<UnionSql> = LazyLock::new(|| {
    UnionSql::new(
        4,
        |role| {
            format!(
                "SELECT space, app FROM contributor
                 WHERE person = $1 AND role = {role} AND (space, app) > ($2, $3) ORDER BY space, app LIMIT $4"
            )
        },
        "ORDER BY space, app LIMIT $4",
    )
});

/// The first of some lists together, each of which was cut at this limit and so tells of all up to its last.
fn first<T>(together: BTreeSet<T>, limit: i64) -> Vec<T> {
    together.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
}

/// The apps on which a person has one of these roles by whatever way, deleted ones included, after one, in the order of their
/// places.
pub(crate) async fn apps_of(
    db: &mut Conn,
    person: &UserName,
    roles: &[AppRole],
    after: Option<PlacedApp>,
    limit: i64,
) -> Result<Vec<PlacedApp>, Error> {
    let roles: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let mut apps = Vec::new();
    if after.is_none_or(|after| after.space.is_none()) {
        let after = after.map_or(AppName::NIL, |after| after.app);
        apps = never_in_a_space(db, person, &roles, after, limit).await?;
    }
    let left = limit - i64::try_from(apps.len()).unwrap_or(limit);
    if left > 0 {
        let after = after.and_then(|after| Some((after.space?, after.app)));
        let after = after.unwrap_or((SpaceName::NIL, AppName::NIL));
        let through = way::placed(db, person, &roles, after, left).await?;
        let through = through.into_iter().map(|(space, app)| PlacedApp { space: Some(space), app });
        let mut placed: BTreeSet<PlacedApp> = through.collect();
        placed.extend(in_spaces(db, person, &roles, after, left).await?);
        apps.extend(first(placed, left));
    }
    Ok(apps)
}

async fn never_in_a_space(
    db: &mut Conn,
    person: &UserName,
    roles: &[&str],
    after: AppName,
    limit: i64,
) -> Result<Vec<PlacedApp>, Error> {
    let Some((sql, filled)) = NEVER_IN_A_SPACE.fill(roles, &"") else { return Ok(Vec::new()) };
    let ids: Vec<Uuid> = on!(db, |c| {
        let mut query = sqlx::query_scalar(sql).bind(person.id()).bind(after.0).bind(limit);
        for role in filled {
            query = query.bind(*role);
        }
        query.fetch_all(c).await
    })?;
    Ok(ids.into_iter().map(|id| PlacedApp { space: None, app: AppName(id) }).collect())
}

async fn in_spaces(
    db: &mut Conn,
    person: &UserName,
    roles: &[&str],
    (space, app): (SpaceName, AppName),
    limit: i64,
) -> Result<Vec<PlacedApp>, Error> {
    let Some((sql, filled)) = IN_SPACES.fill(roles, &"") else { return Ok(Vec::new()) };
    let rows: Vec<(Uuid, Uuid)> = on!(db, |c| {
        let mut query = sqlx::query_as(sql).bind(person.id()).bind(space.0).bind(app.0).bind(limit);
        for role in filled {
            query = query.bind(*role);
        }
        query.fetch_all(c).await
    })?;
    let placed = |(space, app)| PlacedApp { space: Some(SpaceName(space)), app: AppName(app) };
    Ok(rows.into_iter().map(placed).collect())
}
