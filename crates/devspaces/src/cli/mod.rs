//! The command line. Every flag by which a process is set up is also an environment variable, `DEVSPACES_…`.
mod backup;
mod callers;
mod calls;
mod certificates;
mod check;
mod checkpoints;
mod checks;
mod database;
mod dev;
mod doctor;
mod erase;
mod export;
mod health;
mod invoice;
mod invoice_export;
mod invoicing;
mod issuer;
mod journal;
mod keys;
mod limits;
mod log;
mod metrics;
mod migrate;
mod otlp;
mod out;
mod plaintext;
mod policy;
mod reference;
mod serve;
mod service_name;
mod tls;
mod token;
mod webhooks;

use std::{env, error::Error, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, builder::Resettable};
use devspaces_kit::version::{COMMIT, VERSION};

pub use self::reference::reference;

/// Developer spaces: who may do what with a team's apps, members and billing, as a suite of gRPC services.
#[derive(Debug, Parser)]
#[command(name = "devspaces", version = format!("{VERSION} ({COMMIT})"))]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: log::Log,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole suite in this process, on one port, with embedded databases
    Dev(Box<dev::Dev>),
    /// Run some services of the suite in this process
    Serve(Box<serve::Serve>),
    /// Bring the databases' schemas up to date
    Migrate(migrate::Migrate),
    /// Copy the SQLite databases to a folder, all as of one moment, beside a suite that may be running
    Backup(backup::BackUp),
    /// Print a token for a user or a service, signed with the key of a data folder
    Token(token::Token),
    /// Make the keys that the services sign with, and the key sets by which they know each other
    Keys(keys::Keys),
    /// Make an authority and certificates by it, for an installation that has none
    Certificates(certificates::Certificates),
    /// Print the permission table
    Policy(policy::Policy),
    /// Ask a running suite whether somebody has a permission, and why; exit code 0 if so, 3 if not
    Check(check::Check),
    /// Check what `serve` needs, with the flags of `serve`, and say what is wrong; exit code 0 if nothing is
    Doctor(Box<doctor::Doctor>),
    /// Ask a running service whether it is ready; exit code 0 if so
    Health(health::Health),
    /// Check the journals, make checkpoints to check them against later, export them
    Journal(journal::Journal),
    /// Export an invoice with all that it is made of, and verify such an export without a suite
    Invoice(invoice::Invoice),
}

/// What ends a command. Its text is for the operator and names the flag or the file.
type Failure = Box<dyn Error + Send + Sync>;

impl Cli {
    /// Reads the command line and the environment. A variable that is empty counts as not set: what composes containers
    /// sets those empty that its user has emptied.
    #[must_use]
    pub fn read() -> Self {
        let matches = without_empty_variables(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Does what the command line says.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Dev(dev) => on_runtime(dev.run(&self.log)),
            Command::Serve(serve) => on_runtime(serve.run(&self.log)),
            Command::Migrate(migrate) => on_runtime(migrate.run()),
            Command::Backup(backup) => on_runtime(backup.run()),
            Command::Journal(journal) => on_runtime(journal.run()),
            Command::Invoice(invoice) => on_runtime(invoice.run()),
            Command::Check(check) => on_runtime(check.run()),
            Command::Doctor(doctor) => on_runtime(doctor.run()),
            Command::Health(health) => on_runtime(health.run()),
            Command::Token(token) => token.run(),
            Command::Keys(keys) => keys.run(),
            Command::Certificates(certificates) => certificates.run(),
            Command::Policy(policy) => policy.run(),
        }
    }
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    let empty = |arg: &clap::Arg| arg.get_env().and_then(env::var_os).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if empty(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}

fn on_runtime(command: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}
