//! Rules about source files that no other tool checks.
use std::{fs, io, path::Path};

use crate::{
    Outcome,
    run::{root, say},
};

/// The longest that a Rust file may be, in lines. Most are well under 300.
const MAX_LINES: usize = 450;

/// Fails if a Rust file is too long to be read in one go.
pub(crate) fn check() -> Outcome {
    let mut long = Vec::new();
    let count =
        walk(root(), &mut long).map_err(|error| format!("the source files can't be read: {error}"))?;
    if !long.is_empty() {
        return Err(format!("files of more than {MAX_LINES} lines: {}", long.join(", ")));
    }
    say(format!("{count} Rust files, none of more than {MAX_LINES} lines"));
    Ok(())
}

/// Notes the Rust files that are too long, and says how many there are in all.
fn walk(folder: &Path, long: &mut Vec<String>) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let hidden = name.to_string_lossy().starts_with('.');
        if entry.file_type()?.is_dir() {
            if !hidden && name != "target" {
                count += walk(&path, long)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            count += 1;
            let lines = fs::read_to_string(&path)?.lines().count();
            if lines > MAX_LINES {
                let shown = path.strip_prefix(root()).unwrap_or(&path);
                long.push(format!("{} ({lines})", shown.display()));
            }
        }
    }
    Ok(count)
}
