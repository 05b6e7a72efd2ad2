use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use devspaces_kit::{
    clock::{Clock as _, SystemClock},
    identity::SigningKey,
};
use devspaces_ledger::{
    db::Pool,
    journal::{self, Problem, Report, SignedCheckpoint},
};

use super::{
    Failure, checkpoints::Known, database::Databases, erase::Erase, export::Export, out::print_line,
};
use crate::Service;

/// Check the journals, make checkpoints to check them against later, export them.
#[derive(Debug, Args)]
pub(super) struct Journal {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read every entry and hold it against its chain; exit code 1 if one is changed, missing or cut off
    Verify(Verify),
    /// Print the ends of the journals, signed, to be kept where the database's administrators can't reach
    Checkpoint(MakeCheckpoint),
    /// Erase a person's name, and e-mail address if given; the chains hold all the same. Without --yes it only says what
    /// there is to erase, and what would stay; exit code 1 if something stays
    Erase(Erase),
    /// Print entries as lines of JSON, beside a running suite
    Export(Export),
}

#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    databases: Databases,
    #[command(flatten)]
    known: Known,
}

#[derive(Debug, Args)]
struct MakeCheckpoint {
    #[command(flatten)]
    databases: Databases,
    /// The key that each service signs with, PKCS#8 in PEM; {service} stands for its name
    #[arg(long, env = "DEVSPACES_SERVICE_KEY_FILE", value_name = "FILE")]
    service_key_file: String,
}

impl Journal {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Verify(verify) => verify.run().await,
            Command::Checkpoint(checkpoint) => checkpoint.run().await,
            Command::Erase(erase) => erase.run().await,
            Command::Export(export) => export.run().await,
        }
    }
}

impl Verify {
    async fn run(self) -> Result<ExitCode, Failure> {
        let checkpoints = self.known.read()?;
        let verified = async |service: Service, pool: &Pool| {
            let known = checkpoints.get(service.name()).map(Vec::as_slice).unwrap_or_default();
            let report = verify(service, pool, known).await?;
            for finding in &report.findings {
                let problem = describe(finding.problem);
                print_line(format_args!(
                    "{service}: {} entry {}: {problem}",
                    finding.scope, finding.sequence
                ))?;
            }
            let compared = compared(known);
            let Report { scopes, entries, findings } = report;
            let wrong = findings.len();
            print_line(format_args!(
                "{service}: {entries} entries of {scopes} scopes read, {wrong} wrong; {compared}"
            ))?;
            if entries == 0 {
                print_line(format_args!(
                    "{service}: WARNING: the journal has no entries: is this the database that was meant?"
                ))?;
            }
            // Who asked for a comparison must not take for one what was none.
            Ok(findings.is_empty() && (!self.known.is_asked_for() || !known.is_empty()))
        };
        let intact = self.databases.beside(verified).await?.into_iter().all(|intact| intact);
        Ok(if intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What was held against the journal beside its own hashes.
fn compared(known: &[SignedCheckpoint]) -> String {
    match known.iter().map(|signed| signed.time).max() {
        None => "compared with no checkpoint".to_owned(),
        Some(last) => {
            let heads: BTreeSet<_> = known.iter().flat_map(|signed| signed.checkpoint.heads.keys()).collect();
            let (lines, scopes) = (known.len(), heads.len());
            format!("compared with {lines} checkpoints that know {scopes} scopes, the last of {last}")
        }
    }
}

async fn verify(service: Service, pool: &Pool, known: &[SignedCheckpoint]) -> Result<Report, Failure> {
    let known: Vec<_> = known.iter().map(|signed| signed.checkpoint.clone()).collect();
    let read = async { journal::verify(pool, &known).await };
    Ok(read.await.map_err(|error| format!("the journal of {service}: {}", error.for_operator()))?)
}

fn describe(problem: Problem) -> &'static str {
    match problem {
        Problem::Changed => "its bytes are not those that were chained",
        Problem::Missing => "it is missing",
        Problem::CutOff => "it and all after it are missing",
        Problem::Unknown => "the head does not know it",
        Problem::Rewritten => "it is not the entry that the head or checkpoint knows",
    }
}

impl MakeCheckpoint {
    async fn run(self) -> Result<ExitCode, Failure> {
        let checkpoint = async |service: Service, pool: &Pool| {
            let file = PathBuf::from(self.service_key_file.replace("{service}", service.name()));
            let key = SigningKey::load(&file).map_err(|error| format!("--service-key-file: {error}"))?;
            let read = async { journal::heads(&mut pool.read().await?).await };
            let heads =
                read.await.map_err(|error| format!("the journal of {service}: {}", error.for_operator()))?;
            let time = SystemClock.now();
            let signed = SignedCheckpoint { service: service.name().to_owned(), time, checkpoint: heads };
            print_line(signed.sign(&key))?;
            Ok(())
        };
        self.databases.beside(checkpoint).await?;
        Ok(ExitCode::SUCCESS)
    }
}
