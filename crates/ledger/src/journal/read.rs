use devspaces_kit::clock::Timestamp;

use super::{Entry, Stored};
use crate::{
    db::{Conn, Error},
    on,
};

/// How many bytes a place has in a page token.
pub const PLACE: usize = 16;

/// A place in a scope's journal: entries are read that come after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    time: Timestamp,
    sequence: i64,
}

impl Place {
    /// Before the first entry of this time or later.
    #[must_use]
    pub fn before(time: Timestamp) -> Self {
        Self { time, sequence: 0 }
    }

    /// Right after an entry.
    #[must_use]
    pub fn after(entry: &Entry) -> Self {
        Self { time: entry.time, sequence: entry.sequence }
    }

    /// As bytes, for page tokens.
    #[must_use]
    pub fn to_bytes(self) -> [u8; PLACE] {
        let mut bytes = [0; PLACE];
        let (time, sequence) = bytes.split_at_mut(PLACE / 2);
        time.copy_from_slice(&self.time.micros().to_be_bytes());
        sequence.copy_from_slice(&self.sequence.to_be_bytes());
        bytes
    }

    /// The place that gave these bytes. Of any other bytes, some place.
    #[must_use]
    pub fn from_bytes(bytes: [u8; PLACE]) -> Self {
        let half = |from: usize| i64::from_be_bytes(std::array::from_fn(|index| bytes[from + index]));
        Self { time: Timestamp::from_micros(half(0)), sequence: half(PLACE / 2) }
    }
}

/// The entries of a scope after a place and before a time, in their order, at most `limit` of them.
pub async fn entries(
    db: &mut Conn,
    scope: &str,
    after: Place,
    before: Option<Timestamp>,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let before = before.unwrap_or(Timestamp::from_micros(i64::MAX));
    // By time first, so that the index on it serves every span. The order is that of the sequence all the same.
    let stored: Vec<Stored> = on!(db, |c| sqlx::query_as(
        "SELECT scope, sequence, time, content, personal, hash FROM journal
         WHERE scope = $1 AND (time, sequence) > ($2, $3) AND time < $4 ORDER BY time, sequence LIMIT $5"
    )
    .bind(scope)
    .bind(after.time)
    .bind(after.sequence)
    .bind(before)
    .bind(limit)
    .fetch_all(c)
    .await)?;
    Ok(stored.into_iter().map(Entry::from).collect())
}

/// The sequence of a scope's last entry before a time; 0 if there is none.
pub async fn last_before(db: &mut Conn, scope: &str, time: Timestamp) -> Result<i64, Error> {
    let last: Option<i64> = on!(db, |c| {
        sqlx::query_scalar(
            "SELECT sequence FROM journal WHERE scope = $1 AND time < $2 ORDER BY time DESC, sequence DESC LIMIT 1",
        )
        .bind(scope)
        .bind(time)
        .fetch_optional(c)
        .await
    })?;
    Ok(last.unwrap_or_default())
}

/// An entry of a scope, if there is one.
pub async fn entry(db: &mut Conn, scope: &str, sequence: i64) -> Result<Option<Entry>, Error> {
    let stored: Option<Stored> = on!(db, |c| {
        sqlx::query_as(
        "SELECT scope, sequence, time, content, personal, hash FROM journal WHERE scope = $1 AND sequence = $2"
    )
    .bind(scope)
    .bind(sequence)
    .fetch_optional(c)
    .await
    })?;
    Ok(stored.map(Entry::from))
}

/// Before the entry of a scope that has this sequence; behind all of them if the journal does not reach so far.
pub async fn place_of(db: &mut Conn, scope: &str, sequence: i64) -> Result<Place, Error> {
    if sequence <= 1 {
        return Ok(Place::before(Timestamp::EPOCH));
    }
    let time: Option<Timestamp> = on!(db, |c| {
        sqlx::query_scalar("SELECT time FROM journal WHERE scope = $1 AND sequence = $2")
            .bind(scope)
            .bind(sequence - 1)
            .fetch_optional(c)
            .await
    })?;
    let time = time.unwrap_or(Timestamp::from_micros(i64::MAX));
    Ok(Place { time, sequence: sequence - 1 })
}

/// The scopes after `after` that have entries, in the order of their names, at most `limit` of them.
pub async fn scopes(db: &mut Conn, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    Ok(on!(db, |c| sqlx::query_scalar(
        "SELECT DISTINCT scope FROM journal WHERE scope > $1 ORDER BY scope LIMIT $2"
    )
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_what_its_bytes_say() {
        let place = Place { time: Timestamp::from_micros(1_700_000_000_123_456), sequence: 7 };
        assert_eq!(Place::from_bytes(place.to_bytes()), place);
    }
}
