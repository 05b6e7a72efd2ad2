//! The messages of a request as they arrive: whole, decompressed, no larger than they may be, and in time. What is kept
//! of a message that is still arriving is what came of it, never what its beginning announces.
use std::{
    collections::HashMap,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use http_body::{Body as HttpBody, Frame};
use prost::bytes::{Buf as _, Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Status, body::Body};

use super::{
    Limits,
    gzip::{self, Encoding, PREFIX, Refused},
};
use crate::{metrics, name::Principal, status::Fault};

/// The messages of one request.
pub(super) struct Messages {
    body: Body,
    encoding: Encoding,
    limit: usize,
    /// What has come of the next message.
    begun: BytesMut,
    /// How long that message is, with its prefix.
    expected: Option<usize>,
}

/// What there is of a request.
enum Progress {
    /// A message with its prefix, not compressed.
    Message(Bytes),
    /// The beginning of a message of so many bytes.
    Announced(usize),
    End,
}

impl Messages {
    /// The messages of a body, none of which may come to more than `limit` bytes.
    pub(super) fn new(body: Body, encoding: Encoding, limit: usize) -> Self {
        Self { body, encoding, limit, begun: BytesMut::new(), expected: None }
    }

    /// The body of a request that has one message, or none, once it is there. Where it comes in pieces, room for it is
    /// waited for.
    pub(super) async fn only(mut self, room: Option<(&Room, &Principal)>) -> Result<Body, Fault> {
        let mut taken = None;
        let message = loop {
            match poll_fn(|context| self.poll_progress(context)).await? {
                Progress::Message(message) => break message,
                Progress::Announced(size) if taken.is_none() => {
                    if let Some((room, caller)) = room {
                        taken = Some(room.take(caller, size).await?);
                    }
                }
                Progress::Announced(_) => {}
                Progress::End => return Ok(Body::empty()),
            }
        };
        match poll_fn(|context| self.poll_progress(context)).await? {
            Progress::End => Ok(Body::new(http_body_util::Full::new(message))),
            _ => Err(Fault::message_malformed()),
        }
    }

    fn poll_progress(&mut self, context: &mut Context<'_>) -> Poll<Result<Progress, Fault>> {
        loop {
            let known = self.expected.is_some();
            if let Some(message) = self.next()? {
                return Poll::Ready(Ok(Progress::Message(message)));
            }
            if let (false, Some(size)) = (known, self.expected) {
                return Poll::Ready(Ok(Progress::Announced(size)));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.add(data);
                    }
                }
                None if self.begun.is_empty() => return Poll::Ready(Ok(Progress::End)),
                Some(Err(_)) | None => return Poll::Ready(Err(Fault::message_malformed())),
            }
        }
    }

    fn add(&mut self, data: Bytes) {
        if self.begun.is_empty() {
            // Most messages come in one piece: nothing is copied then, if nobody else has a part of it.
            self.begun = data.try_into_mut().unwrap_or_else(|data| BytesMut::from(&data[..]));
        } else {
            self.begun.extend_from_slice(&data);
        }
    }

    /// The next message, if it is there as a whole.
    fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some(mut prefix) = self.begun.get(..PREFIX) else { return Ok(None) };
        let (flag, length) = (prefix.get_u8(), prefix.get_u32() as usize);
        if length > self.limit {
            return Err(Fault::message_too_large(self.limit));
        }
        self.expected = Some(PREFIX + length);
        if self.begun.len() < PREFIX + length {
            return Ok(None);
        }
        self.expected = None;
        let message = self.begun.split_to(PREFIX + length).freeze();
        match (flag, self.encoding) {
            (0, _) => Ok(Some(message)),
            (1, Encoding::Gzip) => match gzip::decompressed(&message[PREFIX..], self.limit) {
                Ok(message) => Ok(Some(message)),
                Err(Refused::TooLarge) => Err(Fault::message_too_large(self.limit)),
                Err(Refused::Malformed) => Err(Fault::message_malformed()),
            },
            _ => Err(Fault::message_malformed()),
        }
    }
}

/// For methods that take a stream of messages.
impl HttpBody for Messages {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            return Poll::Ready(match ready!(self.poll_progress(context)) {
                Ok(Progress::Message(message)) => Some(Ok(Frame::data(message))),
                Ok(Progress::Announced(_)) => continue,
                Ok(Progress::End) => None,
                Err(fault) => Some(Err(fault.into())),
            });
        }
    }
}

/// The memory for messages that are still arriving: so much in all, and for each caller a part of it.
pub(super) struct Room {
    all: Arc<Semaphore>,
    callers: Mutex<HashMap<Principal, Arc<Semaphore>>>,
    share: usize,
}

/// Room that is taken.
struct Taken<'a> {
    room: &'a Room,
    caller: &'a Principal,
    permits: Option<[OwnedSemaphorePermit; 2]>,
}

