//! One connection: HTTP/2, or HTTP/1 for gRPC-Web, for as long as there is reason to keep it open.
use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::Service;

use super::{Limit, Limits, connections::Place, delivery::deliver, heard::Heard, leftover::RequestBody};
use crate::metrics;

/// How often an idle HTTP/2 connection is probed, and how long the answer may take: a client that vanished is
/// noticed within half a minute.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many calls one connection may have in progress. A client that has more waits, and each of those that are
/// answered costs memory until the client reads.
const STREAMS: u32 = 256;

/// How many streams a client may have cancelled that have yet to be looked at. Behind a proxy's connection there are
/// many clients, and all calls that it may have in progress may be cancelled at once, several times in a row.
const CANCELLED_STREAMS: usize = 8 * STREAMS as usize;

/// How often a client may send more of a call that has been refused, in the whole life of a connection, which then ends.
/// Each of them costs the server a frame; what is in time is read and does not count (see [`RequestBody`]).
const LATE_REQUESTS: usize = 64 * 1024;

/// How many bytes a client may send ahead, for each call and in all. Two megabytes for each round trip are 160 Mbit/s over
/// a tenth of a second. Who has no token gets so much read as an open method takes, and the rest is refused.
pub(super) const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 16 * STREAM_WINDOW;

/// How many requests of a connection may be left unread at a time: fewer than fill its window, so that others on it go on.
pub(super) const UNREAD_REQUESTS: usize = (CONNECTION_WINDOW / STREAM_WINDOW - 1) as usize;

/// How many bytes of a response the library under the port takes before the client has room for them, but for the last
/// piece.
const SEND_BUFFER: usize = 64 * 1024;

/// The largest headers of a request, in bytes. HTTP/2 counts 32 more for each.
const HEADERS: u32 = 32 * 1024;

/// The largest headers over HTTP/1, names and all.
const HTTP1_BUFFER: usize = 64 * 1024;

/// With these HTTP/2 begins: the client's connection preface (RFC 9113, 3.4). No request over HTTP/1 is shorter.
const PREFACE: u64 = 24;

/// How long a connection that was told to end may take over it.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where a call came from. Its request has it among its extensions.
#[derive(Clone)]
pub(super) struct Origin(pub(super) Arc<Place>);

