//! How a port takes connections on.
use std::{convert::Infallible, io, net::IpAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tonic::body::Body;
use tower::Service;

use super::{connection, connections::Connections, leftover::RequestBody};
use crate::metrics;

/// How long nothing is accepted after the system had no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the log says that the system has no room.
const TELLING: Duration = Duration::from_mins(1);

impl Connections {
    /// Takes connections on for as long as it is polled, and serves them in tasks of their own.
    pub(super) async fn accept<S>(self: &Arc<Self>, listener: &TcpListener, service: S) -> Infallible
    where
        S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let mut told: Option<Instant> = None;
        loop {
            match listener.accept().await {
                Ok((stream, from)) => self.serve(stream, from.ip(), service.clone()),
                // What was in the queue is gone already: that is the client's affair.
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    metrics::accept_failed();
                    if told.is_none_or(|told| told.elapsed() >= TELLING) {
                        tracing::error!(%error, "connections can't be accepted; those that are open go on");
                        told = Some(Instant::now());
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn serve<S>(self: &Arc<Self>, stream: TcpStream, from: IpAddr, service: S)
    where
        S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let Some(place) = self.place(from) else { return };
        // Small answers go out at once. If it can't be set, they go out all the same.
        let _ = stream.set_nodelay(true);
        keep_little_unsent(&stream);
        let (ending, closing) = (self.ending.clone(), self.closing.clone());
        let port = (self.limits, self.tls.clone());
        let served = connection::serve(stream, service, Arc::new(place), port, ending);
        self.tasks.spawn(async move {
            tokio::select! {
                () = served => {}
                () = closing.cancelled() => {}
            }
        });
    }
}

/// How many bytes the system takes of what a client does not read. Else it takes megabytes, which count as taken, and behind
/// which a ping would wait.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

#[cfg(target_os = "linux")]
fn keep_little_unsent(stream: &TcpStream) {
    // Where it can't be set, the system takes more.
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
}

#[cfg(not(target_os = "linux"))]
fn keep_little_unsent(_: &TcpStream) {}

/// Whether an error of `accept` is about one connection and not about the system.
fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, TimedOut};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | TimedOut)
}
