//! The services' ports, wherever they are by now: a container that is started again may have another address.
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use devspaces::Service;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

/// How long a connection may take to come about, and when a port that says nothing is noticed: as services have it.
const CONNECT: Duration = Duration::from_secs(1);
const KEEPALIVE: Duration = Duration::from_secs(5);
/// By this word a failure to connect is known among the causes of an error.
pub(crate) const NOT_CONNECTED: &str = "not connected";

/// Where the services are.
#[derive(Clone, Default)]
pub(crate) struct Ports(Arc<Mutex<BTreeMap<Service, Vec<SocketAddr>>>>);

impl Ports {
    /// The services are there now.
    pub(crate) fn set(&self, addresses: BTreeMap<Service, Vec<SocketAddr>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// A service is about to go. Whoever has its address next may be another one.
    pub(crate) fn forget(&self, service: Service) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&service);
    }

    fn of(&self, service: Service, replica: usize) -> Option<SocketAddr> {
        let ports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ports.get(&service).and_then(|replicas| replicas.get(replica)).copied()
    }

    /// Channels to all replicas of the services, each of which connects when it is used and is not connected.
    pub(crate) fn channels(&self) -> Vec<(Service, Channel)> {
        let ports = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let replicas = |(service, ports): (Service, Vec<_>)| (0..ports.len()).map(move |at| (service, at));
        let channel = |(service, replica)| {
            let ports = self.clone();
            let connector = service_fn(move |_: Uri| {
                let ports = ports.clone();
                async move {
                    let failed =
                        |error: &dyn std::fmt::Display| io::Error::other(format!("{NOT_CONNECTED}: {error}"));
                    let address = ports.of(service, replica).ok_or_else(|| failed(&"no address"))?;
                    let stream = timeout(CONNECT, TcpStream::connect(address)).await;
                    let stream = stream.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
                    stream.set_nodelay(true)?;
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
