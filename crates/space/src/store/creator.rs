//! Who made which space, and how many (R-S10).
use devspaces_kit::name::{SpaceName, UserName};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

/// Counts a space that a person makes, unless `limit` of them exist already; whether it was counted. The person's other
/// creations wait for the end of the transaction.
pub(crate) async fn count(
    db: &mut Conn,
    person: &UserName,
    space: SpaceName,
    limit: u32,
) -> Result<bool, Error> {
    if limit == 0 {
        return Ok(false);
    }
    let counted = on!(db, |c| sqlx::query(
        "INSERT INTO space_count (person, spaces) VALUES ($1, 1)
         ON CONFLICT (person) DO UPDATE SET spaces = space_count.spaces + 1 WHERE space_count.spaces < $2"
    )
    .bind(person.id())
    .bind(i64::from(limit))
    .execute(c)
    .await
    .map(|done| done.rows_affected()))?;
    if counted == 0 {
        return Ok(false);
    }
    on!(db, |c| sqlx::query("INSERT INTO space_creator (space, person) VALUES ($1, $2)")
        .bind(space.0)
        .bind(person.id())
        .execute(c)
        .await
        .map(drop))?;
    Ok(true)
}

/// The space exists no more.
pub(crate) async fn forget(db: &mut Conn, space: SpaceName) -> Result<(), Error> {
    let person: Option<String> =
        on!(db, |c| sqlx::query_scalar("DELETE FROM space_creator WHERE space = $1 RETURNING person")
            .bind(space.0)
            .fetch_optional(c)
            .await)?;
    let Some(person) = person else { return Ok(()) };
    on!(db, |c| sqlx::query("DELETE FROM space_count WHERE person = $1 AND spaces = 1")
        .bind(&person)
        .execute(c)
        .await
        .map(drop))?;
    Ok(on!(db, |c| sqlx::query("UPDATE space_count SET spaces = spaces - 1 WHERE person = $1")
        .bind(&person)
        .execute(c)
        .await
        .map(drop))?)
}
