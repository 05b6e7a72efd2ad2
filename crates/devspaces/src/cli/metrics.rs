use std::net::SocketAddr;

use clap::Args;
use devspaces_kit::{clock::SystemClock, metrics, server::serve_metrics, tls::ServerTls};
use devspaces_ledger::metrics::Databases;
use tokio::net::TcpListener;

use super::{
    Failure,
    plaintext::{Part, Plaintext},
};
use crate::Service;

/// A port for Prometheus.
#[derive(Debug, Args)]
pub(super) struct MetricsPort {
    /// Where Prometheus gets metrics, at /metrics, with TLS if --tls-cert is given and --plaintext metrics is not: a port for the operator alone, off unless
    /// this is given
    #[arg(long, env = "DEVSPACES_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
}

/// The open port, and the databases that it tells of.
pub(super) struct Open {
    pub(super) address: Option<SocketAddr>,
    scheme: &'static str,
    pub(super) databases: Databases,
}

impl MetricsPort {
    /// Opens the port of a process that runs these services, if one was given: with TLS, or without where plain text may go.
    pub(super) async fn open(
        &self,
        services: &[Service],
        tls: Option<ServerTls>,
        plaintext: &Plaintext,
    ) -> Result<Open, Failure> {
        for service in services {
            metrics::runs(service.name());
        }
        let databases = Databases::new(SystemClock::shared());
        let tls = tls.filter(|_| !plaintext.allows(Part::Metrics));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let Some(listen) = self.metrics_listen else { return Ok(Open { address: None, scheme, databases }) };
        if tls.is_none() {
            plaintext.listening(Part::Metrics, "--metrics-listen", listen)?;
        }
        let bound = TcpListener::bind(listen).await;
        let listener = bound.map_err(|error| format!("--metrics-listen {listen}: {error}"))?;
        let address = Some(listener.local_addr()?);
        // It ends with the process: what it tells of a service that stops is of interest until then.
        let told = databases.clone();
        tokio::spawn(serve_metrics(listener, tls, move || {
            let told = told.clone();
            async move { told.text().await }
        }));
        Ok(Open { address, scheme, databases })
    }
}

impl Open {
    /// What is said of the port where the process says where it listens.
    pub(super) fn notice(&self) -> String {
        let notice = |address| format!("; metrics are on {}://{address}/metrics", self.scheme);
        self.address.map(notice).unwrap_or_default()
    }
}
