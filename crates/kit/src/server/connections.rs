//! The connections of a port: taken on, counted, bounded in all and for each address, closed when they say nothing, and
//! ended in order.
use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::body::Body;
use tower::Service;

use super::{
    Limit, Limits, connection,
    leftover::{LEFTOVERS, RequestBody},
    pace::Pace,
};
use crate::metrics;

/// How long nothing is accepted after the system had no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the log says that the system has no room.
const TELLING: Duration = Duration::from_mins(1);

/// All connections of a port.
pub(super) struct Connections {
    limits: Limits,
    open: Arc<Semaphore>,
    addresses: Mutex<HashMap<IpAddr, Arc<Address>>>,
    leftovers: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Has connections end once their calls have.
    ending: CancellationToken,
    /// Ends them whatever they do.
    closing: CancellationToken,
}

/// What the connections from one address share.
pub(super) struct Address {
    /// How many connections there are.
    places: AtomicUsize,
    open: Arc<Semaphore>,
    /// One permit for each call without credentials.
    pub(super) open_calls: Arc<Semaphore>,
    /// How many connections are not read from, since they have too many calls that are refused.
    pub(super) pausing: Arc<AtomicUsize>,
}

/// The place of one connection. Calls find it among their request's extensions.
pub(super) struct Place {
    connections: Arc<Connections>,
    key: IpAddr,
    pub(super) address: Arc<Address>,
    /// One permit for each call without credentials.
    pub(super) open_calls: Arc<Semaphore>,
    /// One permit for each request that was answered before all of it had come.
    pub(super) leftovers: Arc<Semaphore>,
    /// One permit for each request that nothing is read of for now.
    pub(super) unread: Arc<Semaphore>,
    pub(super) pace: Pace,
    permits: Option<[OwnedSemaphorePermit; 2]>,
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            open: Arc::new(Semaphore::new(limits.connections)),
            addresses: Mutex::default(),
            leftovers: Arc::new(Semaphore::new(LEFTOVERS)),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            closing: CancellationToken::new(),
        })
    }

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
        let served = connection::serve(stream, service, Arc::new(place), self.limits, ending);
        self.tasks.spawn(async move {
            tokio::select! {
                () = served => {}
                () = closing.cancelled() => {}
            }
        });
    }

    /// A place for a connection from this address, unless there are as many as may be.
    fn place(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let Ok(one) = self.open.clone().try_acquire_owned() else {
            metrics::limited(Limit::Connections);
            return None;
        };
        let key = network(from);
        let mut addresses = self.addresses();
        let address = addresses.entry(key).or_insert_with(|| Arc::new(Address::new(&self.limits)));
        let Ok(here) = address.open.clone().try_acquire_owned() else {
            metrics::limited(Limit::AddressConnections);
            return None;
        };
        // Counted, and taken back, under the lock: see `drop`.
        address.places.fetch_add(1, Ordering::Relaxed);
        let address = Arc::clone(address);
        drop(addresses);
        metrics::connections(1);
        Some(Place {
            connections: Arc::clone(self),
            key,
            address,
            open_calls: Arc::new(Semaphore::new(self.limits.open_calls_per_connection)),
            leftovers: Arc::clone(&self.leftovers),
            unread: Arc::new(Semaphore::new(connection::UNREAD_REQUESTS)),
            pace: Pace::new(),
            permits: Some([one, here]),
        })
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Address>>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the clients to open no more calls on their connections, which end with the last call.
    pub(super) fn end(&self) {
        self.tasks.close();
        self.ending.cancel();
    }

    /// Gives what is still to be sent so long to go out, and closes what is left then.
    pub(super) async fn close(&self, patience: Duration) {
        self.end();
        let _ = timeout(patience, self.tasks.wait()).await;
        self.closing.cancel();
        self.tasks.wait().await;
    }
}

impl Address {
    fn new(limits: &Limits) -> Self {
        Self {
            places: AtomicUsize::new(0),
            open: Arc::new(Semaphore::new(limits.connections_per_address)),
            open_calls: Arc::new(Semaphore::new(limits.open_calls_per_address)),
            pausing: Arc::default(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::connections(-1);
        // First the permits: whoever finds the address in the map must find room in it.
        self.permits = None;
        let mut addresses = self.connections.addresses();
        if self.address.places.fetch_sub(1, Ordering::Relaxed) == 1 {
            addresses.remove(&self.key);
        }
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

/// What counts as one address: whoever has an IPv6 address has a network of 64 bits.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_ipv6_network_of_64_bits_counts_as_one_address() {
        assert_eq!(network(address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
        assert_ne!(network(address("2001:db8:1:3::1")), network(address("2001:db8:1:2::1")));
        assert_eq!(network(address("::ffff:192.0.2.1")), address("192.0.2.1"));
        assert_ne!(network(address("192.0.2.1")), network(address("192.0.2.2")));
    }

    #[tokio::test]
    async fn places_are_bounded_for_each_address_and_in_all_and_are_given_back() {
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let connections = Connections::new(limits);
        let place = |from| connections.place(address(from));
        let (first, second) = (place("192.0.2.1"), place("192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(place("192.0.2.1").is_none(), "as many as may come from there");
        let other = place("192.0.2.2");
        assert!(other.is_some() && place("192.0.2.3").is_none(), "as many as there may be");
        drop(first);
        assert!(place("192.0.2.1").is_some() && place("192.0.2.1").is_some(), "each was dropped at once");
        drop((second, other));
        assert!(connections.addresses().keys().all(|key| *key == address("192.0.2.3")));
        assert_eq!(connections.open.available_permits(), 3);
    }
}
