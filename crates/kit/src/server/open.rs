//! What is open to everybody: health and reflection. They are for load balancers and tools, and tell nothing about
//! anybody. Whoever calls them has not said who they are, so what they may take is little: see [`Limits`].
use std::{pin::pin, sync::Arc, time::Duration};

use http::Request;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use super::{
    Limit, Limits, arrival::Messages, calls::Keeps, connections::Place, edge::Asked, gzip::Encoding,
};
use crate::{metrics, status::Fault};

/// The largest message: 16 KiB. Names are all that is sent.
pub(super) const MESSAGE_LIMIT: usize = 16 * 1024;
/// Until then a message counts as there: headers and message come by themselves, one right after the other. A health
/// check is answered so whatever else strangers do.
const AT_ONCE: Duration = Duration::from_millis(100);
/// How long a message may take to arrive after that.
const ARRIVAL: Duration = Duration::from_secs(5);
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

fn permit(places: &Arc<Semaphore>, limit: Limit) -> Result<OwnedSemaphorePermit, Fault> {
    places.clone().try_acquire_owned().map_err(|_| {
        metrics::limited(limit);
        Fault::overloaded()
    })
}

/// A call's place: it lasts until the last of its clones is dropped.
pub(super) type Permits = Arc<Vec<OwnedSemaphorePermit>>;

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Semaphore::new(limits.open_calls)))
    }

    /// The request of anybody. It takes a place while something is yet to arrive, and as a stream all the time.
    ///
    /// # Errors
    /// `OVERLOADED` if there is no place, or what is wrong with the message.
    pub(super) async fn arrived(
        &self,
        request: Request<Body>,
        asked: &Asked,
    ) -> Result<(Request<Body>, Keeps), Fault> {
        let place = || self.take(&asked.origin.0);
        let (mut parts, body) = request.into_parts();
        let messages = Messages::new(body, Encoding::take(&mut parts.headers)?, MESSAGE_LIMIT);
        if asked.open == Some(Method::Reflection) {
            // The library's reflection reads questions in a task of its own, whatever has become of the answers, and none
            // while an answer is not taken.
            let (place, answered) = (self.take_unread(&asked.origin.0)?, CancellationToken::new());
            let messages = messages.until(answered.clone().cancelled_owned(), Arc::clone(&place));
            let answered = Some(answered.drop_guard());
            let keeps = Keeps { permits: Some(place), answered, ..Keeps::default() };
            return Ok((Request::from_parts(parts, Body::new(messages)), keeps));
        }
        let permits = if asked.open == Some(Method::Watch) { Some(place()?) } else { None };
        let mut only = pin!(messages.only(None));
        let body = if let Ok(body) = timeout(AT_ONCE, only.as_mut()).await {
            body?
        } else {
            let _arriving = if permits.is_none() { Some(place()?) } else { None };
            timeout(ARRIVAL, only).await.unwrap_or_else(|_| Err(Fault::message_late()))?
        };
        Ok((Request::from_parts(parts, body), Keeps { permits, ..Keeps::default() }))
    }

    /// A place for a call: one of the connection's, one of the address's, and one of all.
    fn take(&self, from: &Place) -> Result<Permits, Fault> {
        Ok(Arc::new(self.permits(from)?.into()))
    }

    /// The same for one whose request may be left unread.
    fn take_unread(&self, from: &Place) -> Result<Permits, Fault> {
        let mut permits = Vec::from(self.permits(from)?);
        permits.push(permit(&from.unread, Limit::ConnectionOpenCalls)?);
        Ok(Arc::new(permits))
    }

    fn permits(&self, from: &Place) -> Result<[OwnedSemaphorePermit; 3], Fault> {
        Ok([
            permit(&from.open_calls, Limit::ConnectionOpenCalls)?,
            permit(&from.address.open_calls, Limit::AddressOpenCalls)?,
            permit(&self.0, Limit::OpenCalls)?,
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
