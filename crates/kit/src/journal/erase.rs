use super::{Stored, personal::Personal};
use crate::{
    db::{Error, Pool},
    name::UserName,
    on,
};

/// Entries that are read at a time.
const PAGE: i64 = 1000;

/// The collections whose names hold people's ids.
const OF_PEOPLE: [&str; 4] = ["users", "members", "contributors", "admins"];

/// Whether a detail is a name of this person: as a user, as a member of a space, …
fn names(detail: &str, id: &str) -> bool {
    let parts: Vec<&str> = detail.split('/').collect();
    parts.windows(2).any(|pair| OF_PEOPLE.contains(&pair[0]) && pair[1] == id)
}

/// Erases a person's names from every entry, and says from how many. The chain holds: it covers digests only (R-J1).
/// E-mail addresses go with the entries that name them: `email` is that person's address, if known.
pub async fn erase(pool: &Pool, person: &UserName, email: Option<&str>) -> Result<u64, Error> {
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
            let Ok(mut personal) = serde_json::from_str::<Personal>(&entry.personal) else { continue };
            let before = personal.clone();
            for detail in &mut personal.0 {
                let is_theirs = |value: &str| names(value, person.id()) || Some(value) == email;
                if detail.as_ref().is_some_and(|detail| is_theirs(&detail.value)) {
                    *detail = None;
                }
            }
            if personal != before {
                on!(db, |c| sqlx::query(
                    "UPDATE journal SET personal = $3 WHERE scope = $1 AND sequence = $2"
                )
                .bind(&entry.scope)
                .bind(entry.sequence)
                .bind(personal.to_json())
                .execute(c)
                .await
                .map(drop))?;
                erased += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-J1
    #[test]
    fn a_person_is_known_by_every_name_and_nobody_else_is() {
        for name in
            ["users/bo", "spaces/x/members/bo", "apps/x/contributors/bo", "vendorProfiles/x/admins/bo"]
        {
            assert!(names(name, "bo"), "{name}");
        }
        for name in ["users/bob", "spaces/bo/members/ann", "services/bo", "bo", "members/ann/bo"] {
            assert!(!names(name, "bo"), "{name}");
        }
    }
}
