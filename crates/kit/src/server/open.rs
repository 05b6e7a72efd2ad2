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
    Limit, Limits,
    arrival::Messages,
    asked::{Asked, Method},
    connections::Place,
    gzip::Encoding,
    keeps::{Keeps, Permits},
};
use crate::{metrics, status::Fault};

/// The largest message: 16 KiB. Names are all that is sent.
pub(super) const MESSAGE_LIMIT: usize = 16 * 1024;
/// Until then a message counts as there: headers and message come by themselves, one right after the other. A health
/// check is answered so whatever else strangers do.
const AT_ONCE: Duration = Duration::from_millis(100);
/// How long a message may take to arrive after that.
const ARRIVAL: Duration = Duration::from_secs(5);
/// The calls of everybody that are in progress: streams, and calls whose message has yet to arrive.
pub(super) struct Places(Arc<Semaphore>);

fn permit(places: &Arc<Semaphore>, limit: Limit) -> Result<OwnedSemaphorePermit, Fault> {
    places.clone().try_acquire_owned().map_err(|_| {
        metrics::limited(limit);
        Fault::overloaded()
    })
}

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
        let place = || self.take(&asked.origin.place);
        let (mut parts, body) = request.into_parts();
        let messages = Messages::new(body, Encoding::take(&mut parts.headers)?, MESSAGE_LIMIT);
        if asked.open == Some(Method::Reflection) {
            // The library's reflection reads questions in a task of its own, whatever has become of the answers, and none
            // while an answer is not taken.
            let (place, answered) = (self.take_unread(&asked.origin.place)?, CancellationToken::new());
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
