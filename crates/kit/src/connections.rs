//! Connections to the replicas of one peer. A call goes over one of a few connections, each in its turn, and these lead
//! to as many replicas as there are addresses, whether those were given one by one or stand behind one name.
//!
//! tonic's own balanced channel is of no use for this: to it a replica that is gone is ready and idle, so that it gets
//! calls before all others (grpc/grpc-rust#2839). Here a connection whose replica is gone is made anew to the next
//! address that takes it, and one whose replica takes calls and does not serve them is left for a while.
use std::{
    array, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use hyper_util::rt::TokioIo;
use tokio::{
    net::lookup_host,
    time::{Instant, timeout},
};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint, Uri},
};
use tower::service_fn;

use crate::tls::{ClientTls, Stream, dial, host, is_encrypted};

/// How many connections there are to one peer. More replicas than that are reached all the same: each process begins
/// with another, and goes on to the next with each new connection.
const CONNECTIONS: usize = 2;
/// How long a connection is given new calls. After that a new one is made, which finds the replicas that there are then;
/// the old one ends with its last call.
const AGE: Duration = Duration::from_secs(30);
/// How long a connection may take to come about, at whichever address. Shorter than what a check waits for facts.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a name may take to be looked up: the rest of the time for a connection is for its addresses.
const LOOK_UP: Duration = Duration::from_millis(400);
/// Whoever says nothing for so long is left for another. Shorter than what a check waits for facts.
const SILENT: Duration = Duration::from_secs(1);
/// A peer that vanished without a word is noticed after so long without an answer to a probe.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// The connections of one process to one peer, made when they are first used and again whenever they break. Clones share
/// them.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    to: Arc<Addresses>,
    open: Mutex<Open>,
}

/// Where a peer is, and by what it is connected to where that is with TLS.
#[derive(Debug)]
struct Addresses {
    urls: Vec<Uri>,
    tls: ClientTls,
}

#[derive(Debug)]
struct Open {
    calls: usize,
    turns: [Turn; CONNECTIONS],
}

/// The connections that are used in one turn, one after the other.
#[derive(Debug, Default)]
struct Turn {
    /// The address that connections of this turn begin with, counted round them all.
    first: usize,
    connection: Option<Connection>,
}

#[derive(Clone, Debug)]
struct Connection {
    channel: Channel,
    /// Which address it leads to, counted round them all.
    number: usize,
    /// When its turn began with its first address.
    since: Instant,
    /// When it was made.
    made: Instant,
}

impl Connections {
    /// Connections to a peer at these addresses, with TLS to those that begin with `https://`. A name among them may stand
    /// for several.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = Uri>, tls: &ClientTls) -> Self {
        // Not every process begins at the same replica.
        let calls = usize::from(rand::random::<u16>());
        let turn = |turn| Turn { first: calls.wrapping_add(turn), connection: None };
        let open = Mutex::new(Open { calls, turns: array::from_fn(turn) });
        let to = Addresses { urls: addresses.into_iter().collect(), tls: tls.clone() };
        Self(Arc::new(Shared { to: Arc::new(to), open }))
    }

    /// The channel for the next call, and for this one only: who keeps it stays with one replica.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.next().1.channel
    }

    /// Makes a call over the next connection. One that gets no answer, or that the replica can't serve, is the last for a
    /// while that this connection's turn brings there: the next goes on to another address.
    ///
    /// # Errors
    /// What the call ends with.
    pub async fn call<R>(&self, call: impl AsyncFnOnce(Channel) -> Result<R, Status>) -> Result<R, Status> {
        let (turn, Connection { channel, number, .. }) = self.next();
        let mut silence = Silence { connections: self, turn, number, began: Some(Instant::now()) };
        let answer = call(channel).await;
        silence.began = None;
        // Also what tonic says of a connection that broke or was refused.
        if answer.as_ref().is_err_and(|status| matches!(status.code(), Code::Unavailable | Code::Unknown)) {
            self.leave(turn, number);
        }
        answer
    }

    fn next(&self) -> (usize, Connection) {
        let mut open = self.open();
        open.calls = open.calls.wrapping_add(1);
        let number = open.calls % CONNECTIONS;
        let turn = &mut open.turns[number];
        let now = Instant::now();
        match &turn.connection {
            Some(connection) if connection.since.elapsed() < AGE => return (number, connection.clone()),
            Some(_) => turn.first = turn.first.wrapping_add(CONNECTIONS),
            None => {}
        }
        (number, turn.connect(&self.0.to, turn.first, now))
    }

    /// Goes on to the next address, unless that was done already. Not more than once in a while, so that a peer that has no
    /// better replica is not connected to again for every call.
    fn leave(&self, turn: usize, number: usize) {
        let turn = &mut self.open().turns[turn];
        if let Some(Connection { since, made, .. }) =
            turn.connection.as_ref().filter(|connection| connection.number == number)
            && made.elapsed() >= SILENT
        {
            let since = *since;
            turn.connect(&self.0.to, number.wrapping_add(1), since);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    fn connect(&mut self, to: &Arc<Addresses>, number: usize, since: Instant) -> Connection {
        let channel = connect(Arc::clone(to), number);
        self.connection.insert(Connection { channel, number, since, made: Instant::now() }).clone()
    }
}

/// A call that is given up after it had no answer for a while leaves its connection, too.
struct Silence<'a> {
    connections: &'a Connections,
    turn: usize,
    number: usize,
    /// `None` once it has ended.
    began: Option<Instant>,
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        if self.began.is_some_and(|began| began.elapsed() >= SILENT) {
            self.connections.leave(self.turn, self.number);
        }
    }
}

