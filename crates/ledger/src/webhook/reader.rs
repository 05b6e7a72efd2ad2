//! Reads the journal on and notes what is to be sent, and how far it has read, in one transaction.
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use devspaces_kit::{
    clock::{Clock, Timestamp},
    name::SpaceName,
};
use sha2::{Digest, Sha256};

use super::{Delivery, DeliveryState, Outcome, Webhook, delivery, store};
use crate::{
    db::{Conn, Error, Pool},
    event::{EventType, events, space_of},
    journal::{self, BATCH, Numbered},
    on,
    tx::Tx,
};

/// Notes deliveries for all webhooks of one service.
pub struct Reader {
    pool: Pool,
    clock: Arc<dyn Clock>,
    table: Vec<&'static [EventType]>,
}

/// The webhooks that hear of spaces, as far as they were looked up.
type Hearing = HashMap<Option<SpaceName>, Vec<Webhook>>;

impl Reader {
    /// Reads this database, whose entries make events by these tables.
    #[must_use]
    pub fn new(pool: Pool, clock: Arc<dyn Clock>, table: Vec<&'static [EventType]>) -> Self {
        Self { pool, clock, table }
    }

    /// Reads on for one batch of entries. False if there was nothing to read.
    ///
    /// # Errors
    /// Faults of the database; nothing was noted then, and the batch is read again.
    pub async fn read_on(&self) -> Result<bool, Error> {
        let mut db = self.pool.read().await?;
        if journal::has_unnumbered(&mut db).await? {
            drop(db);
            match journal::number(&self.pool).await {
                // Another numbers them.
                Ok(()) | Err(Error::Contended(_)) => {}
                Err(error) => return Err(error),
            }
            db = self.pool.read().await?;
        }
        let position: i64 =
            on!(db, |c| sqlx::query_scalar("SELECT position FROM webhook_reader").fetch_one(c).await)?;
        if journal::numbered(&mut db, position, 1).await?.is_empty() {
            return Ok(false);
        }
        drop(db);
        self.note_batch().await?;
        Ok(true)
    }

    /// One replica at a time: the others wait for the row, and go on after what was read.
    async fn note_batch(&self) -> Result<(), Error> {
        let mut db = self.pool.transaction().await?;
        let position = lock(&mut db).await?;
        let batch = journal::numbered(&mut db, position, BATCH).await?;
        let Some(last) = batch.last().map(|last| last.position) else { return db.rollback().await };
        let mut hearing = Hearing::new();
        for numbered in &batch {
            self.note(&mut db, numbered, &mut hearing).await?;
        }
        move_to(&mut db, last).await?;
        db.commit().await
    }

    /// Notes the events of one entry, for whoever hears of them.
    async fn note(&self, db: &mut Conn, numbered: &Numbered, hearing: &mut Hearing) -> Result<(), Error> {
        let made = events(&self.table, &numbered.entry);
        let now = self.clock.now();
        for (part, event) in made.iter().enumerate() {
            let nth = made[..part].iter().filter(|earlier| earlier.kind == event.kind).count();
            for webhook in self.hearing(db, numbered, hearing).await? {
                if webhook.create_time > numbered.entry.time
                    || !webhook.types.iter().any(|it| it == event.kind)
                {
                    continue;
                }
                // It is not told of its own end.
                if event.data["webhook"] == webhook.name.to_string() {
                    continue;
                }
                let delivery = self.delivery(&webhook, numbered, (event.kind, nth, part), now);
                delivery::add(db, &delivery, now).await?;
            }
        }
        Ok(())
    }

    /// The webhooks of the entry's space, and those of the platform.
    async fn hearing(
        &self,
        db: &mut Conn,
        numbered: &Numbered,
        hearing: &mut Hearing,
    ) -> Result<Vec<Webhook>, Error> {
        let mut all = Vec::new();
        for space in space_of(&numbered.entry).map(Some).into_iter().chain([None]) {
            let known = match hearing.entry(space) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(store::of_space(db, space).await?),
            };
            all.extend(known.iter().cloned());
        }
        Ok(all)
    }

    fn delivery(
        &self,
        webhook: &Webhook,
        Numbered { position, entry }: &Numbered,
        (kind, nth, part): (&str, usize, usize),
        now: Timestamp,
    ) -> Delivery {
        Delivery {
            webhook: webhook.name.id,
            id: self.clock.new_id(),
            lane: entry.scope.clone(),
            place: (*position, i64::try_from(part).unwrap_or(i64::MAX)),
            entry: Some((entry.scope.clone(), entry.sequence)),
            nth: i64::try_from(nth).unwrap_or(i64::MAX),
            kind: kind.to_owned(),
            event: event_id(&entry.hash, kind, nth),
            state: DeliveryState::Pending,
            attempts: 0,
            last: Outcome::default(),
            last_attempt_time: None,
            next_attempt_time: None,
            event_time: entry.time,
            create_time: now,
        }
    }
}

/// By which receivers know an event: it follows from the entry, so that whoever makes it again calls it the same.
fn event_id(hash: &[u8], kind: &str, nth: usize) -> String {
    let digest = Sha256::new_with_prefix(hash).chain_update(kind).chain_update(nth.to_string()).finalize();
    format!("evt_{}", hex::encode(&digest[..16]))
}

/// The position up to which the journal was read. Until the transaction ends nobody else reads on.
async fn lock(db: &mut Conn) -> Result<i64, Error> {
    Ok(on!(db, |c| sqlx::query_scalar("UPDATE webhook_reader SET position = position RETURNING position")
        .fetch_one(c)
        .await)?)
}

async fn move_to(db: &mut Conn, position: i64) -> Result<(), Error> {
    Ok(on!(db, |c| sqlx::query("UPDATE webhook_reader SET position = $1")
        .bind(position)
        .execute(c)
        .await
        .map(drop))?)
}

/// Before the first webhook is stored: has the journal read from here on. While there were none nobody has read it.
pub async fn begin_reading(tx: &mut Tx) -> Result<(), Error> {
    lock(tx).await?;
    if store::any(tx).await? {
        return Ok(());
    }
    let numbered: i64 =
        on!(tx, |c| sqlx::query_scalar("SELECT position FROM journal_numbering").fetch_one(c).await)?;
    move_to(tx, numbered).await
}
