//! What commands print.
use std::{
    fmt,
    io::{self, ErrorKind, Write as _},
};

use super::Failure;

/// Prints on standard output. That nobody reads on, as behind `head`, is no failure.
///
/// # Errors
/// If it can't be written, as on a full disk.
pub(super) fn print(text: impl fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("standard output can't be written: {error}").into())
        }
        _ => Ok(()),
    }
}

/// As [`print`], and ends the line.
pub(super) fn print_line(text: impl fmt::Display) -> Result<(), Failure> {
    print(format_args!("{text}\n"))
}
