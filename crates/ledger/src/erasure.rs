//! Erasure of a person: from the journal, from first results, and from what a service's own tables keep of people who
//! are gone (R-J1). What a person has now is not erased but removed first: see decision 0023.
use crate::{
    db::{Error, Pool},
    journal, on, outbox,
    personal::Subject,
    replay,
};

/// What stands where an id was that has been erased: "(erased)", as ids are encoded. It is nobody's.
pub const ERASED: &str = "%28erased%29";

/// By what rows are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `$1` is the person's encoded id.
    Id,
    /// `$1` is the person's e-mail address; looked for if it is given.
    Email,
}

/// What a service's own table holds of people.
#[derive(Clone, Copy, Debug)]
pub struct Holding {
    /// What the rows are, in the plural.
    pub what: &'static str,
    /// By what they are found.
    pub by: By,
    /// How many there are.
    pub count: &'static str,
    /// What takes the person out of them. None: they are what the person has now, and are removed by the API.
    pub erase: Option<&'static str>,
    /// How many of them `erase` leaves for a while. None: it leaves none.
    pub left: Option<&'static str>,
}

/// How much there was of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What, in the plural.
    pub what: &'static str,
    /// How many rows.
    pub rows: u64,
    /// Whether it is still there, as it can't be erased.
    pub stays: bool,
}

/// Erases a person from a service's database; a preview only tells what there is to erase and what would stay.
pub async fn erase(
    pool: &Pool,
    held: &[Holding],
    subject: &Subject,
    preview: bool,
) -> Result<Vec<Found>, Error> {
    let found = |what, rows, stays| Found { what, rows, stays };
    let mut all = vec![
        found("entries of the journal", journal::erase(pool, subject, preview).await?, false),
        found("first results", replay::erase(pool, subject, preview).await?, false),
        found("effects that are yet to be delivered", outbox::naming(pool, subject).await?, true),
    ];
    for holding in held {
        let key = match holding.by {
            By::Id => subject.person.id(),
            By::Email => match &subject.email {
                Some(email) => email,
                None => continue,
            },
        };
        let (erased, left) = match holding.erase {
            None => (0, count(pool, holding.count, key).await?),
            Some(_) if preview => {
                let left = match holding.left {
                    Some(query) => count(pool, query, key).await?,
                    None => 0,
                };
                (count(pool, holding.count, key).await?.saturating_sub(left), left)
            }
            // A service may be at work on the same rows: what was erased is what the statement says it was.
            Some(statement) => (run(pool, statement, key).await?, count(pool, holding.count, key).await?),
        };
        all.push(found(holding.what, erased, false));
        all.push(found(holding.what, left, true));
    }
    Ok(all.into_iter().filter(|found| found.rows > 0).collect())
}

async fn count(pool: &Pool, query: &'static str, key: &str) -> Result<u64, Error> {
    let mut db = pool.read().await?;
    let rows: i64 = on!(db, |c| sqlx::query_scalar(query).bind(key).fetch_one(c).await)?;
    Ok(rows.unsigned_abs())
}

/// How many rows it changed.
async fn run(pool: &Pool, statement: &'static str, key: &str) -> Result<u64, Error> {
    let mut db = pool.write().await?;
    Ok(on!(db, |c| sqlx::query(statement).bind(key).execute(c).await.map(|done| done.rows_affected()))?)
}

#[cfg(test)]
mod tests {
    use sqlx::raw_sql;

    use super::*;
    use crate::db::{SCHEMA, migrate};
    use devspaces_kit::name::UserName;

    const ROWS: Holding = Holding {
        what: "rows",
        by: By::Id,
        count: "SELECT count(*) FROM held WHERE person = $1",
        erase: Some("DELETE FROM held WHERE person = $1 AND open = 0"),
        left: Some("SELECT count(*) FROM held WHERE person = $1 AND open = 1"),
    };

    // R-J1
    #[tokio::test]
    async fn a_preview_tells_what_will_stay_as_the_erasure_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("x.db").display());
        let pool = Pool::open(&url).await.expect("a database");
        migrate(&pool, SCHEMA).await.expect("migrated");
        let Pool::Sqlite { write, .. } = &pool else { panic!("it is SQLite") };
        let rows = "CREATE TABLE held (person TEXT, open INTEGER);
            INSERT INTO held VALUES ('bob', 0), ('bob', 0), ('bob', 1), ('bobby', 0)";
        raw_sql(rows).execute(write).await.expect("done");
        let bob = Subject { person: UserName::from_stored("bob".to_owned()), email: None };
        let [gone, stays] = [(2, false), (1, true)].map(|(rows, stays)| Found { what: "rows", rows, stays });
        for (preview, expected) in
            [(true, vec![gone, stays]), (false, vec![gone, stays]), (true, vec![stays])]
        {
            let found = erase(&pool, &[ROWS], &bob, preview).await.expect("found");
            assert_eq!(found, expected, "preview: {preview}");
        }
        pool.close().await;
    }
}
