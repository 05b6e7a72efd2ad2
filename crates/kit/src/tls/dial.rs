//! Connections that this process makes, for gRPC.
use std::{io, net::SocketAddr, time::Duration};

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::{
    ClientTls, Stream,
    client::{host, is_encrypted},
};

/// How long a connection to one of several addresses of a name may take, so that the next has a chance.
const PATIENCE: Duration = Duration::from_secs(3);

/// Connects to an address that a URL leads to, and sets TLS up if the URL says so.
///
/// # Errors
/// What the system says, or a sentence for people if TLS fails.
pub(crate) async fn dial(to: SocketAddr, url: &Uri, tls: &ClientTls) -> io::Result<Stream> {
    let stream = TcpStream::connect(to).await?;
    // If it can't be set, small messages go out all the same.
    let _ = stream.set_nodelay(true);
    if is_encrypted(url) { tls.connect(host(url), stream).await } else { Ok(Stream::Plain(stream)) }
}

/// A channel that connects when it is used, with TLS if its address begins with `https://`.
#[must_use]
pub fn connect_lazy(endpoint: &Endpoint, tls: &ClientTls) -> Channel {
    let tls = tls.clone();
    endpoint.connect_with_connector_lazy(service_fn(move |url: Uri| -> BoxFuture<'static, _> {
        let tls = tls.clone();
        Box::pin(async move { first(&url, &tls).await.map(TokioIo::new) })
    }))
}

/// Connects to the first address of a name that takes the connection.
async fn first(url: &Uri, tls: &ClientTls) -> io::Result<Stream> {
    let port = url.port_u16().unwrap_or(if is_encrypted(url) { 443 } else { 80 });
    let mut failed = io::Error::other("the name stands for no address");
    for to in lookup_host((host(url), port)).await? {
        match timeout(PATIENCE, dial(to, url, tls)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(late) => failed = late.into(),
        }
    }
    Err(failed)
}
