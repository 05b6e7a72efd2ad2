//! The command `devspaces`.
use std::process::ExitCode;

use devspaces::cli::Cli;
use devspaces_kit::telemetry;
use mimalloc::MiMalloc;

/// A fifth of what a call takes of the processors was the C library's allocator: see docs/performance.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let code = Cli::read().run().unwrap_or_else(|error| {
        // One line that says what is wrong; a log would say it to nobody who has just started the program.
        telemetry::say(&format!("devspaces: {error}"));
        ExitCode::FAILURE
    });
    telemetry::flush();
    code
}
