//! Where a gRPC request becomes a handler's call, and its fault a status.
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::{identity::Caller, status::Fault};

/// When a call has to be answered: by its own deadline or the server's, whichever comes first. It is among the request's extensions,
/// for a handler whose work is as much as there is time for.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub(crate) Instant);

impl Deadline {
    /// When half of the time from now to it is over.
    #[must_use]
    pub fn halved(self) -> Self {
        let now = Instant::now();
        Self(now + self.0.saturating_duration_since(now) / 2)
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.0 <= Instant::now()
    }
}

/// Answers a unary call with what a handler makes of the caller and the message.
pub async fn answer<Q, R, F>(
    request: Request<Q>,
    handler: impl FnOnce(Caller, Q) -> F,
) -> Result<Response<R>, Status>
where
    F: Future<Output = Result<R, Fault>>,
{
    // The authentication layer puts it there; a port without the layer answers nobody.
    let caller = request.extensions().get::<Caller>().cloned().ok_or_else(Fault::credentials_missing)?;
    // Boxed, since a handler's future holds the message and all that it works with.
    Ok(Response::new(Box::pin(handler(caller, request.into_inner())).await?))
}
