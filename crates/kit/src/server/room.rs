//! The memory for messages that come in pieces. No caller may have more of it than half of what is left for the others:
//! of 64 MiB two that send something and do not finish it can have 16 MiB each, the next 10.7 MiB, and behind six of them
//! there are 6.3 MiB left ("dynamic thresholds", A. K. Choudhury and E. L. Hahne, 1998).
use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, Semaphore};

use super::{Limit, Limits};
use crate::{metrics, name::Principal, status::Fault};

/// How many times as much must be left for others as one caller has.
const OTHERS: usize = 2;

/// The memory for messages.
pub(super) struct Room {
    state: Mutex<State>,
    freed: Notify,
    /// As much as a caller may have, whatever is left.
    share: usize,
}

struct State {
    left: usize,
    /// What each caller has, who has something.
    callers: HashMap<Principal, usize>,
}

/// Room that is taken, until this is dropped.
pub(super) struct Taken {
    room: Arc<Room>,
    caller: Principal,
    bytes: usize,
}

impl Room {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let state = State { left: limits.arriving_bytes, callers: HashMap::new() };
        Arc::new(Self {
            state: Mutex::new(state),
            freed: Notify::new(),
            // More can't be had, since so much must be left.
            share: limits.arriving_bytes_per_caller.min(limits.arriving_bytes / (1 + OTHERS)),
        })
    }

    /// Takes room for a message, once there is some. One that is larger than what a caller may have takes all of that.
    /// While it is waited for nothing is read of the message, for which the connection has so many places.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if there is neither room nor such a place.
    pub(super) async fn take(
        self: &Arc<Self>,
        caller: &Principal,
        bytes: usize,
        unread: &Arc<Semaphore>,
    ) -> Result<Taken, Fault> {
        let bytes = bytes.min(self.share);
        let mut waiting = None;
        loop {
            let mut freed = pin!(self.freed.notified());
            // What is given back from now on is noticed.
            freed.as_mut().enable();
            match self.try_take(caller, bytes) {
                Ok(()) => return Ok(Taken { room: Arc::clone(self), caller: caller.clone(), bytes }),
                Err(limit) if waiting.is_none() => {
                    metrics::limited(limit);
                    let place = unread.clone().try_acquire_owned();
                    waiting = Some(place.map_err(|_| limit.fault())?);
                }
                Err(_) => {}
            }
            freed.await;
        }
    }

    /// # Errors
    /// The limit that there is.
    fn try_take(&self, caller: &Principal, bytes: usize) -> Result<(), Limit> {
        let mut state = self.state();
        let own = state.callers.get(caller).copied().unwrap_or_default() + bytes;
        if own > self.share {
            return Err(Limit::CallerArriving);
        }
        let left =
            state.left.checked_sub(bytes).filter(|left| own * OTHERS <= *left).ok_or(Limit::Arriving)?;
        state.left = left;
        state.callers.insert(caller.clone(), own);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = self.room.state();
        state.left += self.bytes;
        let own = state.callers.get(&self.caller).copied().unwrap_or_default();
        match own.saturating_sub(self.bytes) {
            0 => state.callers.remove(&self.caller),
            own => state.callers.insert(self.caller.clone(), own),
        };
        drop(state);
        self.room.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::status::Reason;

    fn room(all: usize, share: usize) -> Arc<Room> {
        Room::new(&Limits { arriving_bytes: all, arriving_bytes_per_caller: share, ..Limits::default() })
    }

    fn take(room: &Arc<Room>, caller: &str, bytes: usize) -> Option<Taken> {
        let unread = Arc::new(Semaphore::new(1));
        room.take(&Principal::user(caller), bytes, &unread).now_or_never()?.ok()
    }

    #[test]
    fn a_caller_has_a_share_of_the_room_and_gives_it_back() {
        let room = room(640, 16);
        let begun = take(&room, "alice", 10).expect("room");
        assert!(take(&room, "alice", 10).is_none() && take(&room, "alice", 6).is_some());
        assert!(take(&room, "bob", 10).is_some());
        drop(begun);
        assert!(take(&room, "alice", 100).is_some(), "what is too large has a share");
        assert!(room.state().callers.is_empty() && room.state().left == 640, "nobody is remembered");
    }

    // What callers have begun to send and do not finish must not keep others from sending.
    #[test]
    fn behind_ten_callers_who_take_what_they_can_there_is_room_for_the_next() {
        let room = room(6400, 1600);
        let mut held = Vec::new();
        for caller in 0..11 {
            let before = held.len();
            held.extend(std::iter::from_fn(|| take(&room, &format!("u{caller}"), 10)));
            assert!(held.len() > before, "{caller}");
        }
    }

    #[tokio::test]
    async fn who_waits_for_room_goes_on_when_there_is_some() {
        let room = room(640, 16);
        let begun = take(&room, "alice", 16).expect("room");
        let alice = Principal::user("alice");
        let unread = Arc::new(Semaphore::new(1));
        let mut waiting = pin!(room.take(&alice, 16, &unread));
        assert!(futures::poll!(&mut waiting).is_pending());
        let refused = room.take(&alice, 16, &unread).await.err().expect("a refusal");
        assert_eq!(refused.reason(), Reason::CallerLimited, "as many as a connection may leave unread");
        drop(begun);
        waiting.await.expect("room");
    }
}
