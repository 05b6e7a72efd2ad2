//! The messages of a request as they arrive: whole, no larger than they may be, and in time. What is kept of a message
//! that is still arriving is what came of it, never what its beginning announces.
use std::{
    error::Error as _,
    future::{Future as _, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http_body::{Body as HttpBody, Frame};
use prost::bytes::{Buf as _, Bytes, BytesMut};
use tokio::sync::Semaphore;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::{Status, body::Body};

use super::{
    fields,
    gzip::{self, Encoding, PREFIX, Refused},
    keeps::Permits,
    room::{Room, Taken},
};
use crate::{name::Principal, status::Fault};

/// Where a message has room while it comes in pieces.
pub(super) struct Arriving<'a> {
    pub(super) room: &'a Arc<Room>,
    pub(super) caller: &'a Principal,
    /// The places for requests of the same connection that nothing is read of for now.
    pub(super) unread: &'a Arc<Semaphore>,
}

/// The messages of one request.
pub(super) struct Messages {
    body: Body,
    encoding: Encoding,
    limit: usize,
    /// What has come of the next message.
    begun: BytesMut,
    /// How long that message is, with its prefix.
    expected: Option<usize>,
    /// Ends them.
    unanswered: Option<(Pin<Box<WaitForCancellationFutureOwned>>, Permits)>,
}

/// What there is of a request.
enum Progress {
    /// A message with its prefix.
    Message(Bytes),
    /// The beginning of a message of so many bytes.
    Announced(usize),
    End,
}

impl Messages {
    /// The messages of a body, none of which may come to more than `limit` bytes.
    pub(super) fn new(body: Body, encoding: Encoding, limit: usize) -> Self {
        Self { body, encoding, limit, begun: BytesMut::new(), expected: None, unanswered: None }
    }

    /// Has them end once nobody waits for answers any more. Whoever reads them has this place until then.
    pub(super) fn until(mut self, unanswered: WaitForCancellationFutureOwned, place: Permits) -> Self {
        self.unanswered = Some((Box::pin(unanswered), place));
        self
    }

    /// The body of a request that has one message, or none, once it is there. Where it comes in pieces, room for it is
    /// waited for, which it has until it is read.
    pub(super) async fn only(mut self, room: Option<Arriving<'_>>) -> Result<Body, Fault> {
        let mut taken = None;
        let message = loop {
            match poll_fn(|context| self.poll_progress(context)).await? {
                Progress::Message(message) => break message,
                Progress::Announced(size) if taken.is_none() => {
                    if let Some(Arriving { room, caller, unread }) = &room {
                        taken = Some(room.take(caller, size, unread).await?);
                    }
                }
                Progress::Announced(_) => {}
                Progress::End => return Ok(Body::empty()),
            }
        };
        match poll_fn(|context| self.poll_progress(context)).await? {
            Progress::End => Ok(Body::new(Arrived { message: Some((message, taken)), limit: self.limit })),
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
                // Who called has gone, and so will the call: there is nobody to be told of a fault.
                Some(Err(error)) if hung_up(&error) => return Poll::Pending,
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
        if !matches!((flag, self.encoding), (0, _) | (1, Encoding::Gzip)) {
            return Err(Fault::message_malformed());
        }
        self.expected = Some(PREFIX + length);
        if self.begun.len() < PREFIX + length {
            return Ok(None);
        }
        self.expected = None;
        Ok(Some(self.begun.split_to(PREFIX + length).freeze()))
    }
}

/// Whether the client has ended the request before its end.
pub(super) fn hung_up(error: &Status) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.is::<hyper::Error>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// A message with its prefix, decompressed, and with no more fields than are answered.
fn plain(message: Bytes, limit: usize) -> Result<Bytes, Fault> {
    let message = if message[0] == 0 {
        message
    } else {
        gzip::decompressed(&message[PREFIX..], limit).map_err(|refused| match refused {
            Refused::TooLarge => Fault::message_too_large(limit),
            Refused::Malformed => Fault::message_malformed(),
        })?
    };
    if fields::too_many(&message[PREFIX..]) {
        return Err(Fault::message_too_many_fields(fields::LIMIT));
    }
    Ok(message)
}

/// A message that is there as a whole. It is decompressed when it is read, which is in its caller's turn: while it waits
/// for that it takes no more room than it was given.
struct Arrived {
    message: Option<(Bytes, Option<Taken>)>,
    limit: usize,
}

impl HttpBody for Arrived {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let message = self.message.take().map(|(message, _)| plain(message, self.limit));
        Poll::Ready(message.map(|message| message.map(Frame::data).map_err(Status::from)))
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
        if let Some((unanswered, _)) = &mut self.unanswered
            && unanswered.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(None);
        }
        loop {
            return Poll::Ready(match ready!(self.poll_progress(context)) {
                Ok(Progress::Message(message)) => {
                    Some(plain(message, self.limit).map(Frame::data).map_err(Status::from))
                }
                Ok(Progress::Announced(_)) => continue,
                Ok(Progress::End) => None,
                Err(fault) => Some(Err(fault.into())),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::{FutureExt as _, StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;

    use super::*;
    use crate::status::Reason;

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
        let read = body.collect().await.map_err(|status| (status.code(), status.to_string()))?;
        Ok(read.to_bytes())
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

    #[tokio::test]
    async fn a_message_of_more_fields_than_are_answered_is_refused_before_it_is_decoded() {
        let fault = |fields: usize| {
            let mut message = vec![0; PREFIX];
            message.extend(b"\x0a\x00".repeat(fields));
            let length = u32::try_from(message.len() - PREFIX).expect("small");
            message[1..PREFIX].copy_from_slice(&length.to_be_bytes());
            plain(message.into(), usize::MAX).err().map(|fault| (fault.code(), fault.reason()))
        };
        assert_eq!(fault(fields::LIMIT), None);
        assert_eq!(fault(fields::LIMIT + 1), Some((Code::ResourceExhausted, Reason::MessageTooLarge)));
    }
}
