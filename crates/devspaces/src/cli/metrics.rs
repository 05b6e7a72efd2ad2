use std::net::SocketAddr;

use clap::Args;
use devspaces_kit::{clock::SystemClock, metrics};
use devspaces_ledger::metrics::Databases;
use tokio::net::TcpListener;

use super::Failure;
use crate::Service;

/// A port for Prometheus.
#[derive(Debug, Args)]
pub(super) struct MetricsPort {
    /// Where Prometheus gets metrics, at /metrics: a port for the operator alone, off unless this is given
    #[arg(long, env = "DEVSPACES_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
}

/// The open port, and the databases that it tells of.
pub(super) struct Open {
    pub(super) address: Option<SocketAddr>,
    pub(super) databases: Databases,
}

impl MetricsPort {
    /// Opens the port of a process that runs these services, if one was given.
    pub(super) async fn open(&self, services: &[Service]) -> Result<Open, Failure> {
        for service in services {
            metrics::runs(service.name());
        }
        let databases = Databases::new(SystemClock::shared());
        let Some(listen) = self.metrics_listen else { return Ok(Open { address: None, databases }) };
        let bound = TcpListener::bind(listen).await;
        let listener = bound.map_err(|error| format!("--metrics-listen {listen}: {error}"))?;
        let address = Some(listener.local_addr()?);
        // It ends with the process: what it tells of a service that stops is of interest until then.
        let told = databases.clone();
        let served = metrics::serve(listener, move || {
            let told = told.clone();
            async move { told.text().await }
        });
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "the port for metrics failed");
            }
        });
        Ok(Open { address, databases })
    }
}

impl Open {
    /// What is said of the port where the process says where it listens.
    pub(super) fn notice(&self) -> String {
        self.address.map(|address| format!("; metrics are on http://{address}/metrics")).unwrap_or_default()
    }
}
