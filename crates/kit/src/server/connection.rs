//! One connection: HTTP/2, or HTTP/1 for gRPC-Web, for as long as there is reason to keep it open.
use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::Service;

use super::{Limits, connections::Place};
use crate::metrics;

/// How often an idle HTTP/2 connection is probed, and how long the answer may take: a client that vanished is
/// noticed within half a minute.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many calls one connection may have in progress.
const STREAMS: u32 = 1024;

/// How many streams a client may have cancelled that have yet to be looked at. Behind a proxy's connection there are
/// many clients, and all calls that it may have in progress may be cancelled at once, twice in a row.
const CANCELLED_STREAMS: usize = 2 * STREAMS as usize;

/// How many bytes a client may send ahead, for each call and in all. Half a megabyte for each round trip is 40 Mbit/s
/// over a tenth of a second. Who has no token gets so much read as an open method takes, and the rest is refused.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;

/// How many bytes of a response wait for a client that does not read.
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
pub(super) struct Origin {
    pub(super) place: Arc<Place>,
    /// Whoever has this keeps the connection from being idle.
    pub(super) busy: Arc<Busy>,
}

/// Serves a connection until it ends, is of no use any more, or `ending` and its calls are done.
pub(super) async fn serve<S>(
    stream: TcpStream,
    service: S,
    place: Arc<Place>,
    limits: Limits,
    ending: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let activity = Arc::new(Activity::new());
    let io = TokioIo::new(Heard { stream, activity: Arc::clone(&activity) });
    let calling = Arc::clone(&activity);
    let calls = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let origin = Origin { place: Arc::clone(&place), busy: Busy::with(&calling) };
        request.extensions_mut().insert(origin);
        service.clone().call(request)
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
                Verdict::Silent => return metrics::limited("handshake-timeout"),
                Verdict::Idle if told => return,
                Verdict::Idle => {
                    metrics::limited("idle-timeout");
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
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    builder
}

/// What is known of a connection's use.
struct Activity {
    opened: Instant,
    /// How many bytes came.
    heard: AtomicU64,
    calls: AtomicUsize,
    /// When the last call ended, in milliseconds from `opened`.
    last: AtomicU64,
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
}

impl Activity {
    fn new() -> Self {
        Self {
            opened: Instant::now(),
            heard: AtomicU64::new(0),
            calls: AtomicUsize::new(0),
            last: AtomicU64::new(0),
        }
    }

    fn judge(&self, limits: &Limits) -> Verdict {
        let now = Instant::now();
        if self.calls.load(Ordering::Acquire) > 0 {
            return Verdict::Keep(now + limits.idle);
        }
        if self.heard.load(Ordering::Relaxed) < PREFACE {
            let until = self.opened + limits.handshake;
            return if until <= now { Verdict::Silent } else { Verdict::Keep(until) };
        }
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        let until = self.opened + last + limits.idle;
        if until <= now { Verdict::Idle } else { Verdict::Keep(until) }
    }
}

/// A call in progress on a connection.
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    fn with(activity: &Arc<Activity>) -> Arc<Self> {
        activity.calls.fetch_add(1, Ordering::AcqRel);
        Arc::new(Self(Arc::clone(activity)))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let last = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last.store(last, Ordering::Relaxed);
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A stream that counts what comes in.
struct Heard {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.activity.heard.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
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
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.idle));
        drop(call);
        assert_eq!(activity.judge(&limits), Verdict::Keep(Instant::now() + limits.idle));
        advance(limits.idle).await;
        assert_eq!(activity.judge(&limits), Verdict::Idle);
    }
}
