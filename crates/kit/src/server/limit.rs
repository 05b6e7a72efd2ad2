//! What a port can run out of, by name.
use crate::status::Fault;

/// A limit that can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Limit {
    Connections,
    AddressConnections,
    Handshake,
    Idle,
    Age,
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
    Questions,
    CallerQuestions,
}

impl Limit {
    pub(crate) const ALL: [Self; 22] = [
        Self::Connections,
        Self::AddressConnections,
        Self::Handshake,
        Self::Idle,
        Self::Age,
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
        Self::Questions,
        Self::CallerQuestions,
    ];

    /// As metrics, logs and refusals name it: as the setting is named, if there is one.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connections => "max-connections",
            Self::AddressConnections => "max-connections-per-address",
            Self::Handshake => "handshake-timeout",
            Self::Idle => "idle-timeout",
            Self::Age => "connection-age",
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
            Self::Questions => "questions",
            Self::CallerQuestions => "questions-per-caller",
        }
    }

    /// What one is told who meets it.
    pub(crate) fn fault(self) -> Fault {
        if self.of_a_caller() { Fault::caller_limited(self.name()) } else { Fault::overloaded() }
    }

    /// Whether it is one of what a caller has, and others are not kept from anything.
    const fn of_a_caller(self) -> bool {
        matches!(
            self,
            Self::CallerArriving
                | Self::CallerCalls
                | Self::CallerLongWork
                | Self::CallerStreams
                | Self::CallerQuestions
        )
    }
}
