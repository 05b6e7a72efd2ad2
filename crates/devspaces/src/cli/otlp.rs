use std::path::PathBuf;

use clap::Args;
use devspaces_kit::{
    tls::{ClientFiles, ClientTls, File, Flags},
    trace,
};
use tonic::transport::Uri;

use super::{
    Failure,
    plaintext::{Part, Plaintext},
    tls,
};
use crate::Service;

/// The flag of the authorities that certify the collector.
const CA: &str = "--otlp-ca";

/// Where spans go.
#[derive(Debug, Args)]
pub(super) struct Otlp {
    /// The collector that spans are exported to, by OTLP over gRPC; none are unless this is given
    #[arg(long = "otlp-endpoint", id = "otlp_endpoint", env = "DEVSPACES_OTLP_ENDPOINT", value_name = "URL", value_parser = tls::address)]
    endpoint: Option<Uri>,
    /// The authorities in PEM that certify the collector, in place of the web's
    #[arg(long = "otlp-ca", id = "otlp_ca", env = "DEVSPACES_OTLP_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Which share of the traces that begin here is exported, from 0 to 1; of others, whoever began them has decided
    #[arg(long = "otlp-ratio", id = "otlp_ratio", env = "DEVSPACES_OTLP_RATIO", value_name = "SHARE", default_value = "1", value_parser = share)]
    ratio: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "the share must be a number from 0 to 1".to_owned())
}

impl Otlp {
    /// That the collector is not reached in plain text where that is refused.
    pub(super) fn check(&self, plaintext: &Plaintext) -> Result<(), Failure> {
        let Some(collector) = &self.endpoint else { return Ok(()) };
        plaintext.calling(Part::Otlp, "--otlp-endpoint", collector)
    }

    /// Exports the spans of a process that runs these services, if a collector is given.
    pub(super) fn export(&self, services: &[Service]) -> Result<(), Failure> {
        let Some(collector) = self.endpoint.clone() else { return Ok(()) };
        let authorities = self.ca.clone().map(|path| File { flag: CA, path });
        let flags = Flags { authorities: CA, identity: "a flag that there is none of" };
        let tls = ClientTls::open(ClientFiles { authorities, identity: None, flags })?;
        let names: Vec<_> = services.iter().map(|service| service.name()).collect();
        let export = trace::Export { collector, tls, share: self.ratio, service: names.join("+") };
        Ok(trace::export(export).map_err(|error| format!("--otlp-endpoint: {error}"))?)
    }
}
