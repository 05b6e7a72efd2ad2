//! Who ceased to be a member while e-mail addresses were invited (R-M5).
use devspaces_kit::{
    clock::Timestamp,
    name::{MemberName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

/// Notes it of the invitations to addresses that were made before `end`, if there are any: whose address is invited is not
/// known until somebody accepts.
pub(crate) async fn note(db: &mut Conn, name: &MemberName, end: Timestamp) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "INSERT INTO departed (space, person, made)
         SELECT space, $2, max(made) FROM invitation
         WHERE space = $1 AND state = 'PENDING' AND email IS NOT NULL AND create_time <= $3
         GROUP BY space
         ON CONFLICT (space, person) DO UPDATE SET
           made = CASE WHEN excluded.made > departed.made THEN excluded.made ELSE departed.made END"
    )
    .bind(name.space.0)
    .bind(name.user.id())
    .bind(end)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Up to which journal entry invitations were made that are not good for somebody; 0 if there are none.
pub(crate) async fn until(db: &mut Conn, name: &MemberName) -> Result<i64, Error> {
    let made: Option<i64> =
        on!(db, |c| sqlx::query_scalar("SELECT made FROM departed WHERE space = $1 AND person = $2")
            .bind(name.space.0)
            .bind(name.user.id())
            .fetch_optional(c)
            .await)?;
    Ok(made.unwrap_or_default())
}

/// Forgets those of a space who departed before all pending invitations to addresses in it were made.
pub(crate) async fn forget(db: &mut Conn, space: SpaceName) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "DELETE FROM departed WHERE space = $1 AND NOT EXISTS
           (SELECT 1 FROM invitation i WHERE i.space = departed.space AND i.state = 'PENDING'
              AND i.email IS NOT NULL AND i.made <= departed.made)"
    )
    .bind(space.0)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Forgets all of a space that is gone.
pub(crate) async fn remove_all(db: &mut Conn, space: SpaceName) -> Result<(), Error> {
    on!(db, |c| sqlx::query("DELETE FROM departed WHERE space = $1")
        .bind(space.0)
        .execute(c)
        .await
        .map(drop))?;
    Ok(())
}
