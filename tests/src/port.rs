//! A service's port as callers see it: that of one process, or those of its replicas by turns.
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use devspaces_kit::tls::{ClientTls, connect_lazy};
use tonic::{
    body::Body,
    codegen::{
        Service,
        http::{Request, Response},
    },
    transport::{Channel, Endpoint, Uri, channel::ResponseFuture},
};

/// Each call goes to the next replica, whoever makes it: what one replica has not heard of is found out by the call after.
#[derive(Debug)]
pub struct Port {
    replicas: Vec<Channel>,
    /// The calls that were made by all clones together.
    calls: Arc<AtomicUsize>,
    /// The replica that was found ready for the call that comes now.
    ready: Option<usize>,
}

impl Port {
    /// The ports at these addresses, connected when they are first called.
    #[must_use]
    pub fn at(replicas: &[Uri]) -> Self {
        replicas.iter().map(|address| Endpoint::from(address.clone()).connect_lazy()).collect()
    }

    /// The same, with TLS where an address begins with `https://`.
    #[must_use]
    pub fn encrypted(replicas: &[Uri], tls: &ClientTls) -> Self {
        replicas.iter().map(|address| connect_lazy(&Endpoint::from(address.clone()), tls)).collect()
    }
}

impl FromIterator<Channel> for Port {
    fn from_iter<I: IntoIterator<Item = Channel>>(replicas: I) -> Self {
        Self { replicas: replicas.into_iter().collect(), calls: Arc::default(), ready: None }
    }
}

impl From<Channel> for Port {
    fn from(channel: Channel) -> Self {
        Self::from_iter([channel])
    }
}

impl Clone for Port {
    fn clone(&self) -> Self {
        Self { replicas: self.replicas.clone(), calls: self.calls.clone(), ready: None }
    }
}

impl Service<Request<Body>> for Port {
    type Response = Response<Body>;
    type Error = tonic::transport::Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let next = || self.calls.fetch_add(1, Ordering::Relaxed) % self.replicas.len();
        let replica = *self.ready.get_or_insert_with(next);
        self.replicas[replica].poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let replica = self.ready.take().expect("ready before the call");
        self.replicas[replica].call(request)
    }
}
