//! The body of a request, and what becomes of the rest of it when the call is answered before all has come: it is read,
//! for a moment. A client sends headers and message one right after the other, so that a refusal often meets its message
//! on the way. To the library under the port that message would be one that nobody asked for, of which one connection
//! may send so many before it is ended, with all the calls of whoever else is behind the same proxy.
use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use prost::bytes::Bytes;
use tokio::{runtime::Handle, sync::Semaphore, time::timeout};

use super::window::STREAM_WINDOW;

/// How many rests of requests are read at a time, of a whole port. Nothing of them is kept.
pub(super) const LEFTOVERS: usize = 1024;
/// How long it may take: more than a round trip to the other side of the world.
const MOMENT: Duration = Duration::from_secs(2);
/// How many bytes are read: as many as a client may send ahead.
const AHEAD: usize = STREAM_WINDOW as usize;

/// The body of a request.
pub(super) struct RequestBody {
    /// Always there until this is dropped.
    body: Option<Incoming>,
    places: Arc<Semaphore>,
}

impl RequestBody {
    /// A body whose rest is read in one of these places.
    pub(super) fn new(body: Incoming, places: &Arc<Semaphore>) -> Self {
        Self { body: Some(body), places: Arc::clone(places) }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        // There is no runtime any more when the process ends.
        let (Ok(runtime), Ok(place)) = (Handle::try_current(), self.places.clone().try_acquire_owned())
        else {
            return;
        };
        runtime.spawn(async move {
            let _place = place;
            // Whatever has become of it, it has been answered.
            let _ = timeout(MOMENT, discard(body)).await;
        });
    }
}

/// Reads a body to its end, or as far as a client may have sent it ahead.
async fn discard(body: impl HttpBody<Data = Bytes>) {
    let mut body = pin!(body);
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > AHEAD {
            return;
        }
    }
}
