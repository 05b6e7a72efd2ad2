//! Rules about source files that no other tool checks.
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Outcome,
    run::{root, say},
};

/// The longest that a Rust file may be, in lines. Most are well under 300.
const MAX_LINES: usize = 450;

/// Fails if a Rust file is too long to be read in one go.
pub(crate) fn check() -> Outcome {
    let files = rust_files(root())?;
    let mut long = Vec::new();
    for path in &files {
        let lines = read(path)?.lines().count();
        if lines > MAX_LINES {
            let shown = path.strip_prefix(root()).unwrap_or(path);
            long.push(format!("{} ({lines})", shown.display()));
        }
    }
    if !long.is_empty() {
        return Err(format!("files of more than {MAX_LINES} lines: {}", long.join(", ")));
    }
    say(format!("{} Rust files, none of more than {MAX_LINES} lines", files.len()));
    Ok(())
}

/// The Rust files in a folder and those in it, but for build products and what is hidden.
pub(crate) fn rust_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    walk(folder, &mut files)
        .map_err(|error| format!("the files in {} can't be listed: {error}", folder.display()))?;
    Ok(files)
}

pub(crate) fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{} can't be read: {error}", path.display()))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let hidden = name.to_string_lossy().starts_with('.');
        if entry.file_type()?.is_dir() {
            if !hidden && name != "target" {
                walk(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
