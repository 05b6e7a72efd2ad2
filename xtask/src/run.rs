//! Other programs, and one line for each step.
use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::Outcome;

/// What the steps so far took.
static TIMES: Mutex<Vec<(String, Duration)>> = Mutex::new(Vec::new());

/// Prints what is done next, one line.
pub(crate) fn say(step: impl AsRef<str>) {
    println!("xtask: {}", step.as_ref());
}

/// The workspace's root folder.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The folder of build products in which this program lies itself: `target/debug`.
pub(crate) fn products() -> Outcome<PathBuf> {
    let this = env::current_exe().map_err(|error| format!("this program can't tell where it is: {error}"))?;
    this.parent().map(Path::to_owned).ok_or_else(|| "this program lies in no folder".to_owned())
}

/// The folder for everything that may be deleted: `target`.
pub(crate) fn target() -> Outcome<PathBuf> {
    let products = products()?;
    Ok(products.parent().map_or(products.clone(), Path::to_owned))
}

/// A cargo command in the workspace's root.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    command
}

/// Runs a step to its end, with its output on the terminal, and says how long it took.
pub(crate) fn step(name: &str, command: &mut Command) -> Outcome {
    say(name);
    let start = Instant::now();
    let outcome = quiet(name, command);
    let took = start.elapsed();
    if let Ok(mut times) = TIMES.lock() {
        times.push((name.to_owned(), took));
    }
    outcome?;
    say(format!("{name}: done in {:.1} s", took.as_secs_f64()));
    Ok(())
}

/// Prints a table of the steps so far with what each took, the one that failed included.
pub(crate) fn print_times() {
    let Ok(times) = TIMES.lock() else { return };
    say("the steps, in seconds");
    for (name, took) in times.iter() {
        println!("{:>9.1}  {name}", took.as_secs_f64());
    }
    println!("{:>9.1}  in all", times.iter().map(|(_, took)| took.as_secs_f64()).sum::<f64>());
}

/// Runs a program to its end, with its output on the terminal.
pub(crate) fn quiet(name: &str, command: &mut Command) -> Outcome {
    let status =
        command.status().map_err(|error| format!("{name}: {} can't be run: {error}", program(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {} ended with {status}", program(command))) }
}

/// Runs a program to its end and returns what it printed. Its complaints are part of the error.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let done = command.stdin(Stdio::null()).output();
    let done = done.map_err(|error| format!("{} can't be run: {error}", program(command)))?;
    if !done.status.success() {
        let complaint = String::from_utf8_lossy(&done.stderr);
        let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        return Err(format!("{} ended with {}: {last}", program(command), done.status));
    }
    String::from_utf8(done.stdout)
        .map_err(|_| format!("{} printed something that is not UTF-8", program(command)))
}

/// Whether a program runs and succeeds. Its output is of no interest.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|done| done.status.success())
}

/// Where a program is on the PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    search_path().map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The folders of the PATH.
pub(crate) fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

fn program(command: &Command) -> String {
    Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned()
}
