//! Who can deploy the apps of a space (R-B13).
use std::{collections::BTreeSet, sync::LazyLock};

use devspaces_authz::AppRole;
use devspaces_kit::{
    clock::Timestamp,
    name::{SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use sqlx::AssertSqlSafe;

use super::way::{OWN, THROUGH, Way, all_of};

/// The contributor roles that deploy, the highest first.
const ROLES: [AppRole; 3] = [AppRole::Owner, AppRole::Admin, AppRole::Deployer];

/// Someone who can deploy apps of a space: on how many of them, by which role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployer {
    pub(crate) user: UserName,
    pub(crate) roles: Vec<(AppRole, i64)>,
}

/// From one person to the next in the index, however many apps each deploys. Each step gives one row, and so they come in
/// order.
static IN_THEIR_OWN_RIGHT: LazyLock<String> = LazyLock::new(|| {
    let next = |after: &str| {
        format!(
            "(SELECT c.person FROM contributor c
              WHERE c.space = $1 AND c.role IN ('OWNER', 'ADMIN', 'DEPLOYER') AND c.person > {after}
              ORDER BY c.person LIMIT 1)"
        )
    };
    let (first, following) = (next("$2"), next("held.person"));
    format!(
        "WITH RECURSIVE held (person) AS (
           SELECT {first} UNION ALL SELECT {following} FROM held WHERE held.person IS NOT NULL
         )
         SELECT person FROM held WHERE person IS NOT NULL LIMIT $3"
    )
});

static THROUGH_GROUPS: LazyLock<String> = LazyLock::new(|| {
    let part = |way: &Way| {
        let (from, Way { person, space, .. }) = (way.starting_at_person(), way);
        format!(
            "SELECT DISTINCT {person} AS person FROM {from} AND {space} = $1 AND r.role IN ('ADMIN', 'DEPLOYER') AND {person} > $2
             ORDER BY person LIMIT $3"
        )
    };
    let all = all_of(THROUGH.iter().map(part));
    format!("SELECT DISTINCT person FROM ({all}) AS everybody ORDER BY person LIMIT $3")
});

/// Of the people after $2 up to $3, on how many apps in use each has which role as the highest that is current at $4.
static COUNTS: LazyLock<String> = LazyLock::new(|| {
    let part = |way: &Way| {
        let (from, Way { app, person, space, .. }) = (way.starting_at_person(), way);
        format!(
            "SELECT {person} AS person, {app} AS app,
               CASE r.role WHEN 'OWNER' THEN 0 WHEN 'ADMIN' THEN 1 ELSE 2 END AS place
             FROM {from} AND {space} = $1 AND {person} > $2 AND {person} <= $3
               AND r.role IN ('OWNER', 'ADMIN', 'DEPLOYER') AND (r.expire_time IS NULL OR r.expire_time > $4)
               AND (SELECT l.delete_time IS NULL FROM app l WHERE l.id = {app})"
        )
    };
    let held = all_of([&OWN].into_iter().chain(&THROUGH).map(part));
    format!(
        "SELECT person, CAST(place AS BIGINT), COUNT(*) FROM (
           SELECT person, app, MIN(place) AS place FROM ({held}) AS held GROUP BY person, app
         ) AS highest
         GROUP BY person, place ORDER BY person, place"
    )
});

/// The people after one, an encoded id, who can deploy apps in use of a space at a time, in the order of their user names; so
/// many people at most.
pub(crate) async fn list(
    db: &mut Conn,
    space: SpaceName,
    after: &str,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Deployer>, Error> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut deployers, mut after) = (Vec::new(), after.to_owned());
    // Whoever deploys nothing but deleted apps is a candidate, and no deployer.
    while deployers.len() < most {
        let people = candidates(db, space, &after, limit).await?;
        let Some(last) = people.last() else { break };
        deployers.extend(counted(db, space, &after, last, now).await?);
        after.clone_from(last);
        if people.len() < most {
            break;
        }
    }
    deployers.truncate(most);
    Ok(deployers)
}

async fn candidates(db: &mut Conn, space: SpaceName, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    let mut people = BTreeSet::new();
    for sql in [&*IN_THEIR_OWN_RIGHT, &*THROUGH_GROUPS] {
        let found: Vec<String> = on!(db, |c| sqlx::query_scalar(AssertSqlSafe(sql.as_str()))
            .bind(space.0)
            .bind(after)
            .bind(limit)
            .fetch_all(c)
            .await)?;
        people.extend(found);
    }
    // Each list was cut at the limit, so the first of them together are complete.
    Ok(people.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
}

async fn counted(
    db: &mut Conn,
    space: SpaceName,
    after: &str,
    last: &str,
    now: Timestamp,
) -> Result<Vec<Deployer>, Error> {
    let rows: Vec<(String, i64, i64)> = on!(db, |c| sqlx::query_as(AssertSqlSafe(COUNTS.as_str()))
        .bind(space.0)
        .bind(after)
        .bind(last)
        .bind(now)
        .fetch_all(c)
        .await)?;
    let mut deployers: Vec<Deployer> = Vec::new();
    for (person, place, apps) in rows {
        let role = usize::try_from(place).ok().and_then(|place| ROLES.get(place)).copied();
        let Some(role) = role else { continue };
        if let Some(last) = deployers.last_mut().filter(|last| last.user.id() == person) {
            last.roles.push((role, apps));
        } else {
            deployers.push(Deployer { user: UserName::from_stored(person), roles: vec![(role, apps)] });
        }
    }
    Ok(deployers)
}
