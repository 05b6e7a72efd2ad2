//! What is given to operators: a program that needs no library, an image that holds it, a list of what it is made of, and
//! the checksums of all.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Outcome,
    packages::{self, Package},
    run::{cargo, find, output, root, say, step, succeeds, target},
};

/// Where the program is to run. It is linked with all that it needs, the C library included.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// The compiler of the C that comes as source: SQLite, the allocator, cryptography.
const COMPILER: Package = Package { apt: "musl-tools", dnf: "musl-gcc", apk: "musl-dev", brew: "musl-cross" };

/// What writes the list of dependencies, in the version whose output was looked at.
const LISTS: [&str; 2] = ["cargo-cyclonedx", "0.5.9"];

/// What of the repository goes with the program.
const BESIDE: [&str; 6] =
    ["LICENSE", "README.md", "CHANGELOG.md", "deploy/prometheus", "deploy/grafana", "deploy/chart"];

/// Makes a release of what is committed, in `target/release-VERSION`. Whoever has changed something since is told.
pub(crate) fn run() -> Outcome {
    let (version, commit) = (version()?, commit()?);
    let folder = target()?.join(format!("release-{version}"));
    let name = format!("devspaces-{version}-{TARGET}");
    let inner = folder.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    fs::create_dir_all(&inner).map_err(|error| format!("{}: {error}", inner.display()))?;
    copy(&program(&commit)?, &inner.join("devspaces"))?;
    copy(&list()?, &folder.join("devspaces.cdx.json"))?;
    for beside in BESIDE {
        let mut cp = Command::new("cp");
        step(beside, cp.arg("-R").arg(root().join(beside)).arg(&inner))?;
    }
    pack(&folder, &name)?;
    image(&folder, &inner, &version, &commit)?;
    fs::remove_dir_all(&inner).map_err(|error| format!("{}: {error}", inner.display()))?;
    sums(&folder)?;
    say(format!("{} of commit {commit} is in {}", name, folder.display()));
    Ok(())
}

/// The version of the workspace.
fn version() -> Outcome<String> {
    let id = output(&mut cargo(["pkgid", "--package", "devspaces"]))?;
    let version = id.trim().rsplit(['#', '@']).next().unwrap_or_default().to_owned();
    if version.is_empty() { Err(format!("'{id}' names no version")) } else { Ok(version) }
}

/// The commit that is built. What is not committed is in no release.
fn commit() -> Outcome<String> {
    let mut git = Command::new("git");
    let changed = output(git.current_dir(root()).args(["status", "--porcelain"]))?;
    if let Some(first) = changed.lines().next() {
        return Err(format!("a release is made of what is committed, and this is not: {first}"));
    }
    let mut git = Command::new("git");
    Ok(output(git.current_dir(root()).args(["rev-parse", "--short=12", "HEAD"]))?.trim().to_owned())
}

/// Compiles the program for [`TARGET`].
fn program(commit: &str) -> Outcome<PathBuf> {
    if find("musl-gcc").is_none() {
        packages::install("musl-gcc", &COMPILER, "install the C compiler of musl")?;
    }
    let mut rustup = Command::new("rustup");
    step("the standard library for the target", rustup.current_dir(root()).args(["target", "add", TARGET]))?;
    let mut build = cargo(["build", "--locked", "--release", "--target", TARGET, "--package", "devspaces"]);
    build.args(["--bin", "devspaces"]).env("DEVSPACES_COMMIT", commit);
    step("the program", &mut build)?;
    let program = target()?.join(TARGET).join("release/devspaces");
    let said = output(Command::new(&program).arg("--version"))?;
    if said.contains(commit) {
        Ok(program)
    } else {
        Err(format!("the program does not know its commit: {said}"))
    }
}

/// Lists what the program is made of, in the form of `CycloneDX`.
fn list() -> Outcome<PathBuf> {
    let [tool, version] = LISTS;
    let tools = target()?.join("tools");
    let installed = tools.join("bin").join(tool);
    if !succeeds(Command::new(&installed).args(["cyclonedx", "--version"])) {
        let mut install = cargo(["install", "--locked", "--version", version, tool, "--root"]);
        step(tool, install.arg(&tools))?;
    }
    let mut lists = Command::new(installed);
    lists.current_dir(root()).args(["cyclonedx", "--format", "json", "--spec-version", "1.5"]);
    lists.args(["--target", TARGET, "--override-filename", "devspaces.cdx", "--manifest-path"]);
    step("the list of what it is made of", lists.arg("crates/devspaces/Cargo.toml"))?;
    // It writes one beside each manifest that it has looked at.
    let wanted = root().join("crates/devspaces/devspaces.cdx.json");
    let kept = target()?.join("devspaces.cdx.json");
    copy(&wanted, &kept)?;
    let mut git = Command::new("git");
    step("nothing else is left", git.current_dir(root()).args(["clean", "-fq", "--", "*.cdx.json"]))?;
    Ok(kept)
}

fn pack(folder: &Path, name: &str) -> Outcome {
    let mut tar = Command::new("tar");
    tar.current_dir(folder).args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-czf"]);
    step("the archive", tar.arg(format!("{name}.tar.gz")).arg(name))
}

/// Makes the image, where a Docker engine runs.
fn image(folder: &Path, inner: &Path, version: &str, commit: &str) -> Outcome {
    if !succeeds(Command::new("docker").arg("info")) {
        say("THERE IS NO IMAGE: no Docker engine answers here");
        return Ok(());
    }
    copy(&folder.join("devspaces.cdx.json"), &inner.join("devspaces.cdx.json"))?;
    let tag = format!("devspaces:{version}");
    let mut build = Command::new("docker");
    build.arg("build").arg("--tag").arg(&tag).arg("--file").arg(root().join("deploy/release.Dockerfile"));
    for (label, value) in [
        ("title", "devspaces"),
        ("description", "Developer spaces as a suite of gRPC services"),
        ("version", version),
        ("revision", commit),
        ("licenses", "Apache-2.0"),
    ] {
        build.arg("--label").arg(format!("org.opencontainers.image.{label}={value}"));
    }
    step("the image", build.arg(inner))?;
    let mut save = Command::new("docker");
    let saved = folder.join(format!("devspaces-{version}-image.tar"));
    step("the image as a file", save.args(["save", "--output"]).arg(&saved).arg(&tag))?;
    step("the image as a smaller file", Command::new("gzip").arg("-9n").arg(&saved))
}

fn sums(folder: &Path) -> Outcome {
    let files = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<_> =
        files.flatten().filter(|file| file.path().is_file()).map(|file| file.file_name()).collect();
    names.sort();
    let sums = output(Command::new("sha256sum").current_dir(folder).args(&names))?;
    fs::write(folder.join("SHA256SUMS"), sums).map_err(|error| format!("SHA256SUMS: {error}"))
}

fn copy(from: &Path, to: &Path) -> Outcome {
    let copied = fs::copy(from, to);
    copied
        .map(drop)
        .map_err(|error| format!("{} can't be copied to {}: {error}", from.display(), to.display()))
}
