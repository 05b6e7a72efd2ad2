//! Random months, priced by the service and by another implementation.
use std::{fs, io::ErrorKind};

use crate::{
    Outcome,
    python::Venv,
    run::{cargo, root, say, step, target},
};

/// The test that writes them down.
const WRITES: &str = "domain::pricing::tests::months::random_months_for_another_implementation";
const PRICES: &str = "tests/python/months.py";

/// How many invoices are compared with each change, and each night.
pub(crate) const FEW: u32 = 1_000;
pub(crate) const MANY: u32 = 10_000;

/// Compares so many invoices, from a seed on.
pub(crate) fn run(invoices: u32, seed: u64) -> Outcome {
    say(format!("{invoices} random invoices from the seed {seed}"));
    let file = target()?.join("months.jsonl");
    // What an earlier run has written says nothing of this one's rules.
    match fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(format!("{}: {error}", file.display()));
        }
        _ => {}
    }
    let mut write = cargo(["test", "--workspace", "--lib", "--", "--ignored", "--exact", WRITES]);
    write
        .env("DEVSPACES_MONTHS_FILE", &file)
        .env("DEVSPACES_MONTHS", invoices.to_string())
        .env("DEVSPACES_MONTHS_SEED", seed.to_string());
    step("random months", &mut write)?;
    // No test fails where none of this name is run.
    if !file.is_file() {
        return Err(format!("no random months were written: is there a test {WRITES}?"));
    }
    let mut price = Venv::open()?.python();
    step("the same months in Python", price.current_dir(root()).arg(PRICES).arg(&file))
}

/// Compares as many as are asked for: `[INVOICES [SEED]]`.
pub(crate) fn run_asked(args: &[&str]) -> Option<Outcome> {
    let number = |text: &&str| text.parse().ok();
    match args {
        [] => Some(run(FEW, 1)),
        [invoices] => Some(run(number(invoices)?, 1)),
        [invoices, seed] => Some(run(number(invoices)?, seed.parse().ok()?)),
        _ => None,
    }
}
