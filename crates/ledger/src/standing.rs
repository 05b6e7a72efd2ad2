//! Who is active (R-M12). The membership service decides it, and every other has a copy by an effect: so what a service tells
//! of a person depends on no other.
//!
//! Whatever a person changes holds the person's row until it has committed (`hold`), and a deactivation waits for it: when
//! the deactivation has committed here, nothing that the person began before can commit here any more.
use std::{collections::HashSet, sync::LazyLock};

use devspaces_kit::{
    name::{Scope, UserName},
    status::Fault,
};
use devspaces_proto::facts::v1::SetStanding;
use serde_json::json;
use uuid::Uuid;

use crate::{
    abort::Abort,
    act::Change,
    db::{Conn, Error, RowsSql},
    erasure::{By, Holding},
    on,
    tx::Tx,
};

/// What the table holds of people. Who is deactivated stays so.
pub const HOLDING: Holding = Holding {
    what: "standing of the person",
    by: By::Id,
    count: "SELECT count(*) FROM standing WHERE person = $1",
    erase: Some("DELETE FROM standing WHERE person = $1 AND active"),
    left: Some("SELECT count(*) FROM standing WHERE person = $1 AND NOT active"),
};

/// Whether a person is active.
pub async fn is_active(db: &mut Conn, person: &UserName) -> Result<bool, Error> {
    let active: Option<bool> = on!(db, |c| {
        sqlx::query_scalar("SELECT active FROM standing WHERE person = $1")
            .bind(person.id())
            .fetch_optional(c)
            .await
    })?;
    Ok(active.unwrap_or(true))
}

static DEACTIVATED: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["person"],
        "SELECT s.person FROM wanted w JOIN standing s ON s.person = w.person AND NOT s.active",
    )
});

/// Those of some people who are not active: whom lists mark.
pub async fn deactivated(
    db: &mut Conn,
    people: impl IntoIterator<Item = &UserName>,
) -> Result<HashSet<UserName>, Error> {
    let people: Vec<&UserName> = people.into_iter().collect();
    let found: Vec<(String,)> = DEACTIVATED.fetch_all(db, &people, |person| [person.id().into()]).await?;
    Ok(found.into_iter().map(|(person,)| UserName::from_stored(person)).collect())
}

/// Whether a person is active, who stays so until the transaction ends. For whoever a change depends on beside its caller, who is
/// held in any case.
pub async fn hold(tx: &mut Tx, person: &UserName) -> Result<bool, Error> {
    Ok(on!(tx, |c| {
        sqlx::query_scalar(
            "INSERT INTO standing (person, active) VALUES ($1, TRUE)
             ON CONFLICT (person) DO UPDATE SET active = standing.active RETURNING active",
        )
        .bind(person.id())
        .fetch_one(c)
        .await
    })?)
}

/// A person becomes active, or is it no longer.
#[derive(Clone, Debug)]
pub struct Standing {
    user: UserName,
    active: bool,
    stamp: Uuid,
}

impl Standing {
    /// A change that no other has the stamp of.
    #[must_use]
    pub fn new(user: UserName, active: bool, stamp: Uuid) -> Self {
        Self { user, active, stamp }
    }

    /// What the membership service sent.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` / `MESSAGE_MALFORMED`.
    pub fn read(set: &SetStanding) -> Result<Self, Fault> {
        let parts = set.user.parse().ok().zip(set.stamp.parse().ok());
        let (user, stamp) = parts.ok_or_else(Fault::message_malformed)?;
        Ok(Self { user, active: set.active, stamp })
    }

    /// What the other services are sent.
    #[must_use]
    pub fn to_wire(&self) -> SetStanding {
        SetStanding { user: self.user.to_string(), active: self.active, stamp: self.stamp.to_string() }
    }

    /// Stores it, in a transaction on [`Scope::People`] that has an entry of it. It waits for what the person is changing.
    pub async fn put(&self, tx: &mut Tx) -> Result<(), Error> {
        on!(tx, |c| {
            sqlx::query(
                "INSERT INTO standing (person, active, stamp) VALUES ($1, $2, $3)
                 ON CONFLICT (person) DO UPDATE SET active = excluded.active, stamp = excluded.stamp",
            )
            .bind(self.user.id())
            .bind(self.active)
            .bind(self.stamp)
            .execute(c)
            .await
            .map(drop)
        })
        .map_err(Error::from)
    }

    /// Applies what the membership service sent: with an entry, as every change.
    pub async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        let before = is_active(tx, &self.user).await?;
        let told = |active: bool| json!({ "user": self.user.to_string(), "active": active });
        let change = Change {
            scope: Scope::People,
            resources: vec![self.user.to_string()],
            before: told(before),
            after: told(self.active),
            facts: true,
        };
        tx.record(change).await?;
        Ok(self.put(tx).await?)
    }
}