/// A channel that connects, when it is used and whenever its connection is broken, to the address of this number or, if
/// that takes no connection, to the next that does.
fn connect(to: Arc<Addresses>, number: usize) -> Channel {
    // Names are looked up below, all of them: what this one is does not matter.
    let endpoint = Endpoint::from(Uri::from_static("http://peer"));
    let endpoint = match to.urls.first() {
        Some(first) => endpoint.origin(first.clone()),
        None => endpoint,
    };
    let connector = service_fn(move |_: Uri| -> BoxFuture<'static, _> {
        let to = Arc::clone(&to);
        Box::pin(async move { first(&to, number).await.map(TokioIo::new) })
    });
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector_lazy(connector)
}

/// Connects to the address of this number or, if that takes no connection, to the next that does. The time for it is
/// shared out among the addresses.
async fn first(to: &Addresses, number: usize) -> io::Result<Stream> {
    let mut found = look_up(&to.urls).await?;
    let patience = CONNECT_TIMEOUT / u32::try_from(found.len()).unwrap_or(u32::MAX);
    let first = number % found.len();
    found.rotate_left(first);
    let mut failed = None;
    for (address, url) in found {
        match timeout(patience, dial(address, url, &to.tls)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = Some(error),
            Err(late) => failed = Some(late.into()),
        }
    }
    Err(failed.unwrap_or_else(no_address))
}

/// All that the addresses lead to at this moment, with the name that each was found by, in one order for everybody. At
/// least one.
async fn look_up(urls: &[Uri]) -> io::Result<Vec<(SocketAddr, &Uri)>> {
    let look_up = async |url| {
        let port = Uri::port_u16(url).unwrap_or(if is_encrypted(url) { 443 } else { 80 });
        let found = timeout(LOOK_UP, lookup_host((host(url), port))).await;
        found.map(|found| found.map(|found| found.map(|address| (address, url)).collect::<Vec<_>>()))
    };
    let mut found = Vec::new();
    let mut failed = None;
    // All at once, so that one name nobody answers for does not hide the others.
    for replicas in join_all(urls.iter().map(look_up)).await {
        match replicas {
            Ok(Ok(replicas)) => found.extend(replicas),
            Ok(Err(error)) => failed = Some(error),
            Err(late) => failed = Some(late.into()),
        }
    }
    found.sort_unstable_by_key(|(address, _)| *address);
    found.dedup_by_key(|(address, _)| *address);
    if found.is_empty() { Err(failed.unwrap_or_else(no_address)) } else { Ok(found) }
}

fn no_address() -> io::Error {
    io::Error::other("the name stands for no address")
}
