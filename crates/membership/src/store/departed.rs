//! Who ceased to be a member while e-mail addresses were invited (R-M5).
use devspaces_kit::{
    clock::Timestamp,
    name::{MemberName, SpaceName},
};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

/// Notes it, if it can matter: whose address is invited is not known until somebody accepts.
pub(crate) async fn note(db: &mut Conn, name: &MemberName, now: Timestamp) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "INSERT INTO departed (space, person, time)
         SELECT $1, $2, $3
         WHERE EXISTS (SELECT 1 FROM invitation WHERE space = $1 AND state = 'PENDING' AND email IS NOT NULL)
         ON CONFLICT (space, person) DO UPDATE SET time = excluded.time"
    )
    .bind(name.space.0)
    .bind(name.user.id())
    .bind(now)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// When somebody last ceased to be a member, if that can matter to an invitation.
pub(crate) async fn time(db: &mut Conn, name: &MemberName) -> Result<Option<Timestamp>, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("SELECT time FROM departed WHERE space = $1 AND person = $2")
        .bind(name.space.0)
        .bind(name.user.id())
        .fetch_optional(c)
        .await)?)
}

/// Forgets those of a space who departed before all pending invitations to addresses in it were made.
pub(crate) async fn forget(db: &mut Conn, space: SpaceName) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "DELETE FROM departed WHERE space = $1 AND NOT EXISTS
           (SELECT 1 FROM invitation i WHERE i.space = departed.space AND i.state = 'PENDING'
              AND i.email IS NOT NULL AND i.create_time <= departed.time)"
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
