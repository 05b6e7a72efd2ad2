use std::process::ExitCode;

use clap::Args;
use devspaces_ledger::db;

use super::{
    Failure,
    database::{Databases, Open},
    out::print_line,
};

/// Bring the databases' schemas up to date. Several processes may do it at once.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    databases: Databases,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let open = self.databases.open().await?;
        let migrated = migrate(&open).await;
        open.close().await;
        migrated.map(|()| ExitCode::SUCCESS)
    }
}

async fn migrate(open: &Open) -> Result<(), Failure> {
    for (service, pool) in &open.pools {
        let applied = db::migrate(pool, &service.schema()).await;
        let steps =
            applied.map_err(|error| format!("the database of {service}: {}", error.for_operator()))?;
        print_line(format_args!("{service}: {steps} steps applied; the schema is up to date"))?;
    }
    Ok(())
}
