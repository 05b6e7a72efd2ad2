//! The services' ports, wherever they are by now: a container that is started again may have another address.
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use devspaces::Service;
use devspaces_kit::tls::Roots;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

/// How long a connection may take to come about, and when a port that says nothing is noticed: as services have it.
const CONNECT: Duration = Duration::from_secs(1);
const KEEPALIVE: Duration = Duration::from_secs(5);
/// The name that every container's certificate is for, wherever the container is.
const HOST: &str = "localhost";
/// By this word a failure to connect is known among the causes of an error.
pub(crate) const NOT_CONNECTED: &str = "not connected";

/// Where the services are.
/// Where the replicas of each service are.
type Addresses = BTreeMap<Service, Vec<SocketAddr>>;

/// Where the services are.
#[derive(Clone)]
pub(crate) struct Ports {
    addresses: Arc<Mutex<Addresses>>,
    /// None where they speak plain text.
    tls: Option<TlsConnector>,
}

/// A connection, with TLS or without.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Ports {
    /// Nowhere yet. Their certificates are by the authority of this file, if they have any.
    pub(crate) fn new(authority: Option<&Path>) -> Result<Self, String> {
        let connector = |file: &Path| {
            let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
            let pem = std::fs::read(file).map_err(|error| told(&error))?;
            let config = Roots::only_pem(&pem).and_then(Roots::client).map_err(|error| told(&error))?;
            Ok::<_, String>(TlsConnector::from(config))
        };
        Ok(Self { addresses: Arc::default(), tls: authority.map(connector).transpose()? })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }

    /// The services are there now.
    pub(crate) fn set(&self, addresses: Addresses) {
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// A service is about to go. Whoever has its address next may be another one.
    pub(crate) fn forget(&self, service: Service) {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).remove(&service);
    }

    fn of(&self, service: Service, replica: usize) -> Option<SocketAddr> {
        let ports = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        ports.get(&service).and_then(|replicas| replicas.get(replica)).copied()
    }

    /// Channels to all replicas of the services, each of which connects when it is used and is not connected.
    pub(crate) fn channels(&self) -> Vec<(Service, Channel)> {
        let ports = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let replicas = |(service, ports): (Service, Vec<_>)| (0..ports.len()).map(move |at| (service, at));
        let channel = |(service, replica)| {
            let ports = self.clone();
            let connector = service_fn(move |_: Uri| {
                let ports = ports.clone();
                async move {
                    let failed =
                        |error: &dyn std::fmt::Display| io::Error::other(format!("{NOT_CONNECTED}: {error}"));
                    let address = ports.of(service, replica).ok_or_else(|| failed(&"no address"))?;
                    let stream = timeout(CONNECT, ports.connect(address)).await;
                    let stream = stream.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
                    Ok::<_, io::Error>(TokioIo::new(stream))
                }
            });
            let endpoint = Endpoint::from_static("http://service")
                .http2_keep_alive_interval(KEEPALIVE)
                .keep_alive_timeout(KEEPALIVE)
                .keep_alive_while_idle(true);
            (service, endpoint.connect_with_connector_lazy(connector))
        };
        ports.into_iter().flat_map(replicas).map(channel).collect()
    }
}
