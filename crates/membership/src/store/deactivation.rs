//! The table of deactivations (R-M12).
use devspaces_kit::{clock::Timestamp, name::UserName};
use devspaces_ledger::{
    db::{Conn, Error},
    on,
};

use crate::domain::{Activity, Standing};

#[derive(Debug, sqlx::FromRow)]
struct Row {
    person: String,
    state: String,
    reason: String,
    update_time: Timestamp,
}

impl TryFrom<Row> for Standing {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let activity = Activity::ALL.into_iter().find(|activity| activity.name() == row.state);
        let undecodable =
            || Error::from(sqlx::Error::Decode("an unknown state of a person is stored".into()));
        Ok(Self {
            person: UserName::from_stored(row.person),
            activity: activity.ok_or_else(undecodable)?,
            reason: row.reason,
            update_time: row.update_time,
        })
    }
}

/// How a person stands, unless there never was a change.
pub(crate) async fn find(db: &mut Conn, person: &UserName) -> Result<Option<Standing>, Error> {
    let row: Option<Row> = on!(db, |c| {
        sqlx::query_as("SELECT person, state, reason, update_time FROM deactivation WHERE person = $1")
            .bind(person.id())
            .fetch_optional(c)
            .await
    })?;
    row.map(Standing::try_from).transpose()
}

/// Those who were deactivated by then and can still be reactivated with all that they held, the first first.
pub(crate) async fn due(db: &mut Conn, by: Timestamp, limit: i64) -> Result<Vec<UserName>, Error> {
    let people: Vec<String> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT person FROM deactivation WHERE state = 'DEACTIVATED' AND update_time <= $1
             ORDER BY update_time LIMIT $2",
        )
        .bind(by)
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(people.into_iter().map(UserName::from_stored).collect())
}

/// Those whose removal goes on.
pub(crate) async fn removing(db: &mut Conn, limit: i64) -> Result<Vec<UserName>, Error> {
    let people: Vec<String> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT person FROM deactivation WHERE state = 'REMOVING' ORDER BY person LIMIT $1",
        )
        .bind(limit)
        .fetch_all(c)
        .await
    })?;
    Ok(people.into_iter().map(UserName::from_stored).collect())
}

/// Stores how a person stands.
pub(crate) async fn put(db: &mut Conn, standing: &Standing) -> Result<(), Error> {
    on!(db, |c| {
        sqlx::query(
            "INSERT INTO deactivation (person, state, reason, update_time) VALUES ($1, $2, $3, $4)
             ON CONFLICT (person) DO UPDATE SET state = excluded.state, reason = excluded.reason,
               update_time = excluded.update_time",
        )
        .bind(standing.person.id())
        .bind(standing.activity.name())
        .bind(&standing.reason)
        .bind(standing.update_time)
        .execute(c)
        .await
        .map(drop)
    })?;
    Ok(())
}
