use std::process::ExitCode;

use clap::Args;
use devspaces_kit::name::UserName;
use devspaces_ledger::{
    db::Pool,
    erasure::{self, Found},
    personal::Subject,
};

use super::{Failure, database::Databases, out::print_line};
use crate::{Parts, Service};

/// Whom to erase, and whether to do it.
#[derive(Debug, Args)]
pub(super) struct Erase {
    /// Whom: users/bob
    person: String,
    /// The person's e-mail address
    #[arg(long)]
    email: Option<String>,
    /// Erase: there is no way back. Without it nothing is changed
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    databases: Databases,
}

impl Erase {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let person: UserName = self.person.parse().map_err(|error| format!("the person {error}"))?;
        let subject = Subject { person, email: self.email };
        let preview = !self.yes;
        let erase = async |service: Service, pool: &Pool| {
            let found = erasure::erase(pool, &Parts::of(service).holdings(), &subject, preview).await;
            let found =
                found.map_err(|error| format!("the database of {service}: {}", error.for_operator()))?;
            if found.is_empty() {
                print_line(format_args!("{service}: nothing tells of the person"))?;
            }
            for Found { what, rows, stays } in &found {
                let done = match (stays, preview) {
                    (true, _) => "stay: remove the person from them first, or wait for them",
                    (false, true) => "would be erased",
                    (false, false) => "erased",
                };
                print_line(format_args!("{service}: {rows} {what}: {done}"))?;
            }
            Ok(found.iter().any(|found| found.stays))
        };
        let stays = self.databases.beside(erase).await?.into_iter().any(|stays| stays);
        if preview {
            print_line(format_args!("nothing was changed; with --yes it is erased for good"))?;
        }
        Ok(if stays { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
