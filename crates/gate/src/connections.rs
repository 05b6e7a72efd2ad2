//! Connections to the replicas of one peer. A call goes over one of a few connections, each in its turn, and these lead
//! to as many replicas as there are addresses, whether those were given one by one or stand behind one name.
//!
//! tonic's own balanced channel is of no use for this: to it a replica that is gone is ready and idle, so that it gets
//! calls before all others (grpc/grpc-rust#2839). Here a connection whose replica is gone is made anew to the next
//! address that takes it.
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
    vec,
};

use hyper_util::client::legacy::connect::{HttpConnector, dns::Name};
use tokio::{net::lookup_host, time::Instant};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

/// How many connections there are to one peer. More replicas than that are reached all the same: each process begins
/// with another, and goes on to the next with each new connection.
const CONNECTIONS: usize = 2;
/// How long a connection is given new calls. After that a new one is made, which finds the replicas that there are then;
/// the old one ends with its last call.
const AGE: Duration = Duration::from_secs(30);
/// How long a connection may take to come about, at whichever address. Shorter than what a check waits for facts.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A peer that vanished without a word is noticed after so long without an answer to a probe.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// The connections of one process to one peer, made when they are first used and again whenever they break. Clones share
/// them.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    addresses: Arc<[Uri]>,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    calls: usize,
    connections: [Option<Connection>; CONNECTIONS],
}

#[derive(Clone, Debug)]
struct Connection {
    channel: Channel,
    /// Which address it leads to, counted round them all.
    number: usize,
    /// When it was made.
    at: Instant,
}

impl Connections {
    /// Connections to a peer at these addresses. A name among them may stand for several.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = Uri>) -> Self {
        // Not every process begins at the same replica.
        let calls = usize::from(rand::random::<u16>());
        let open = Mutex::new(Open { calls, connections: [const { None }; CONNECTIONS] });
        Self(Arc::new(Shared { addresses: addresses.into_iter().collect(), open }))
    }

    /// The channel for the next call, and for this one only: who keeps it stays with one replica.
    #[must_use]
    pub fn channel(&self) -> Channel {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.calls = open.calls.wrapping_add(1);
        let turn = open.calls % CONNECTIONS;
        let number = match &open.connections[turn] {
            Some(made) if made.at.elapsed() < AGE => return made.channel.clone(),
            Some(old) => old.number.wrapping_add(CONNECTIONS),
            None => open.calls,
        };
        let channel = connect(Arc::clone(&self.0.addresses), number);
        open.connections[turn] = Some(Connection { channel: channel.clone(), number, at: Instant::now() });
        channel
    }
}

/// A channel that connects, when it is used and whenever its connection is broken, to the address of this number or, if
/// that takes no connection, to the next that does.
fn connect(addresses: Arc<[Uri]>, number: usize) -> Channel {
    // Names are looked up below, all of them: what this one is does not matter.
    let endpoint = Endpoint::from(Uri::from_static("http://peer"));
    let endpoint = match addresses.first() {
        Some(first) => endpoint.origin(first.clone()),
        None => endpoint,
    };
    let resolver = service_fn(move |_: Name| {
        let addresses = Arc::clone(&addresses);
        async move { look_up(&addresses, number).await }
    });
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.set_nodelay(true);
    // Shared out among the addresses.
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector_lazy(connector)
}

/// All that the addresses lead to at this moment, in one order for everybody, beginning with this number.
async fn look_up(addresses: &[Uri], number: usize) -> io::Result<vec::IntoIter<SocketAddr>> {
    let mut found = Vec::new();
    let mut failed = None;
    for address in addresses {
        let host = address.host().unwrap_or_default();
        match lookup_host(format!("{host}:{}", address.port_u16().unwrap_or(80))).await {
            Ok(replicas) => found.extend(replicas),
            Err(error) => failed = Some(error),
        }
    }
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        return Err(failed.unwrap_or_else(|| io::Error::other("the name stands for no address")));
    }
    let first = number % found.len();
    found.rotate_left(first);
    Ok(found.into_iter())
}
