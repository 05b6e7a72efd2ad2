//! Calls to peers: each belongs to the trace of the call that is being answered.
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::{
    Code,
    body::Body,
    transport::{Channel, Error},
};
use tower::Service;

use super::{Ending, Span};
use crate::metrics;

/// A channel to a peer.
#[derive(Clone, Debug)]
pub struct Traced {
    channel: Channel,
    peer: &'static str,
}

impl Traced {
    /// The peer behind a channel.
    #[must_use]
    pub fn new(peer: &'static str, channel: Channel) -> Self {
        Self { channel, peer }
    }
}

impl Service<Request<Body>> for Traced {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(span) = Span::client(metrics::method(request.uri().path()), self.peer) else {
            return Box::pin(self.channel.call(request));
        };
        span.context().inject(request.headers_mut());
        let ending = Ending::new(move |code, _| span.end(code));
        let answer = self.channel.call(request);
        Box::pin(async move {
            match answer.await {
                Ok(response) => Ok(ending.responding(response)),
                Err(error) => {
                    ending.end(Code::Unavailable);
                    Err(error)
                }
            }
        })
    }
}
