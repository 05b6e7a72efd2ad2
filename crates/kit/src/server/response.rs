//! A response as it is made: until when, in what encoding, and what its call keeps meanwhile.
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::{sync::WaitForCancellationFutureOwned, task::task_tracker::TaskTrackerToken};
use tonic::{Status, body::Body};

use super::{
    calls::{Call, Calls},
    gzip,
    keeps::Keeps,
    outgoing::{Kept, Whole},
};
use crate::status::Fault;

/// What becomes of a response on its way out.
#[derive(Default)]
pub(super) struct Terms {
    /// When the client's own deadline ends it.
    pub(super) deadline: Option<Instant>,
    /// Whether it ends when the server stops and there is nothing more to be had for now.
    pub(super) stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// Whether the client takes compressed messages.
    pub(super) gzip: bool,
    /// What the call keeps until its response is taken.
    pub(super) keeps: Keeps,
}

impl Call {
    /// The response begins.
    pub(super) fn respond(self, response: Response<Body>, terms: Terms) -> Response<Body> {
        if response.body().is_end_stream() {
            return response;
        }
        let Terms { deadline, stopping, gzip, keeps } = terms;
        let (mut parts, body) = response.into_parts();
        if gzip {
            parts.headers.insert(gzip::ENCODING, gzip::GZIP);
        }
        let calls = Some(Arc::clone(&self.calls));
        let whole = Whole {
            call: self.responds(),
            _place: keeps.place,
            _permits: keeps.permits,
            _answered: keeps.answered,
        };
        parts.extensions.insert(Kept { whole: Arc::new(whole), first: keeps.turn });
        let body = Outgoing { body, calls, owed: None, deadline, alarm: None, stopping, gzip };
        Response::from_parts(parts, Body::new(body))
    }
}

/// The body of a response.
struct Outgoing {
    body: Body,
    /// Gone when the response has ended.
    calls: Option<Arc<Calls>>,
    /// While the next message is yet to be made.
    owed: Option<TaskTrackerToken>,
    deadline: Option<Instant>,
    /// Set once the response waits: most never do.
    alarm: Option<Pin<Box<Sleep>>>,
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    gzip: bool,
}

impl Outgoing {
    /// Why a response ends that has nothing to give for now.
    fn ended(&mut self, context: &mut Context<'_>) -> Option<Fault> {
        if let Some(deadline) = self.deadline {
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if alarm.as_mut().poll(context).is_ready() {
                return Some(Fault::deadline_exceeded());
            }
        }
        let stopping = self.stopping.as_mut()?;
        stopping.as_mut().poll(context).is_ready().then(Fault::shutting_down)
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(calls) = &this.calls else { return Poll::Ready(None) };
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(frame) => {
                this.owed = None;
                let compress =
                    |frame: Frame<Bytes>| if this.gzip { frame.map_data(gzip::compressed) } else { frame };
                Poll::Ready(frame.map(|frame| frame.map(compress)))
            }
            Poll::Pending => {
                this.owed.get_or_insert_with(|| calls.owing());
                let Some(fault) = this.ended(context) else { return Poll::Pending };
                (this.calls, this.owed) = (None, None);
                let mut trailers = HeaderMap::new();
                // Our texts are plain ASCII and always fit a header.
                let _ = Status::from(fault).add_header(&mut trailers);
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.calls.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.gzip { SizeHint::default() } else { self.body.size_hint() }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;

    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::server::{
        activity::{Activity, Busy},
        calls::UNREAD,
        outgoing::deliver,
    };

    type Part = Result<Frame<Bytes>, Status>;

    /// A response whose parts are given one by one.
    fn streaming(calls: &Arc<Calls>, terms: Terms) -> (mpsc::Sender<Part>, Body) {
        let (parts, body) = mpsc::channel(1);
        let response = Response::new(Body::new(StreamBody::new(ReceiverStream::new(body))));
        let response = calls.begin().respond(response, terms);
        (parts, deliver(response, Busy::with(&Arc::new(Activity::new()))).into_body())
    }

    fn data() -> Frame<Bytes> {
        Frame::data(Bytes::from_static(b"part"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_at_its_clients_deadline() {
        let deadline = Instant::now() + Duration::from_secs(7);
        let terms = Terms { deadline: Some(deadline), ..Terms::default() };
        let (parts, mut body) = streaming(&Arc::default(), terms);
        parts.send(Ok(data())).await.expect("a reader");
        assert!(body.frame().await.expect("a frame").expect("a frame").is_data());
        let trailers =
            body.frame().await.expect("an end").expect("an end").into_trailers().expect("trailers");
        let status = Status::from_header_map(&trailers).expect("a status");
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
        assert_eq!(Instant::now(), deadline);
        assert!(body.is_end_stream() && body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_we_owe_is_waited_for() {
        let calls = Arc::default();
        let (parts, mut body) = streaming(&calls, Terms::default());
        let reader = tokio::spawn(async move { while body.frame().await.is_some() {} });
        let mut ended = Box::pin(calls.ended());
        assert!(tokio::time::timeout(Duration::from_secs(20), &mut ended).await.is_err());
        drop(parts);
        ended.await;
        reader.await.expect("a task");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_not_waited_for() {
        let calls = Arc::default();
        let (parts, mut body) = streaming(&calls, Terms::default());
        parts.send(Ok(data())).await.expect("a reader");
        assert!(body.frame().await.is_some());
        let begun = Instant::now();
        calls.ended().await;
        assert!(begun.elapsed() <= 2 * UNREAD, "a moment, and not the time to drain");
        assert!(!calls.owed());
        drop(body);
    }

    // The whole answer is made, and handed on at once: what counts is what the client takes of it.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_waited_for() {
        let calls = Arc::default();
        let (parts, mut body) = streaming(&calls, Terms::default());
        parts.send(Ok(Frame::data(vec![0; 160 * 1024].into()))).await.expect("a reader");
        drop(parts);
        let mut pieces = Vec::new();
        while let Some(piece) = body.frame().await {
            pieces.push(piece);
        }
        drop(body);
        assert_eq!(pieces.len(), 40);
        let reader = tokio::spawn(async move {
            while let Some(piece) = pieces.pop() {
                sleep(UNREAD * 9 / 10).await;
                drop(piece);
            }
        });
        calls.ended().await;
        assert!(reader.is_finished());
    }

    #[tokio::test]
    async fn what_a_call_has_it_keeps_until_the_last_piece_of_its_response_is_taken() {
        let answered = tokio_util::sync::CancellationToken::new();
        let keeps = Keeps { answered: Some(answered.clone().drop_guard()), ..Keeps::default() };
        let (parts, mut body) = streaming(&Arc::default(), Terms { keeps, ..Terms::default() });
        parts.send(Ok(data())).await.expect("a reader");
        let piece = body.frame().await.expect("a piece");
        drop((parts, body));
        assert!(!answered.is_cancelled());
        drop(piece);
        assert!(answered.is_cancelled());
    }
}
