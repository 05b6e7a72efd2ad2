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

/// Fails if a Rust file is too long to be read in one go, or has an example that nothing tries.
pub(crate) fn check() -> Outcome {
    let files = rust_files(root())?;
    let (mut long, mut untried) = (Vec::new(), Vec::new());
    for path in &files {
        let text = read(path)?;
        let shown = path.strip_prefix(root()).unwrap_or(path).display();
        let lines = text.lines().count();
        if lines > MAX_LINES {
            long.push(format!("{shown} ({lines})"));
        }
        if has_example(&text) && !tries_examples(path)? {
            untried.push(shown.to_string());
        }
    }
    if !long.is_empty() {
        return Err(format!("files of more than {MAX_LINES} lines: {}", long.join(", ")));
    }
    if !untried.is_empty() {
        let untried = untried.join(", ");
        return Err(format!("examples in crates whose Cargo.toml has `doctest = false`: {untried}"));
    }
    say(format!("{} Rust files, none of more than {MAX_LINES} lines", files.len()));
    Ok(())
}

/// Whether the documentation in a source has an example that would be tried, which begins with a fence and no word, or
/// with a word that is Rust's.
fn has_example(source: &str) -> bool {
    let mut inside = false;
    source.lines().map(str::trim_start).any(|line| {
        let text = line.strip_prefix("//!").or_else(|| line.strip_prefix("///")).map(str::trim);
        let Some(word) = text.and_then(|text| text.strip_prefix("```")) else { return false };
        inside = !inside;
        inside && matches!(word, "" | "rust" | "no_run" | "should_panic" | "compile_fail")
    })
}

/// Whether `cargo test` looks for examples in the crate that a file belongs to.
fn tries_examples(file: &Path) -> Outcome<bool> {
    let manifest = file.ancestors().map(|folder| folder.join("Cargo.toml")).find(|path| path.is_file());
    let manifest = manifest.ok_or_else(|| format!("{} belongs to no crate", file.display()))?;
    Ok(!read(&manifest)?.lines().any(|line| line == "doctest = false"))
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

#[cfg(test)]
mod tests {
    use super::has_example;

    #[test]
    fn examples_are_told_from_other_blocks() {
        assert!(has_example("//! ```\n//! assert!(true);\n//! ```\n"));
        assert!(has_example("    /// ```no_run\n    /// ```\n"));
        assert!(!has_example("/// ```text\n/// Words.\n/// ```\nfn f() {}\n"));
        assert!(!has_example("const TEXT: &str = \"```\";\n"));
    }
}
