use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Deref, DerefMut},
    sync::LazyLock,
};

use devspaces_kit::{clock::Timestamp, name::Scope};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, Effect};
use prost::Message as _;

use crate::{
    act::{Act, Change},
    db::{Conn, Error, Pool, RowsSql},
    etag,
    journal::{self, Draft, Head},
    on,
};

static UNDELIVERED: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "wanted",
        &["scope"],
        "SELECT (SELECT o.scope FROM outbox o WHERE o.scope = w.scope ORDER BY o.sequence LIMIT 1) FROM wanted w",
    )
});

/// A transaction on one or more scopes. It alone writes these scopes until it ends, and it sees their latest state,
/// so invariants are simply checked in it. Dropped, it rolls back.
#[derive(Debug)]
pub struct Tx {
    conn: Conn,
    act: Act,
    heads: BTreeMap<Scope, Head>,
    /// The scopes whose entry is written.
    recorded: BTreeSet<Scope>,
    /// How many parts the effects have so far, by scope and peer.
    emitted: BTreeMap<(Scope, String), i64>,
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

impl Pool {
    /// Begins a transaction on these scopes.
    pub async fn begin(&self, scopes: &[Scope], act: Act) -> Result<Tx, Error> {
        // In one order for everybody: two transactions on the same scopes can't wait for each other.
        let mut sorted = scopes.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut conn = self.transaction().await?;
        let heads = journal::lock(&mut conn, &sorted).await?;
        // One time for all that the transaction judges and writes, and not before what the scopes have seen; unless a clock was
        // wrong then. Only the entries themselves are never stamped earlier than those before them.
        let time = heads.iter().fold(act.time, |time, (_, head)| time.max(act.time.not_before(head.time)));
        let act = Act { time, ..act };
        Ok(Tx {
            conn,
            act,
            heads: heads.into_iter().collect(),
            recorded: BTreeSet::new(),
            emitted: BTreeMap::new(),
        })
    }
}

impl Tx {
    /// Whose transaction this is.
    #[must_use]
    pub fn act(&self) -> &Act {
        &self.act
    }

    /// The time of this transaction: by which it judges what has ended or is due, and what `create_time` and `update_time`
    /// are set to.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.act.time
    }

    /// Writes the journal entry of one scope (R-J1) and returns its [revision](etag::revision), by which the rows know it
    /// that are changed with it. One entry for each scope: a second is a defect.
    pub async fn record(&mut self, change: Change) -> Result<i64, Error> {
        let scope = change.scope;
        self.record_all(&[change]).await?;
        self.revision(scope)
    }

    /// Writes the journal entries of several scopes (R-J1). One entry for each scope: a second is a defect.
    pub async fn record_all(&mut self, changes: &[Change]) -> Result<(), Error> {
        let mut drafts = Vec::with_capacity(changes.len());
        for change in changes {
            if !self.recorded.insert(change.scope) {
                return Err(Error::Defect(sqlx::Error::Configuration(
                    "a scope has two entries of one change".into(),
                )));
            }
            drafts.push(Draft::after(self.head(change.scope)?, &self.act, change));
        }
        journal::append(&mut self.conn, &drafts).await?;
        self.heads.extend(drafts.into_iter().map(|draft| (draft.scope, draft.head)));
        Ok(())
    }

    /// The sequence of a scope's latest entry, that of this transaction if it has recorded one: by which what the entries made
    /// has an order, whatever the clock does.
    pub fn sequence(&self, scope: Scope) -> Result<i64, Error> {
        Ok(self.head(scope)?.sequence)
    }

    /// The [revision](etag::revision) of a scope's latest entry, that of this transaction if it has recorded one.
    pub fn revision(&self, scope: Scope) -> Result<i64, Error> {
        Ok(etag::revision(&self.head(scope)?.hash))
    }

    fn head(&self, scope: Scope) -> Result<&Head, Error> {
        self.heads.get(&scope).ok_or_else(|| {
            Error::Defect(sqlx::Error::Configuration(
                "the scope is not one that the transaction began with".into(),
            ))
        })
    }

    /// Adds what must follow at a peer from the entry that was just recorded of a scope. It is delivered after the
    /// commit, in order, once; never refused. What is added by one call is applied in one transaction there: what is too much
    /// for that is added in parts, by several calls.
    pub async fn emit(&mut self, scope: Scope, peer: &str, effects: Vec<Effect>) -> Result<(), Error> {
        let part = self.emitted.get(&(scope, peer.to_owned())).copied().unwrap_or_default();
        let head = self.head(scope)?;
        let sequence = head.sequence;
        let request = ApplyEffectsRequest {
            // Filled in by Delivery: the service that the effects are for.
            owner: 0,
            scope: scope.to_string(),
            sequence,
            effects,
            actor: self.act.actor.to_string(),
            method: self.act.method.clone(),
            digest: digest_of_part(&head.hash, part),
        };
        on!(self, |c| sqlx::query(
            "INSERT INTO outbox (scope, sequence, peer, part, payload) VALUES ($1, $2, $3, $4, $5)"
        )
        .bind(scope.to_string())
        .bind(sequence)
        .bind(peer)
        .bind(part)
        .bind(request.encode_to_vec())
        .execute(c)
        .await
        .map(drop))?;
        self.emitted.insert((scope, peer.to_owned()), part + 1);
        Ok(())
    }

    /// Whether effects of these scopes' earlier changes are still to be delivered.
    pub(crate) async fn has_undelivered(&mut self) -> Result<bool, Error> {
        let scopes = self.scopes();
        let found: Vec<(Option<String>,)> =
            UNDELIVERED.fetch_all(self, &scopes, |scope| [scope.to_string().into()]).await?;
        Ok(found.iter().any(|(scope,)| scope.is_some()))
    }

    /// Notes that the effects of a sender's change are applied; false if they already were.
    pub(crate) async fn admit(&mut self, sender: &str, change: &ApplyEffectsRequest) -> Result<bool, Error> {
        let admitted = on!(self, |c| {
            sqlx::query(
            "INSERT INTO inbox (sender, scope, sequence, hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        )
        .bind(sender)
        .bind(&change.scope)
        .bind(change.sequence)
        .bind(&change.digest)
        .execute(c)
        .await
        .map(|done| done.rows_affected())
        })?;
        Ok(admitted == 1)
    }

    /// The scopes of this transaction.
    #[must_use]
    pub fn scopes(&self) -> Vec<Scope> {
        self.heads.keys().copied().collect()
    }

    /// Whether this transaction has emitted effects.
    pub(crate) fn has_effects(&self) -> bool {
        !self.emitted.is_empty()
    }

    /// Makes it durable. Afterwards everyone sees it.
    pub async fn commit(self) -> Result<(), Error> {
        self.conn.commit().await
    }

    /// Undoes it.
    pub async fn rollback(self) -> Result<(), Error> {
        self.conn.rollback().await
    }
}

/// By what a receiver knows a part of a change's effects: the first, which most have alone, by the hash of the change's entry.
fn digest_of_part(hash: &[u8], part: i64) -> Vec<u8> {
    match part {
        0 => hash.to_vec(),
        part => [hash, &part.to_be_bytes()].concat(),
    }
}
