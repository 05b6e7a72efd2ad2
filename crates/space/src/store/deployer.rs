//! Who can deploy the apps of a space (R-B13).
use std::sync::LazyLock;

use devspaces_authz::AppRole;
use devspaces_kit::name::{SpaceName, UserName};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use sqlx::AssertSqlSafe;

/// The contributor roles that deploy, in the order of the columns of [`DEPLOYERS`].
const ROLES: [AppRole; 3] = [AppRole::Owner, AppRole::Admin, AppRole::Deployer];

/// Someone who can deploy apps of a space: on how many of them, by which role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployer {
    pub(crate) user: UserName,
    pub(crate) roles: Vec<(AppRole, i64)>,
}

/// From one person to the next in the index, however many apps each deploys, and each one's apps counted in another. Each
/// step gives one row, and so they come in order.
static DEPLOYERS: LazyLock<String> = LazyLock::new(|| {
    let next = |after: &str| {
        format!(
            "(SELECT c.person FROM contributor c
              WHERE c.space = $1 AND c.role IN ('OWNER', 'ADMIN', 'DEPLOYER') AND c.person > {after}
              ORDER BY c.person LIMIT 1)"
        )
    };
    let [owned, administered, deployed] = ROLES.map(|role| {
        format!(
            "(SELECT COUNT(*) FROM contributor k
              WHERE k.person = held.person AND k.space = $1 AND k.role = '{}'
                AND (SELECT l.delete_time IS NULL FROM app l WHERE l.id = k.app))",
            role.name()
        )
    });
    let (first, following) = (next("$2"), next("held.person"));
    format!(
        "WITH RECURSIVE held (person) AS (
           SELECT {first} UNION ALL SELECT {following} FROM held WHERE held.person IS NOT NULL
         )
         SELECT person, owned, administered, deployed FROM (
           SELECT held.person, {owned} AS owned, {administered} AS administered, {deployed} AS deployed
           FROM held WHERE held.person IS NOT NULL
         ) AS counted
         WHERE owned + administered + deployed > 0 LIMIT $3"
    )
});

/// The people after one, an encoded id, who can deploy apps in use of a space, in the order of their user names; so many
/// people at most.
pub(crate) async fn list(
    db: &mut Conn,
    space: SpaceName,
    after: &str,
    limit: i64,
) -> Result<Vec<Deployer>, Error> {
    let rows: Vec<(String, i64, i64, i64)> = on!(db, |c| sqlx::query_as(AssertSqlSafe(DEPLOYERS.as_str()))
        .bind(space.0)
        .bind(after)
        .bind(limit)
        .fetch_all(c)
        .await)?;
    let deployer = |(person, owned, administered, deployed)| Deployer {
        user: UserName::from_stored(person),
        roles: ROLES.into_iter().zip([owned, administered, deployed]).filter(|(_, apps)| *apps > 0).collect(),
    };
    Ok(rows.into_iter().map(deployer).collect())
}
