use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{Failure, out::print_line};
use crate::certificates;

/// Make an authority in a folder, and a certificate by it for each host: for an installation without an authority of its own.
///
/// What is there already stays, but for certificates with less than 60 days left, which are made anew.
#[derive(Debug, Args)]
pub(super) struct Certificates {
    /// The folder; each host has a folder in it with cert.pem, key.pem and ca.pem
    folder: PathBuf,
    /// The names of the hosts: those by which --peer gives the services. Each certificate is also for localhost
    #[arg(required = true, value_parser = host)]
    hosts: Vec<String>,
}

/// A name that is a folder's, too.
fn host(text: &str) -> Result<String, String> {
    let letters = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(plain)
    };
    let named = text.split('.').all(letters);
    named
        .then(|| text.to_owned())
        .ok_or_else(|| "must be a host's name in lower case: space.internal".to_owned())
}

impl Certificates {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let made = certificates::make(&self.folder, &self.hosts)?;
        let folder = self.folder.display();
        print_line(match made.as_slice() {
            [] => format!("{folder} has the certificates of all hosts"),
            made => format!("{folder} has new certificates: {}", made.join(", ")),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
