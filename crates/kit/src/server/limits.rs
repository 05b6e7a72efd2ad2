//! What a port takes on, and for how long.
use std::time::Duration;

use super::CallerLimits;

/// The largest request, in bytes: 1 MiB. The largest batch of the API, a thousand events of usage, is a fifth of it. Of a
/// compressed request it is what the message comes to when it is decompressed.
pub const MESSAGE_LIMIT: usize = 1024 * 1024;

/// What a server takes on, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest time until a response begins; a client's own timeout applies if it is shorter. The rest of a
    /// stream has no limit but the client's.
    pub deadline: Duration,
    /// How many calls of clients may be in progress, and how many of the suite's services beside them. One more is
    /// answered `RESOURCE_EXHAUSTED`.
    pub calls: usize,
    /// How much of that one caller may have.
    pub callers: CallerLimits,
    /// How long the message of a request may take to arrive, from when the call is taken on.
    pub arrival: Duration,
    /// How many bytes of messages that come in pieces are kept until it is their turn, of all clients, and as many of the
    /// suite's services beside them. Who finds no room waits for it, no longer than a message may take; of one connection
    /// 15 messages wait, and one more is answered `RESOURCE_EXHAUSTED`.
    pub arriving_bytes: usize,
    /// How much of `arriving_bytes` one caller may have, who may have half of what is left for the others.
    pub arriving_bytes_per_caller: usize,
    /// How many connections are open at a time. One more is closed at once.
    pub connections: usize,
    /// How many of them come from one address; of IPv6, from one network of 64 bits.
    pub connections_per_address: usize,
    /// How long a connection may take to begin with HTTP.
    pub handshake: Duration,
    /// How long a connection stays open without any call.
    pub idle: Duration,
    /// How long a connection is used for new calls, a tenth more or less; then its client is told to open another, and
    /// the calls in progress go on. Nothing: for ever.
    pub age: Option<Duration>,
    /// How many calls that need no credentials are in progress at a time: streams of health and reflection, and calls
    /// whose message has yet to arrive. One more is answered `RESOURCE_EXHAUSTED`.
    pub open_calls: usize,
    /// How many of them come from one address.
    pub open_calls_per_address: usize,
    /// How many of them are on one connection.
    pub open_calls_per_connection: usize,
    /// How long a server that is asked to stop goes on as before, except that it says `NOT_SERVING`: load balancers
    /// need a moment to notice.
    pub drain_delay: Duration,
    /// How long it then waits for the calls and tasks in progress.
    pub drain: Duration,
}

impl Default for Limits {
    /// 30 s, 4096 calls, and a drain of 25 s, which is less than the 30 s that Kubernetes waits before it kills.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            calls: 4096,
            callers: CallerLimits::default(),
            arrival: Duration::from_secs(10),
            arriving_bytes: 64 * MESSAGE_LIMIT,
            arriving_bytes_per_caller: 16 * MESSAGE_LIMIT,
            connections: 10_000,
            connections_per_address: 1_000,
            handshake: Duration::from_secs(10),
            idle: Duration::from_mins(5),
            age: None,
            open_calls: 1_024,
            open_calls_per_address: 256,
            open_calls_per_connection: 32,
            drain_delay: Duration::ZERO,
            drain: Duration::from_secs(25),
        }
    }
}

impl Limits {
    /// How long a connection stays open whose client takes nothing of what is there for it: twice as long as a stream
    /// waits, so that a client that was slow can still read how its stream ended.
    pub(super) fn unread(&self) -> Duration {
        2 * self.callers.unread
    }
}
