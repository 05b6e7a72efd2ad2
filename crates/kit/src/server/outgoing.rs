//! A response on its way to its client. What it keeps from others it keeps until the client has taken it: a response that
//! nobody reads is held in memory, however long ago it was made.
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Bytes;
use tokio_util::sync::DropGuard;
use tonic::{Status, body::Body};

use super::{
    activity::Busy,
    admission::{Place, Turn},
    calls::Open,
    keeps::Permits,
};

/// The largest piece that is handed on at a time. The library under the port takes a piece whole, whatever the client has
/// room for, and that a client reads is seen by the pieces that it has taken: so even a slow one's are small.
const PIECE: usize = 4 * 1024;

/// What a response keeps. It is among the response's extensions until the response is sent.
#[derive(Clone)]
pub(super) struct Kept {
    /// Until all of it is taken.
    pub(super) whole: Arc<Whole>,
    /// Until the first message is: the others of a stream are made one by one, in turns of their own.
    pub(super) first: Option<Turn>,
}

/// What is kept until the whole response is taken.
pub(super) struct Whole {
    pub(super) call: Open,
    pub(super) _place: Option<Place>,
    pub(super) _permits: Option<Permits>,
    /// Tells what still reads the request that nobody waits for an answer any more.
    pub(super) _answered: Option<DropGuard>,
}

/// Sends a response in pieces, each of which keeps what the response keeps, and its connection busy.
pub(super) fn deliver(mut response: Response<Body>, busy: Busy) -> Response<Body> {
    let kept = response.extensions_mut().remove::<Kept>();
    if response.body().is_end_stream() {
        return response;
    }
    response.map(|body| Body::new(Delivery { body, rest: Bytes::new(), busy: Arc::new(busy), kept }))
}

struct Delivery {
    body: Body,
    /// What is still to be sent of the frame that was made last.
    rest: Bytes,
    busy: Arc<Busy>,
    kept: Option<Kept>,
}

impl Delivery {
    /// The next piece of what is there.
    fn piece(&mut self) -> Bytes {
        let bytes = self.rest.split_to(PIECE.min(self.rest.len()));
        let kept = self.kept.clone();
        if self.rest.is_empty()
            && let Some(kept) = &mut self.kept
        {
            kept.first = None;
        }
        self.busy.offers();
        Bytes::from_owner(Piece { bytes, busy: Arc::clone(&self.busy), kept })
    }
}

impl HttpBody for Delivery {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        while self.rest.is_empty() {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
                // A stream: it waits for its messages in no turn.
                self.kept.iter_mut().for_each(|kept| kept.first = None);
                return Poll::Pending;
            };
            match frame.transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => self.rest = data,
                Some(Err(trailers)) => return Poll::Ready(Some(Ok(trailers))),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(self.piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

/// A piece of a response. It is dropped when the connection has written it.
struct Piece {
    bytes: Bytes,
    busy: Arc<Busy>,
    kept: Option<Kept>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.busy.taken();
        if let Some(kept) = &self.kept {
            kept.whole.call.taken();
        }
    }
}
