use clap::Args;
use devspaces_kit::trace;
use tonic::transport::Uri;

use super::Failure;
use crate::Service;

/// Where spans go.
#[derive(Debug, Args)]
pub(super) struct Otlp {
    /// The collector that spans are exported to, by OTLP over gRPC without TLS; none are unless this is given
    #[arg(long, env = "DEVSPACES_OTLP_ENDPOINT", value_name = "URL", value_parser = collector)]
    otlp_endpoint: Option<Uri>,
    /// Which share of the traces that begin here is exported, from 0 to 1; of others, whoever began them has decided
    #[arg(long, env = "DEVSPACES_OTLP_RATIO", value_name = "SHARE", default_value = "1", value_parser = share)]
    otlp_ratio: f64,
}

fn collector(url: &str) -> Result<Uri, String> {
    let uri: Option<Uri> = url.parse().ok();
    let uri = uri.filter(|uri| uri.scheme_str() == Some("http") && uri.authority().is_some());
    uri.ok_or_else(|| "the URL must have the form http://HOST:PORT".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "the share must be a number from 0 to 1".to_owned())
}

impl Otlp {
    /// Exports the spans of a process that runs these services, if a collector is given.
    pub(super) fn export(&self, services: &[Service]) -> Result<(), Failure> {
        let Some(collector) = self.otlp_endpoint.clone() else { return Ok(()) };
        let names: Vec<_> = services.iter().map(|service| service.name()).collect();
        let export = trace::Export { collector, share: self.otlp_ratio, service: names.join("+") };
        Ok(trace::export(export).map_err(|error| format!("--otlp-endpoint: {error}"))?)
    }
}
