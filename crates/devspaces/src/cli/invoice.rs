use std::{fs, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use devspaces_authz::Service;
use devspaces_kit::telemetry;
use devspaces_proof::{Difference, Export as Exported, Verified, verify};

use super::{Failure, checkpoints::Known, invoice_export::Export, out::print_line};

/// The exit code of a verification that has nothing to verify.
const UNREADABLE: u8 = 2;

/// Export an invoice with all that it is made of, and verify such an export without a suite.
#[derive(Debug, Args)]
pub(super) struct Invoice {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print an issued invoice with its events, rate cards and journal entries, as lines of JSON, from a running suite
    Export(Box<Export>),
    /// Recompute an invoice from an export of it; exit code 1 at the first difference, 2 if it can't be read
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Verify {
    /// What `devspaces invoice export` has printed
    #[arg(value_name = "FILE")]
    export: PathBuf,
    #[command(flatten)]
    known: Known,
}

impl Invoice {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Export(export) => export.run().await,
            Command::Verify(verify) => verify.run(),
        }
    }
}

impl Verify {
    fn run(&self) -> Result<ExitCode, Failure> {
        match self.verified() {
            Err(unreadable) => {
                telemetry::say(&format!("devspaces: {unreadable}"));
                Ok(ExitCode::from(UNREADABLE))
            }
            Ok((_, Err(difference))) => {
                print_line(difference)?;
                Ok(ExitCode::FAILURE)
            }
            Ok((invoice, Ok(Verified { lines, events, entries }))) => {
                print_line(format_args!(
                    "{invoice} holds: {lines} lines recomputed from {events} events, which {entries} chained entries vouch for"
                ))?;
                if !self.known.is_asked_for() {
                    print_line(
                        "compared with no checkpoint: that the journal itself is the true one is not shown",
                    )?;
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    /// The invoice's name, and whether it holds.
    fn verified(&self) -> Result<(String, Result<Verified, Difference>), Failure> {
        let name = self.export.display();
        let text =
            fs::read_to_string(&self.export).map_err(|error| format!("{name} can't be read: {error}"))?;
        let export = Exported::read(&text).map_err(|error| format!("{name}: {error}"))?;
        let invoice = export.invoice.name.clone();
        let heads = self.heads(&invoice)?;
        if self.known.is_asked_for() && heads.is_empty() {
            return Err(format!("--checkpoint: no checkpoint knows the journal of {invoice}'s space").into());
        }
        Ok((invoice, verify(&export, &heads)))
    }

    /// The ends of the journal of the invoice's space that checkpoints know.
    fn heads(&self, invoice: &str) -> Result<Vec<(i64, String)>, Failure> {
        let space = invoice.split_once("/billingAccount/").map_or("", |(space, _)| space);
        let known = self.known.read()?.remove(Service::Billing.name()).unwrap_or_default();
        Ok(known.into_iter().filter_map(|mut signed| signed.checkpoint.heads.remove(space)).collect())
    }
}
