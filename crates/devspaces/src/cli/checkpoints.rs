//! Checkpoints that were kept: the ends of journals, signed by their services.
use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::Args;
use devspaces_kit::identity::Jwks;
use devspaces_ledger::journal::SignedCheckpoint;

use super::Failure;

/// Which checkpoints are known.
#[derive(Debug, Args)]
pub(super) struct Known {
    /// A file with checkpoints, a line each: what they know must still be there
    #[arg(long, value_name = "FILE", requires = "suite_jwks")]
    checkpoint: Option<PathBuf>,
    /// The public keys of the suite's services, with which checkpoints are verified
    #[arg(long, env = "DEVSPACES_SUITE_JWKS", value_name = "FILE")]
    suite_jwks: Option<PathBuf>,
}

impl Known {
    /// Whether any are to be compared with.
    pub(super) fn is_asked_for(&self) -> bool {
        self.checkpoint.is_some()
    }

    /// The checkpoints, by service.
    pub(super) fn read(&self) -> Result<BTreeMap<String, Vec<SignedCheckpoint>>, Failure> {
        let (Some(file), Some(jwks)) = (&self.checkpoint, &self.suite_jwks) else {
            return Ok(BTreeMap::new());
        };
        let read = |flag, file: &PathBuf| {
            fs::read_to_string(file)
                .map_err(|error| format!("{flag}: {} can't be read: {error}", file.display()))
        };
        let keys =
            Jwks::parse(&read("--suite-jwks", jwks)?).map_err(|error| format!("--suite-jwks: {error}"))?;
        let mut checkpoints = BTreeMap::<String, Vec<SignedCheckpoint>>::new();
        for line in read("--checkpoint", file)?.lines().filter(|line| !line.is_empty()) {
            let signed =
                SignedCheckpoint::open(line, &keys).map_err(|error| format!("--checkpoint: {error}"))?;
            checkpoints.entry(signed.service.clone()).or_default().push(signed);
        }
        Ok(checkpoints)
    }
}
