use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use devspaces_kit::db::{Backup, Pool};

use super::{Failure, database::Databases, out::print_line};
use crate::Service;

/// Copy the SQLite databases to a folder, all as of one moment, beside a suite that may be running.
#[derive(Debug, Args)]
pub(super) struct BackUp {
    /// The folder for the copies: `{service}.db`, none of which may be there
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    #[command(flatten)]
    databases: Databases,
}

impl BackUp {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        // Every writer is held before the first copy is made and until the last is: so they are of one moment.
        let begin = async |service: Service, pool: &Pool| {
            let begun = Backup::begin(pool).await;
            Ok((service, begun.map_err(|error| format!("the database of {service}: {error}"))?))
        };
        let copy = async |begun: Vec<(Service, Backup)>| {
            for (service, backup) in &begun {
                let file = self.to.join(format!("{service}.db"));
                backup.copy_to(&file).await.map_err(|error| format!("{}: {error}", file.display()))?;
                print_line(format_args!("{service}: copied to {}", file.display()))?;
            }
            Ok(())
        };
        self.databases.beside_all(begin, copy).await?;
        Ok(ExitCode::SUCCESS)
    }
}
