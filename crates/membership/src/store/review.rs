//! The member table, as a review reads it (R-M13).
use devspaces_kit::{
    clock::Timestamp,
    name::{MemberName, SpaceName, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};
use sqlx::AssertSqlSafe;

use super::member::{self, Row};
use crate::domain::Member;

/// Which members a review asks for.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) space: SpaceName,
    /// The person's id after whom the page begins.
    pub(crate) after: &'a str,
    /// Only this person.
    pub(crate) user: Option<&'a UserName>,
    /// Only those whose role ends before this time.
    pub(crate) ends_before: Option<Timestamp>,
    /// Only those whose role makes them viewers of every app (R-A4).
    pub(crate) viewing: bool,
    pub(crate) limit: i64,
}

/// Members in the order of their user names, without those whose role has expired by `now`.
pub(crate) async fn list(db: &mut Conn, page: &Page<'_>, now: Timestamp) -> Result<Vec<Member>, Error> {
    match page.user {
        Some(user) => {
            let name = MemberName { space: page.space, user: user.clone() };
            let found = member::find(db, &name, now).await?;
            Ok(found.into_iter().filter(|member| is_of(member, page)).collect())
        }
        None => list_all(db, page, now).await,
    }
}

fn is_of(member: &Member, page: &Page<'_>) -> bool {
    let membership = member.membership;
    let ends = |before| membership.expire_time.is_some_and(|end| end < before);
    member.name.user.id() > page.after
        && (!page.viewing || membership.views_all_apps())
        && page.ends_before.is_none_or(ends)
}

async fn list_all(db: &mut Conn, page: &Page<'_>, now: Timestamp) -> Result<Vec<Member>, Error> {
    // A text for each kind of question, so that each has an index that gives its order.
    let viewing = if page.viewing { "AND (role <> 'DEVELOPER' OR view_all_apps)" } else { "" };
    let ending =
        if page.ends_before.is_some() { "AND expire_time IS NOT NULL AND expire_time < $5" } else { "" };
    let sql = AssertSqlSafe(format!(
        "SELECT space, person, role, view_all_apps, expire_time, emergency, role_time, create_time, update_time, revision
         FROM member
         WHERE space = $1 AND person > $2 AND (expire_time IS NULL OR expire_time > $3) {viewing} {ending}
         ORDER BY person LIMIT $4"
    ));
    let rows: Vec<Row> = on!(db, |c| {
        let query = sqlx::query_as(sql).bind(page.space.0).bind(page.after).bind(now).bind(page.limit);
        match page.ends_before {
            Some(before) => query.bind(before).fetch_all(c).await,
            None => query.fetch_all(c).await,
        }
    })?;
    rows.into_iter().map(Member::try_from).collect()
}
