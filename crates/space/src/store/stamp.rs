//! What stands in the versions of the facts of all apps of a space for what changes for all of them at once: its groups (R-M11),
//! its app groups (R-A11) and what it is suspended for (R-A12).
use devspaces_kit::name::SpaceName;
use devspaces_ledger::{Tx, db::Error, on};
use uuid::Uuid;

/// Makes the facts of all apps of a space others than they were, as the entry that was just recorded of the space did: its place
/// and its hash are the stamp, so that no two changes have one, also not after the database was restored.
pub(crate) async fn renew(tx: &mut Tx, space: SpaceName, revision: i64) -> Result<(), Error> {
    let sequence = tx.sequence(space.into())?;
    let stamp = Uuid::from_u64_pair(sequence.cast_unsigned(), revision.cast_unsigned());
    on!(tx, |c| sqlx::query(
        "INSERT INTO group_stamp (space, stamp) VALUES ($1, $2)
         ON CONFLICT (space) DO UPDATE SET stamp = excluded.stamp"
    )
    .bind(space.0)
    .bind(stamp)
    .execute(c)
    .await
    .map(drop))?;
    Ok(())
}