impl Room {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.arriving_bytes)),
            callers: Mutex::default(),
            share: limits.arriving_bytes_per_caller.min(limits.arriving_bytes),
        }
    }

    /// The room of one caller.
    fn of(&self, caller: &Principal) -> Arc<Semaphore> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let own = callers.entry(caller.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.share)));
        Arc::clone(own)
    }

    async fn take<'a>(&'a self, caller: &'a Principal, bytes: usize) -> Result<Taken<'a>, Fault> {
        let bytes = u32::try_from(bytes.min(self.share)).unwrap_or(u32::MAX);
        let mut taken = Taken { room: self, caller, permits: None };
        let own = self.of(caller);
        let own = Self::acquire(own, bytes, "max-arriving-mib-per-caller").await?;
        taken.permits = Some([own, Self::acquire(self.all.clone(), bytes, "max-arriving-mib").await?]);
        Ok(taken)
    }

    /// Takes room once there is some, and counts that it has to be waited for.
    async fn acquire(
        from: Arc<Semaphore>,
        bytes: u32,
        limit: &'static str,
    ) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(permit) = from.clone().try_acquire_many_owned(bytes) {
            return Ok(permit);
        }
        metrics::limited(limit);
        // They are never closed.
        from.acquire_many_owned(bytes).await.map_err(|_| Fault::overloaded())
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.permits = None;
        let mut callers = self.room.callers.lock().unwrap_or_else(PoisonError::into_inner);
        // The map has one, and every other that takes or has taken room another.
        if callers.get(self.caller).is_some_and(|own| Arc::strong_count(own) == 1) {
            callers.remove(self.caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, pin::pin};

    use futures::{FutureExt as _, StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;

    use super::*;

    fn body(parts: &[&'static [u8]]) -> Body {
        let frames: Vec<_> =
            parts.iter().map(|part| Ok::<_, Infallible>(Frame::data(Bytes::from_static(part)))).collect();
        Body::new(StreamBody::new(stream::iter(frames)))
    }

    /// These parts and then nothing, without an end.
    fn stuck(part: &'static [u8]) -> Body {
        let frame = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(part)))]);
        Body::new(StreamBody::new(frame.chain(stream::pending())))
    }

    async fn only(parts: &[&'static [u8]]) -> Result<Bytes, (Code, String)> {
        let messages = Messages::new(body(parts), Encoding::Identity, 8);
        let body = messages.only(None).await.map_err(|fault| (fault.code(), fault.to_string()))?;
        Ok(body.collect().await.expect("a body").to_bytes())
    }

    #[tokio::test]
    async fn a_message_is_the_same_however_it_is_cut() {
        let whole = Ok(Bytes::from_static(b"\0\0\0\0\x03abc"));
        assert_eq!(only(&[b"\0\0\0\0\x03abc"]).await, whole);
        assert_eq!(only(&[b"\0", b"\0\0\0", b"\x03a", b"", b"bc"]).await, whole);
        assert_eq!(only(&[]).await, Ok(Bytes::new()));
        assert_eq!(only(&[b"\0\0\0\0\0"]).await, Ok(Bytes::from_static(&[0; 5])));
    }

    #[tokio::test]
    async fn what_is_no_message_is_malformed_and_what_is_too_large_is_not_awaited() {
        let malformed = |parts: &'static [&'static [u8]]| async move {
            only(parts).await.expect_err("an error").0 == Code::InvalidArgument
        };
        assert!(malformed(&[b"\0\0\0"]).await, "half a prefix");
        assert!(malformed(&[b"\0\0\0\0\x03ab"]).await, "half a message");
        assert!(malformed(&[b"\x07\0\0\0\0"]).await, "a flag that there is not");
        assert!(malformed(&[b"\x01\0\0\0\0"]).await, "compressed, and nobody said how");
        assert!(malformed(&[b"\0\0\0\0\x01a\0\0\0\0\x01b"]).await, "two messages");
        let large = Messages::new(stuck(b"\0\0\0\0\x09"), Encoding::Identity, 8).only(None);
        let fault = large.now_or_never().expect("an answer at once").expect_err("an error");
        assert_eq!(fault.code(), Code::ResourceExhausted);
    }

    // What one caller has begun to send and does not finish must not keep others from sending.
    #[tokio::test]
    async fn a_caller_has_a_share_of_the_room_and_gives_it_back() {
        let limits = Limits { arriving_bytes: 26, arriving_bytes_per_caller: 13, ..Limits::default() };
        let room = Room::new(&limits);
        let (alice, bob) = (Principal::user("alice"), Principal::user("bob"));
        let begun = |caller| {
            let messages = Messages::new(stuck(b"\0\0\0\0\x08"), Encoding::Identity, 8);
            let room = &room;
            async move { messages.only(Some((room, caller))).await }
        };
        let finished = |caller| {
            let messages = Messages::new(body(&[b"\0\0\0\0\x08abcd", b"efgh"]), Encoding::Identity, 8);
            let room = &room;
            async move { messages.only(Some((room, caller))).await.is_ok() }
        };
        {
            let mut stuck = pin!(begun(&alice));
            assert!(futures::poll!(stuck.as_mut()).is_pending());
            assert!(finished(&alice).now_or_never().is_none(), "her share is taken");
            assert!(finished(&bob).await);
        }
        assert!(finished(&alice).await, "there is room again");
        assert!(room.callers.lock().expect("no panic").is_empty(), "nobody is remembered");
    }
}
