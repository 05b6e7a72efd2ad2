//! Where a gRPC request becomes a handler's call, and its fault a status.
use tonic::{Request, Response, Status};

use crate::{identity::Caller, status::Fault};

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
