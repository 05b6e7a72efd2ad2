//! The command `devspaces`.
use std::process::ExitCode;

use clap::Parser as _;
use devspaces::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            // One line that says what is wrong; a log would say it to nobody who has just started the program.
            eprintln!("devspaces: {error}");
            ExitCode::FAILURE
        }
    }
}
