//! What a port takes on, and for how long.
use std::time::Duration;

use super::CallerLimits;
use crate::status::Fault;

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

/// A limit that can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    Connections,
    AddressConnections,
    Handshake,
    Idle,
    Unread,
    OpenCalls,
    AddressOpenCalls,
    ConnectionOpenCalls,
    Arriving,
    CallerArriving,
    Message,
    Pace,
    Call,
    Calls,
    CallerCalls,
    LongWork,
    CallerLongWork,
    Streams,
    CallerStreams,
}

impl Limit {
    pub(crate) const ALL: [Self; 19] = [
        Self::Connections,
        Self::AddressConnections,
        Self::Handshake,
        Self::Idle,
        Self::Unread,
        Self::OpenCalls,
        Self::AddressOpenCalls,
        Self::ConnectionOpenCalls,
        Self::Arriving,
        Self::CallerArriving,
        Self::Message,
        Self::Pace,
        Self::Call,
        Self::Calls,
        Self::CallerCalls,
        Self::LongWork,
        Self::CallerLongWork,
        Self::Streams,
        Self::CallerStreams,
    ];

    /// As metrics, logs and refusals name it: as the setting is named, if there is one.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connections => "max-connections",
            Self::AddressConnections => "max-connections-per-address",
            Self::Handshake => "handshake-timeout",
            Self::Idle => "idle-timeout",
            Self::Unread => "unread-timeout",
            Self::OpenCalls => "max-open-calls",
            Self::AddressOpenCalls => "max-open-calls-per-address",
            Self::ConnectionOpenCalls => "max-open-calls-per-connection",
            Self::Arriving => "max-arriving-mib",
            Self::CallerArriving => "max-arriving-mib-per-caller",
            Self::Message => "message-timeout",
            Self::Pace => "pace",
            Self::Call => "call-timeout",
            Self::Calls => "calls",
            Self::CallerCalls => "calls-per-caller",
            Self::LongWork => "long-work",
            Self::CallerLongWork => "long-work-per-caller",
            Self::Streams => "streams",
            Self::CallerStreams => "streams-per-caller",
        }
    }

    /// What one is told who meets it.
    pub(crate) fn fault(self) -> Fault {
        if self.of_a_caller() { Fault::caller_limited(self.name()) } else { Fault::overloaded() }
    }

    /// Whether it is one of what a caller has, and others are not kept from anything.
    const fn of_a_caller(self) -> bool {
        matches!(self, Self::CallerArriving | Self::CallerCalls | Self::CallerLongWork | Self::CallerStreams)
    }
}