/// Serves a connection until it ends, is of no use any more, or `ending` and its calls are done.
pub(super) async fn serve<S>(
    stream: TcpStream,
    service: S,
    place: Arc<Place>,
    limits: Limits,
    ending: CancellationToken,
) where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let activity = Arc::new(Activity::new());
    let io = TokioIo::new(Heard::new(stream, Arc::clone(&activity), Arc::clone(&place)));
    let calling = Arc::clone(&activity);
    let calls = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let busy = Busy::with(&calling);
        request.extensions_mut().insert(Origin(Arc::clone(&place)));
        let answer = service.clone().call(request.map(|body| RequestBody::new(body, &place)));
        async move {
            let Ok(response) = answer.await;
            Ok::<_, Infallible>(deliver(response, busy))
        }
    });
    let builder = builder(&limits);
    let mut connection = pin!(builder.serve_connection(io, calls));
    let mut look = pin!(sleep_until(activity.opened + limits.handshake));
    let mut told = false;
    loop {
        tokio::select! {
            // Whatever has ended it, nobody is left to be told.
            _ = connection.as_mut() => return,
            () = ending.cancelled(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            () = look.as_mut() => match activity.judge(&limits) {
                Verdict::Keep(until) => look.as_mut().reset(until),
                Verdict::Silent => return metrics::limited(Limit::Handshake),
                Verdict::Unread => return metrics::limited(Limit::Unread),
                Verdict::Idle if told => return,
                Verdict::Idle => {
                    metrics::limited(Limit::Idle);
                    told = true;
                    connection.as_mut().graceful_shutdown();
                    look.as_mut().reset(Instant::now() + FAREWELL);
                }
            },
        }
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // It runs between two requests, too.
        .header_read_timeout(limits.idle)
        .max_buf_size(HTTP1_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(CANCELLED_STREAMS)
        .max_local_error_reset_streams(LATE_REQUESTS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    builder
}

/// What is known of a connection's use. Times are in milliseconds from `opened`.
pub(super) struct Activity {
    opened: Instant,
    /// How many bytes came.
    heard: AtomicU64,
    calls: AtomicUsize,
    /// When the last call ended.
    last: AtomicU64,
    /// How many pieces of responses are there for the client.
    offered: AtomicUsize,
    /// When the client took one, or the first of them was there.
    moved: AtomicU64,
}

/// What becomes of a connection.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// It is open at least until then.
    Keep(Instant),
    /// It has not said what it wants.
    Silent,
    /// It has had no call for so long that nobody seems to need it.
    Idle,
    /// Its client has taken nothing for so long of what is there for it.
    Unread,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            heard: AtomicU64::new(0),
            calls: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            offered: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
        }
    }

    /// So many bytes came.
    pub(super) fn hears(&self, bytes: usize) {
        self.heard.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn passed(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn at(&self, time: &AtomicU64) -> Instant {
        self.opened + Duration::from_millis(time.load(Ordering::Relaxed))
    }

    fn judge(&self, limits: &Limits) -> Verdict {
        let now = Instant::now();
        let unread = limits.unread();
        if self.offered.load(Ordering::Acquire) > 0 {
            let until = self.at(&self.moved) + unread;
            return if until <= now { Verdict::Unread } else { Verdict::Keep(until) };
        }
        if self.calls.load(Ordering::Acquire) > 0 {
            return Verdict::Keep(now + limits.idle.min(unread));
        }
        if self.heard.load(Ordering::Relaxed) < PREFACE {
            let until = self.opened + limits.handshake;
            return if until <= now { Verdict::Silent } else { Verdict::Keep(until) };
        }
        let until = self.at(&self.last) + limits.idle;
        if until <= now { Verdict::Idle } else { Verdict::Keep(until) }
    }
}

/// A call in progress on a connection, until the client has taken its response.
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    pub(super) fn with(activity: &Arc<Activity>) -> Self {
        activity.calls.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(activity))
    }

    /// A piece of the response is there for the client.
    pub(super) fn offers(&self) {
        // First the time: whoever sees the piece must see that it is new.
        if self.0.offered.load(Ordering::Acquire) == 0 {
            self.0.moved.store(self.0.passed(), Ordering::Release);
        }
        self.0.offered.fetch_add(1, Ordering::AcqRel);
    }

    /// The client has taken a piece.
    pub(super) fn taken(&self) {
        self.0.moved.store(self.0.passed(), Ordering::Relaxed);
        self.0.offered.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // A call has ended: the client takes something, if only the news of it.
        self.0.moved.store(self.0.passed(), Ordering::Relaxed);
        self.0.last.store(self.0.passed(), Ordering::Relaxed);
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_kept_while_it_says_something_and_has_calls() {
        let limits = Limits::default();
        let activity = Arc::new(Activity::new());
        assert_eq!(activity.judge(&limits), Verdict::Keep(activity.opened + limits.handshake));
        advance(limits.handshake).await;
        assert_eq!(activity.judge(&limits), Verdict::Silent);
        activity.heard.store(PREFACE, Ordering::Relaxed);
        assert_eq!(activity.judge(&limits), Verdict::Keep(activity.opened + limits.idle));

        let call = Busy::with(&activity);
        advance(limits.idle * 2).await;
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.unread()));
        drop(call);
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.idle));
        advance(limits.idle).await;
        assert_eq!(activity.judge(&limits), Verdict::Idle);
    }
    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_client_takes_nothing_is_closed_and_one_that_waits_for_us_is_not() {
        let limits = Limits::default();
        let activity = Arc::new(Activity::new());
        let call = Busy::with(&activity);
        advance(limits.unread() * 2).await;
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.unread()));
        call.offers();
        call.offers();
        advance(limits.unread() / 2).await;
        call.taken();
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.unread()));
        advance(limits.unread()).await;
        assert_eq!(activity.judge(&limits), Verdict::Unread);
        call.taken();
        assert!(matches!(activity.judge(&limits), Verdict::Keep(_)));
    }
}
