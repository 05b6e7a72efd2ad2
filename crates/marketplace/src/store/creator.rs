//! How many vendor profiles a person created (R-S10).
use devspaces_kit::name::UserName;
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

/// Counts a vendor profile that a person creates, unless there are `limit` already; whether it was counted. The person's
/// other creations wait for the end of the transaction.
pub(crate) async fn count(db: &mut Conn, person: &UserName, limit: u32) -> Result<bool, Error> {
    if limit == 0 {
        return Ok(false);
    }
    let counted = on!(db, |c| sqlx::query(
        "INSERT INTO profile_count (person, profiles) VALUES ($1, 1)
         ON CONFLICT (person) DO UPDATE SET profiles = profile_count.profiles + 1
         WHERE profile_count.profiles < $2"
    )
    .bind(person.id())
    .bind(i64::from(limit))
    .execute(c)
    .await
    .map(|done| done.rows_affected()))?;
    Ok(counted > 0)
}
