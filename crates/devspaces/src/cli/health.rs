use std::{error::Error as _, process::ExitCode};

use clap::Args;
use devspaces_kit::server::{self, Told};
use tonic::{
    Status,
    transport::{Endpoint, Uri},
};

use super::Failure;

/// Ask a running service for its health; exit code 0 if it serves, 1 if not. For health checks of containers.
#[derive(Debug, Args)]
pub(super) struct Health {
    /// Where the service is
    #[arg(
        long,
        env = "DEVSPACES_HEALTH_ADDRESS",
        default_value = "http://127.0.0.1:7000",
        value_name = "URL"
    )]
    address: Uri,
}

impl Health {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let address = self.address.to_string();
        let port = Endpoint::from(self.address).connect_lazy();
        match server::health(port).await {
            Ok(Told::Serving) => Ok(ExitCode::SUCCESS),
            Ok(Told::Waiting(what)) => {
                let what = what.unwrap_or_else(|| "something that its log names".to_owned());
                Err(format!("{address} is not ready: it waits for {what}").into())
            }
            Err(status) => Err(format!("{address} does not answer: {}", reason(&status)).into()),
        }
    }
}

/// Why there is no answer: what the system said, as "Connection refused", if the call did not get that far.
fn reason(status: &Status) -> String {
    let mut reason = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        reason = error.to_string();
        source = error.source();
    }
    reason
}
