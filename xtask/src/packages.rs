//! The system's package manager, for what the tests need and the machine does not have.
use std::process::{Command, Stdio};

use crate::{
    Outcome,
    run::{find, output, quiet, say, succeeds},
};

/// What one thing is called by each package manager.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Package {
    pub(crate) apt: &'static str,
    pub(crate) dnf: &'static str,
    pub(crate) apk: &'static str,
    pub(crate) brew: &'static str,
}

/// How a package manager installs something.
struct Installer {
    refresh: Option<&'static [&'static str]>,
    install: &'static [&'static str],
    name: fn(&Package) -> &'static str,
    needs_root: bool,
}

const INSTALLERS: [Installer; 4] = [
    Installer {
        refresh: Some(&["apt-get", "update", "-qq"]),
        install: &["apt-get", "install", "-y", "-qq", "--no-install-recommends"],
        name: |package| package.apt,
        needs_root: true,
    },
    Installer {
        refresh: None,
        install: &["dnf", "install", "-y"],
        name: |package| package.dnf,
        needs_root: true,
    },
    Installer { refresh: None, install: &["apk", "add"], name: |package| package.apk, needs_root: true },
    Installer {
        refresh: None,
        install: &["brew", "install"],
        name: |package| package.brew,
        needs_root: false,
    },
];

/// Has apt-get ask nothing. sudo passes no variables on, hence as an argument of env.
const QUESTIONS: &str = "DEBIAN_FRONTEND=noninteractive";

/// Installs a package with the system's package manager, if there is one that may. `otherwise` completes the error:
/// what a person can do instead.
pub(crate) fn install(what: &str, package: &Package, otherwise: &str) -> Outcome {
    let installer = INSTALLERS
        .iter()
        .find(|installer| find(installer.install[0]).is_some())
        .ok_or_else(|| format!("{what} is missing and no known package manager is here; {otherwise}"))?;
    let prefix: &[&str] = match (installer.needs_root, is_root()) {
        (true, false) if succeeds(Command::new("sudo").args(["-n", "true"])) => {
            &["sudo", "-n", "env", QUESTIONS]
        }
        (true, false) => {
            return Err(format!("{what} is missing and installing it takes root; {otherwise}"));
        }
        _ => &[],
    };
    if let Some(refresh) = installer.refresh {
        run(what, &[prefix, refresh].concat())?;
    }
    run(what, &[prefix, installer.install, &[(installer.name)(package)]].concat())
}

/// Whether this process is root's.
pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn run(what: &str, words: &[&str]) -> Outcome {
    say(format!("{what} is missing, so this runs: {}", words.join(" ")));
    let mut command = Command::new("env");
    quiet(&format!("installing {what}"), command.arg(QUESTIONS).args(words).stdin(Stdio::null()))
}
