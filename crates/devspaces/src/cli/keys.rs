use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{Failure, out::print_line};
use crate::keys;

/// Make the keys of an issuer and of every service in a folder; what is there already stays.
#[derive(Debug, Args)]
pub(super) struct Keys {
    /// The folder
    folder: PathBuf,
}

impl Keys {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        keys::make(&self.folder)?;
        print_line(format_args!("{} has the keys of the issuer and of the services", self.folder.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
