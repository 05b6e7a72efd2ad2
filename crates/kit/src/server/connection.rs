//! One connection: HTTP/2, or HTTP/1 for gRPC-Web, for as long as there is reason to keep it open.
use std::{convert::Infallible, future::pending, pin::pin, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::Service;

use super::{
    Limit, Limits,
    activity::{Activity, Busy, Verdict},
    connections::Place,
    heard::Heard,
    leftover::RequestBody,
    outgoing::deliver,
    window::{CONNECTION_WINDOW, STREAM_WINDOW},
};
use crate::{
    metrics,
    tls::{Certified, ServerTls, Stream},
};

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

/// How many bytes of a response the library under the port takes before the client has room for them, but for the last
/// piece.
const SEND_BUFFER: usize = 64 * 1024;

/// The largest headers of a request, in bytes. HTTP/2 counts 32 more for each.
const HEADERS: u32 = 32 * 1024;

/// The largest headers over HTTP/1, names and all.
const HTTP1_BUFFER: usize = 64 * 1024;

/// How long a connection that was told to end may take over it.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where a call came from. Its request has it among its extensions.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) place: Arc<Place>,
    /// Whether the connection has TLS.
    pub(super) encrypted: bool,
    /// Whom the connection's client certificate vouches for.
    pub(super) certified: Certified,
}

/// Serves a connection until it ends, is of no use any more, or `ending` and its calls are done.
pub(super) async fn serve<S>(
    stream: TcpStream,
    service: S,
    place: Arc<Place>,
    (limits, tls): (Limits, Option<ServerTls>),
    ending: CancellationToken,
) where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let activity = Arc::new(Activity::new());
    let set_up = set_up(stream, tls.as_ref(), limits.handshake);
    let (stream, certified) = tokio::select! {
        set_up = set_up => match set_up {
            Some(set_up) => set_up,
            None => return,
        },
        // It has no call yet that could be waited for.
        () = ending.cancelled() => return,
    };
    let encrypted = stream.is_encrypted();
    let io = TokioIo::new(Heard::new(stream, Arc::clone(&activity), Arc::clone(&place)));
    let calling = Arc::clone(&activity);
    let origin = Origin { place, encrypted, certified };
    let calls = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let busy = Busy::with(&calling);
        request.extensions_mut().insert(origin.clone());
        let answer =
            service.clone().call(request.map(|body| RequestBody::new(body, &origin.place.leftovers)));
        async move {
            let Ok(response) = answer.await;
            Ok::<_, Infallible>(deliver(response, busy))
        }
    });
    let builder = builder(&limits);
    let mut connection = pin!(builder.serve_connection(io, calls));
    let mut look = pin!(sleep_until(activity.opened + limits.handshake));
    let mut old = pin!(grows_old(activity.opened, limits.age));
    let mut told = false;
    loop {
        tokio::select! {
            // Whatever has ended it, nobody is left to be told.
            _ = connection.as_mut() => return,
            () = ending.cancelled(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            () = old.as_mut(), if !told => {
                metrics::limited(Limit::Age);
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

/// Is over when a connection is as old as it may become, if it may not become older for ever. Those that were opened
/// together, as all are after a restart, don't end together.
async fn grows_old(opened: Instant, age: Option<Duration>) {
    match age {
        Some(age) => sleep_until(opened + age.mul_f64(0.9 + rand::random::<f64>() / 5.0)).await,
        None => pending().await,
    }
}

/// Sets TLS up if the port speaks it. Nothing if that fails, or takes longer than a connection may take to begin.
async fn set_up(
    stream: TcpStream,
    tls: Option<&ServerTls>,
    patience: Duration,
) -> Option<(Stream, Certified)> {
    let Some(tls) = tls else { return Some((Stream::Plain(stream), Certified::Unasked)) };
    // Boxed: what TLS takes to begin is not kept for as long as the connection lasts.
    let Ok(accepted) = timeout(patience, Box::pin(tls.accept(stream))).await else {
        metrics::limited(Limit::Handshake);
        return None;
    };
    accepted.ok()
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
