use std::process::ExitCode;

use clap::Args;
use devspaces_kit::{
    server::{self, Told},
    tls::{connect_lazy, reason},
};
use tonic::transport::{Endpoint, Uri};

use super::{Failure, tls, tls::CallTls};

/// Ask a running service for its health; exit code 0 if it serves, 1 if not. For health checks of containers.
#[derive(Debug, Args)]
pub(super) struct Health {
    /// Where the service is
    #[arg(
        long,
        env = "DEVSPACES_HEALTH_ADDRESS",
        default_value = "http://127.0.0.1:7000",
        value_name = "URL",
        value_parser = tls::address
    )]
    address: Uri,
    #[command(flatten)]
    tls: CallTls,
}

impl Health {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let address = self.address.to_string();
        let tls = self.tls.open()?;
        let port = connect_lazy(&Endpoint::from(self.address), &tls);
        match server::health(port).await {
            Ok(Told::Serving) => Ok(ExitCode::SUCCESS),
            Ok(Told::Waiting(what)) => {
                let what = what.unwrap_or_else(|| "something that its log names".to_owned());
                Err(format!("{address} is not ready: it waits for {what}").into())
            }
            Err(status) => Err(format!("{address} does not answer: {}", reason(&status, tls.flags())).into()),
        }
    }
}
