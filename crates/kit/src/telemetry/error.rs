use std::io;

use tracing_subscriber::{filter::ParseError, util::TryInitError};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not a list of directives such as `info,devspaces_gate=debug`.
    #[error("the log filter is not valid: {0}")]
    Filter(#[from] ParseError),
    /// No way to the collector of spans can be set up.
    #[error("spans can't be exported: {0}")]
    Export(String),
    /// The process has set up logging already.
    #[error(transparent)]
    Twice(#[from] TryInitError),
    /// The system has no thread to write with.
    #[error("the log can't be written: {0}")]
    Thread(#[from] io::Error),
}
