use super::{
    Stored,
    personal::{Personal, names},
};
use crate::{
    db::{Error, Pool},
    name::UserName,
    on,
};

/// Entries that are read at a time.
const PAGE: i64 = 1000;

/// Erases a person's name, and the names of what is theirs, from every entry, and says from how many. The chain holds:
/// it covers digests only (R-J1). E-mail addresses go with the entries that name them: `email` is that person's
/// address, if known.
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
                let is_theirs =
                    |value: &str| names(value, person) || email.is_some_and(|email| is_at(value, email));
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

/// Whether a detail is this address, by itself or after the name of whom it is: `Ann <ann@example.com>`.
fn is_at(detail: &str, email: &str) -> bool {
    detail == email || detail.strip_suffix('>').is_some_and(|named| named.ends_with(&format!("<{email}")))
}

#[cfg(test)]
mod tests {
    use super::is_at;

    // R-J1: a contact of a vendor profile is one detail, with the name of whom it is.
    #[test]
    fn an_address_is_found_with_and_without_a_name_and_no_other_is() {
        let ann = "ann@example.com";
        for theirs in [ann, "Ann Example <ann@example.com>", "<ann@example.com>"] {
            assert!(is_at(theirs, ann), "{theirs}");
        }
        for others in [
            "joann@example.com",
            "Jo <joann@example.com>",
            "Ann <ann@example.com.example>",
            "Ann ann@example.com",
        ] {
            assert!(!is_at(others, ann), "{others}");
        }
    }
}
