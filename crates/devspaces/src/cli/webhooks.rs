use std::{fs, path::PathBuf};

use clap::Args;
use devspaces_events::{Network, Networks, Sender};
use devspaces_kit::tls::Roots;

use super::Failure;

/// Where events are sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Webhooks")]
pub(super) struct Webhooks {
    /// A network beside the public internet that webhooks may lead into, also by http: 10.1.0.0/16; once for each, or separated by
    /// commas. Everybody who administers a space can have requests sent there
    #[arg(
        long = "webhook-network",
        env = "DEVSPACES_WEBHOOK_NETWORKS",
        value_delimiter = ',',
        value_name = "NETWORK"
    )]
    networks: Vec<Network>,
    /// Authorities that certify receivers, in PEM, beside those of the web
    #[arg(long = "webhook-ca", env = "DEVSPACES_WEBHOOK_CA", value_name = "FILE")]
    authorities: Option<PathBuf>,
}

impl Webhooks {
    /// By what events are sent.
    pub(super) fn sender(&self) -> Result<Sender, Failure> {
        let roots = match &self.authorities {
            None => Roots::default(),
            Some(file) => {
                let pem =
                    fs::read(file).map_err(|error| format!("--webhook-ca {}: {error}", file.display()))?;
                Roots::with_pem(&pem).map_err(|error| format!("--webhook-ca {}: {error}", file.display()))?
            }
        };
        let sender = Sender::new(Networks::new(self.networks.clone()), roots);
        Ok(sender.map_err(|error| format!("--webhook-ca: {error}"))?)
    }
}
