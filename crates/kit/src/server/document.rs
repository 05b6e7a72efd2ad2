//! The body of a request of another protocol as it arrives: one document, whole, no larger than a message may be, and in
//! time. It is taken for the message that it stands for when its call has its turn.
use std::{
    future::pending,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt as _;
use prost::bytes::{BufMut as _, Bytes, BytesMut};
use tonic::{Status, body::Body};

use super::{
    MESSAGE_LIMIT,
    arrival::{Arriving, hung_up},
    gzip::PREFIX,
    protocol::{Reply, Translation},
    room::Taken,
};
use crate::status::Fault;

/// Reads the body of a request, and remembers how the request is to be answered. It is among the request's extensions.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) translation: &'static dyn Translation,
    reply: Arc<OnceLock<Box<dyn Reply>>>,
}

impl Reading {
    pub(super) fn by(translation: &'static dyn Translation) -> Self {
        Self { translation, reply: Arc::default() }
    }

    /// Knows how to answer, once the body has been read.
    pub(super) fn reply(&self) -> Option<&dyn Reply> {
        self.reply.get().map(AsRef::as_ref)
    }

    /// The message that a body stands for, with its prefix.
    fn message(&self, body: &[u8]) -> Result<Bytes, Fault> {
        let call = self.translation.read(body)?;
        let length = u32::try_from(call.message.len());
        let length = length.map_err(|_| Fault::message_too_large(MESSAGE_LIMIT))?;
        let mut message = BytesMut::with_capacity(PREFIX + call.message.len());
        message.put_u8(0);
        message.put_u32(length);
        message.extend_from_slice(&call.message);
        // A body is read once.
        let _ = self.reply.set(call.reply);
        Ok(message.freeze())
    }
}

/// The message that the body of a request stands for, once all of the body is there. Where it comes in pieces, room for it
/// is waited for, which it has until it is read: as much as it is said to need, or else as much as it may need.
pub(super) async fn arrived(mut body: Body, reading: Reading, arriving: Arriving<'_>) -> Result<Body, Fault> {
    let too_large = || Fault::message_too_large(MESSAGE_LIMIT);
    let expected = body.size_hint().exact().map_or(Ok(MESSAGE_LIMIT), usize::try_from);
    let expected = expected.ok().filter(|size| *size <= MESSAGE_LIMIT).ok_or_else(too_large)?;
    let (mut document, mut taken) = (BytesMut::new(), None);
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) if document.len() + data.len() > MESSAGE_LIMIT => return Err(too_large()),
            Ok(Ok(data)) => document.extend_from_slice(&data),
            Ok(Err(_)) => {}
            // Who asked has gone, and so will the call.
            Err(error) if hung_up(&error) => return pending().await,
            Err(_) => return Err(Fault::message_malformed()),
        }
        if taken.is_none() && !body.is_end_stream() {
            let Arriving { room, caller, unread } = &arriving;
            taken = Some(room.take(caller, expected, unread).await?);
        }
    }
    Ok(Body::new(Arrived { document: Some((document.freeze(), taken)), reading }))
}

/// A body that is there as a whole. It is read in its caller's turn, as messages are.
struct Arrived {
    document: Option<(Bytes, Option<Taken>)>,
    reading: Reading,
}

impl HttpBody for Arrived {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let message = self.document.take().map(|(document, _)| self.reading.message(&document));
        Poll::Ready(message.map(|message| message.map(Frame::data).map_err(Status::from)))
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, pin::pin};

    use futures::{FutureExt as _, StreamExt as _, stream};
    use http_body_util::{Full, StreamBody};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        name::Principal,
        server::{Limits, protocol::Call, room::Room},
        status::Reason,
    };

    struct Same;
    struct Mute;

    impl Translation for Same {
        fn method(&self) -> &'static str {
            "s/m"
        }

        fn read(&self, body: &[u8]) -> Result<Call, Fault> {
            Ok(Call { message: body.to_vec(), reply: Box::new(Mute) })
        }

        fn retold(&self, field: &str, sentence: &str) -> (String, String) {
            (field.to_owned(), sentence.to_owned())
        }
    }

    impl Reply for Mute {
        fn write(&self, _: Bytes) -> Result<Vec<u8>, Fault> {
            Ok(Vec::new())
        }
    }

    /// These parts, and then nothing, without an end.
    fn stuck(parts: &[&'static [u8]]) -> Body {
        let frames: Vec<_> =
            parts.iter().map(|part| Ok::<_, Infallible>(Frame::data(Bytes::from_static(part)))).collect();
        Body::new(StreamBody::new(stream::iter(frames).chain(stream::pending())))
    }

    fn whole(text: &'static str) -> Body {
        Body::new(Full::new(Bytes::from_static(text.as_bytes())))
    }

    #[tokio::test]
    async fn a_body_becomes_a_message_when_it_is_read() {
        let limits = Limits::default();
        let (room, unread, caller) =
            (Room::new(&limits), Arc::new(Semaphore::new(1)), Principal::user("alice"));
        let reading = Reading::by(&Same);
        let arriving = Arriving { room: &room, caller: &caller, unread: &unread };
        let body = arrived(whole("abc"), reading.clone(), arriving).await.expect("a body");
        assert!(reading.reply().is_none(), "it has yet to be read");
        assert_eq!(
            body.collect().await.expect("a message").to_bytes(),
            Bytes::from_static(b"\0\0\0\0\x03abc")
        );
        assert!(reading.reply().is_some());
    }

    // What has begun to come takes the room of its caller, and of the next no more is read until there is some.
    #[tokio::test]
    async fn bodies_that_come_in_pieces_share_the_room_of_messages() {
        let limits = Limits { arriving_bytes: 3000, arriving_bytes_per_caller: 1000, ..Limits::default() };
        let (room, unread, caller) =
            (Room::new(&limits), Arc::new(Semaphore::new(1)), Principal::user("alice"));
        let arriving = || Arriving { room: &room, caller: &caller, unread: &unread };
        let come = |body: Body| arrived(body, Reading::by(&Same), arriving());
        let mut first = Box::pin(come(stuck(&[b"a", b"b"])));
        assert!(futures::poll!(&mut first).is_pending());
        let mut second = pin!(come(stuck(&[b"a", b"b"])));
        assert!(futures::poll!(&mut second).is_pending());
        let third = come(stuck(&[b"a"])).now_or_never().expect("an answer at once");
        assert_eq!(third.expect_err("a refusal").reason(), Reason::CallerLimited);
        assert!(come(whole("abc")).now_or_never().expect("at once").is_ok(), "it came in one piece");
        drop(first);
        assert!(futures::poll!(&mut second).is_pending(), "it goes on");
        let fourth = come(stuck(&[b"a"])).now_or_never();
        assert!(fourth.is_none(), "there is a place again to wait in");
    }
}
