use super::{Stored, personal::Personal};
use crate::{
    db::{Error, Pool},
    on,
    personal::Subject,
};

/// Entries that are read at a time.
const PAGE: i64 = 1000;

/// Erases a person's name, and the names of what is theirs, from every entry, and says from how many; a preview only says
/// so. The chain holds: it covers digests only (R-J1).
pub(crate) async fn erase(pool: &Pool, subject: &Subject, preview: bool) -> Result<u64, Error> {
    let (mut scope, mut sequence, mut erased) = (String::new(), 0, 0);
    loop {
        let mut db = pool.write().await?;
        let page: Vec<Stored> = on!(db, |c| sqlx::query_as(
            "SELECT scope, sequence, time, content, personal, hash FROM journal
             WHERE (scope, sequence) > ($1, $2) ORDER BY scope, sequence LIMIT $3"
        )
        .bind(&scope)
        .bind(sequence)
        .bind(PAGE)
        .fetch_all(c)
        .await)?;
        let Some(last) = page.last() else { return Ok(erased) };
        (scope, sequence) = (last.scope.clone(), last.sequence);
        for entry in &page {
            let Some(personal) = without(&entry.personal, subject) else { continue };
            erased += 1;
            if !preview {
                on!(db, |c| sqlx::query(
                    "UPDATE journal SET personal = $3 WHERE scope = $1 AND sequence = $2"
                )
                .bind(&entry.scope)
                .bind(entry.sequence)
                .bind(personal.to_json())
                .execute(c)
                .await
                .map(drop))?;
            }
        }
    }
}

/// The details of an entry without those that tell of this person; none if none does.
fn without(stored: &str, subject: &Subject) -> Option<Personal> {
    let mut personal = serde_json::from_str::<Personal>(stored).ok()?;
    let before = personal.clone();
    for detail in &mut personal.0 {
        if detail.as_ref().is_some_and(|detail| subject.is_named_by(&detail.value)) {
            *detail = None;
        }
    }
    (personal != before).then_some(personal)
}
