use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};

use super::{Failure, out::print_line};
use crate::keys::{self, Step};

/// Make the keys of an issuer and of every service in a folder; what is there already stays. Or replace those of the services,
/// step by step, without a call that is refused meanwhile.
#[derive(Debug, Args)]
pub(super) struct Keys {
    /// The folder
    folder: PathBuf,
    /// Takes a step to replace the keys of the services. Before the next step the key set that it wrote has to be with every
    /// service, and before the last one five minutes have to pass besides
    #[arg(long, value_name = "STEP")]
    rotate: Option<Rotation>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rotation {
    /// Make another key for each service, and add it to the key set
    Begin,
    /// Put the other key in the place of the service's own
    Switch,
    /// Take the keys of before out of the key set
    End,
}

impl Keys {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let folder = self.folder.display();
        let step = match self.rotate {
            None => {
                keys::make(&self.folder)?;
                print_line(format_args!("{folder} has the keys of the issuer and of the services"))?;
                return Ok(ExitCode::SUCCESS);
            }
            Some(Rotation::Begin) => Step::Begin,
            Some(Rotation::Switch) => Step::Switch,
            Some(Rotation::End) => Step::End,
        };
        keys::rotate(&self.folder, step)?;
        print_line(match step {
            Step::Begin => {
                "every service has another key beside its own: give all services the new key set, then switch"
            }
            Step::Switch => {
                "every service has its new key: give each its own, wait for five minutes, then end"
            }
            Step::End => "the keys of before are gone: give all services the new key set",
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
