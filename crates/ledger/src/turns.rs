//! Turns of writers. Those of one scope go one after another in any case: here they wait without a connection, which
//! in the database each of them would hold until a busy scope had taken them all.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use devspaces_kit::name::Scope;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// The turns of one process. The database's own lock keeps the writers of several processes apart.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Scope, Weak<Turn<()>>>>);

impl Turns {
    /// Waits for one's turn in all of these scopes; it lasts until what is returned is dropped.
    pub(crate) async fn take(&self, scopes: &[Scope]) -> Vec<OwnedMutexGuard<()>> {
        // In one order for everybody: no two can wait for each other.
        let mut sorted = scopes.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut taken = Vec::with_capacity(sorted.len());
        for scope in sorted {
            taken.push(self.turn(scope).lock_owned().await);
        }
        taken
    }

    fn turn(&self, scope: Scope) -> Arc<Turn<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&scope).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() == turns.capacity() {
            // Before the table grows, those go that nobody holds or waits for.
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        turns.insert(scope, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use futures::poll;
    use uuid::Uuid;

    use super::*;

    fn scope(number: u128) -> Scope {
        Scope::Space(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn writers_of_a_scope_wait_for_each_other_and_for_nobody_else() {
        let turns = Turns::default();
        let first = turns.take(&[scope(1), scope(2)]).await;
        let wanted = [scope(2)];
        let mut second = Box::pin(turns.take(&wanted));
        assert!(poll!(&mut second).is_pending());
        turns.take(&[scope(3)]).await;
        drop(first);
        second.await;
    }

    #[tokio::test]
    async fn scopes_may_be_named_twice_and_in_any_order() {
        let turns = Turns::default();
        drop(turns.take(&[scope(2), scope(1), scope(2)]).await);
        assert_eq!(turns.take(&[scope(1), scope(2)]).await.len(), 2);
    }

    #[tokio::test]
    async fn the_table_holds_no_more_than_is_in_use() {
        let turns = Turns::default();
        let held = turns.take(&[scope(0)]).await;
        for number in 1..10_000 {
            turns.take(&[scope(number)]).await;
        }
        assert!(turns.0.lock().expect("the table").len() < 100);
        let wanted = [scope(0)];
        let mut waiting = Box::pin(turns.take(&wanted));
        assert!(poll!(&mut waiting).is_pending(), "what is held stays");
        drop(held);
    }
}
