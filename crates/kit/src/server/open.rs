//! What is open to everybody: health and reflection. They are for load balancers and tools, and tell nothing about
//! anybody. Whoever calls them has not said who they are, so what they may take is little: see [`Limits`].
use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Limits, connections::Place};
use crate::{metrics, status::Fault};

/// The largest message: 16 KiB. Names are all that is sent.
pub(super) const MESSAGE_LIMIT: usize = 16 * 1024;
/// Until then a message counts as there: headers and message come by themselves, one right after the other. A health
/// check is answered so whatever else strangers do.
pub(super) const AT_ONCE: Duration = Duration::from_millis(100);
/// How long a message may take to arrive after that.
pub(super) const ARRIVAL: Duration = Duration::from_secs(5);
/// How long a stream of questions about the API stays open. Tools ask what they need in one go, and then again.
const REFLECTION: Duration = Duration::from_mins(1);

const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECT: &str = "/grpc.reflection.";

/// A method that is open to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// One question, one answer.
    Unary,
    /// One question, and answers for as long as the client cares.
    Watch,
    /// Questions and answers.
    Reflection,
}

impl Method {
    /// The open method that a path names, if it names one.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path.strip_prefix(HEALTH) {
            Some("Watch") => Some(Self::Watch),
            Some(_) => Some(Self::Unary),
            None => path.starts_with(REFLECT).then_some(Self::Reflection),
        }
    }

    /// How long a call may last, if there is a limit.
    pub(super) fn lasts(self) -> Option<Duration> {
        (self == Self::Reflection).then_some(REFLECTION)
    }
}

/// The calls of everybody that are in progress: streams, and calls whose message has yet to arrive.
pub(super) struct Places(Arc<Semaphore>);

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Semaphore::new(limits.open_calls)))
    }

    /// A place for a call: one of the connection's, one of the address's, and one of all.
    pub(super) fn take(&self, from: &Place) -> Result<[OwnedSemaphorePermit; 3], Fault> {
        let take = |places: &Arc<Semaphore>, limit| {
            places.clone().try_acquire_owned().map_err(|_| {
                metrics::limited(limit);
                Fault::overloaded()
            })
        };
        Ok([
            take(&from.open_calls, "max-open-calls-per-connection")?,
            take(&from.address.open_calls, "max-open-calls-per-address")?,
            take(&self.0, "max-open-calls")?,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_and_reflection_are_open_and_nothing_else() {
        assert_eq!(Method::at("/grpc.health.v1.Health/Check"), Some(Method::Unary));
        assert_eq!(Method::at("/grpc.health.v1.Health/Watch"), Some(Method::Watch));
        let reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
        assert_eq!(Method::at(reflection), Some(Method::Reflection));
        for path in ["/", "/grpc.health.v1.Healthy/Check", "/devspaces.space.v1.SpaceService/GetSpace"] {
            assert_eq!(Method::at(path), None, "{path}");
        }
    }
}
