//! Who ceased to be a member of a space (R-M5).
use devspaces_kit::name::SpaceName;
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

/// Notes that a person is no member any more, from this change of membership on.
pub(crate) async fn put(db: &mut Conn, space: SpaceName, person: &str, sequence: i64) -> Result<(), Error> {
    on!(db, |c| sqlx::query(
        "INSERT INTO departure (space, person, sequence) VALUES ($1, $2, $3)
         ON CONFLICT (space, person) DO UPDATE SET sequence = excluded.sequence"
    )
    .bind(space.0)
    .bind(person)
    .bind(sequence)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}

/// Whether a person ceased to be a member by a change later than this one.
pub(crate) async fn is_later_than(
    db: &mut Conn,
    space: SpaceName,
    person: &str,
    sequence: i64,
) -> Result<bool, Error> {
    let found: Option<i64> = on!(db, |c| sqlx::query_scalar(
        "SELECT sequence FROM departure WHERE space = $1 AND person = $2 AND sequence > $3"
    )
    .bind(space.0)
    .bind(person)
    .bind(sequence)
    .fetch_optional(c)
    .await)?;
    Ok(found.is_some())
}
