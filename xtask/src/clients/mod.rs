//! Clients in other languages: stubs are generated and compiled, and call a suite, by the commands of docs/clients.md.
mod languages;
mod suite;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use self::{
    languages::{LANGUAGES, Language},
    suite::Suite,
};
use crate::{
    Outcome,
    guide::Guide,
    python::Venv,
    run::{output, root, say, step, target},
    test,
};

/// Where the commands are written: of each language first those that make stubs, then those that call with them, if any.
const DOCUMENT: &str = "docs/clients.md";

/// Where the chore finds the .proto files of google.rpc: among what this brings.
const REQUIREMENTS: &str = "tests/python/requirements.txt";

/// Tries the languages that are named; all of them with `--all`; without arguments those that `ci` has time for.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let guide = Guide::read(DOCUMENT)?;
    guide.tells_of(LANGUAGES.iter().map(|language| language.name))?;
    let chosen = choose(args)?;
    let work = Work::open(guide)?;
    let mut names = Vec::new();
    for language in &chosen {
        if let Err(missing) = language.require() {
            if !args.is_empty() {
                return Err(missing);
            }
            // A distribution may have no version that will do.
            say(format!("CLIENTS IN {} ARE SKIPPED: {missing}", language.name.to_uppercase()));
            continue;
        }
        work.try_out(language)?;
        names.push(language.name);
    }
    say(format!("clients that work: {}", names.join(", ")));
    Ok(())
}

fn choose(args: &[&str]) -> Outcome<Vec<&'static Language>> {
    match args {
        [] => Ok(LANGUAGES.iter().filter(|language| language.in_ci).collect()),
        ["--all"] => Ok(LANGUAGES.iter().collect()),
        names => names.iter().map(|name| named(name)).collect(),
    }
}

fn named(name: &str) -> Outcome<&'static Language> {
    LANGUAGES.iter().find(|language| language.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let known: Vec<_> = LANGUAGES.iter().map(|language| language.name).collect();
        format!("no language {name:?}; there are {}", known.join(", "))
    })
}

/// What all languages are tried with.
struct Work {
    guide: Guide,
    suite: Suite,
    folder: PathBuf,
    googleapis: PathBuf,
}

impl Work {
    fn open(guide: Guide) -> Outcome<Self> {
        let binary = env::var_os("DEVSPACES_BIN").map_or_else(test::build, |binary| Ok(binary.into()))?;
        let venv = Venv::open()?;
        venv.require(REQUIREMENTS)?;
        let packages =
            output(venv.python().args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]))?;
        let folder = target()?.join("clients");
        // What an earlier run left could stand in for what this one fails to make.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let suite = Suite::start(&binary, &folder.join("suite"))?;
        Ok(Self { guide, suite, folder, googleapis: packages.trim().into() })
    }

    /// Runs the commands for a language in a copy of its folder of tests/clients, those that call with a suite there.
    fn try_out(&self, language: &Language) -> Outcome {
        let folder = self.folder.join(language.folder);
        let sources = root().join("tests/clients").join(language.folder);
        copy(&sources, &folder).map_err(|error| format!("{}: {error}", sources.display()))?;
        let token = self.suite.token(&format!("users/{}", language.folder))?;
        for (index, block) in self.guide.blocks(language.name).iter().enumerate() {
            let mut shell = Command::new("bash");
            shell.args(["-euo", "pipefail", "-c", block]).current_dir(&folder).stdin(Stdio::null());
            shell.env("PROTO", root().join("proto")).env("GOOGLEAPIS", &self.googleapis);
            shell.env("ADDRESS", self.suite.address()).env("DEVSPACES_TOKEN", &token);
            let what = if index == 0 { "stubs" } else { "a call" };
            step(&format!("{what} in {}", language.name), &mut shell)?;
        }
        Ok(())
    }
}

/// Copies a folder. One that is not there is an empty one: some languages need no file of their own.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    if !from.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let (entry, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name())))?;
        if entry.is_dir() {
            copy(&entry, &target)?;
        } else {
            fs::copy(&entry, &target)?;
        }
    }
    Ok(())
}
