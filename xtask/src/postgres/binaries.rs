use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Outcome,
    packages::{self, Package},
    run::{output, search_path},
};

/// The oldest version that the suite supports.
const OLDEST: u32 = 15;

const PACKAGE: Package =
    Package { apt: "postgresql", dnf: "postgresql-server", apk: "postgresql", brew: "postgresql@17" };

const OTHERWISE: &str = "set DEVSPACES_TEST_POSTGRES_URL to an administrator's URL of a server, 15 or later";

/// Where packages put versions side by side: a folder that holds one folder for each version, and what lies in that.
const SIDE_BY_SIDE: [(&str, &str); 6] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr", "bin"),
    ("/usr/libexec", ""),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "bin"),
];

/// The installed programs of one PostgreSQL.
#[derive(Debug)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) version: u32,
}

impl Binaries {
    /// The installed programs, or else those that the system's package manager installs.
    pub(super) fn find_or_install() -> Outcome<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        packages::install("PostgreSQL 15 or later", &PACKAGE, OTHERWISE)?;
        Self::find().ok_or_else(|| format!("what was installed is no PostgreSQL 15 or later; {OTHERWISE}"))
    }

    /// Those on the PATH if they are recent enough, else the newest that are installed anywhere usual.
    fn find() -> Option<Self> {
        let on_path = search_path().find_map(|folder| Self::at(&folder));
        on_path.or_else(|| {
            let configured = output(Command::new("pg_config").arg("--bindir")).ok();
            let configured = configured.map(|folder| PathBuf::from(folder.trim()));
            let installed = configured.into_iter().chain(SIDE_BY_SIDE.into_iter().flat_map(versions));
            installed.filter_map(|folder| Self::at(&folder)).max_by_key(|found| found.version)
        })
    }

    /// Those of one version, if they are installed.
    pub(super) fn installed(version: u32) -> Option<Self> {
        let folders = search_path().chain(SIDE_BY_SIDE.into_iter().flat_map(versions));
        folders.filter_map(|folder| Self::at(&folder)).find(|found| found.version == version)
    }

    /// Those in a folder, if they are all there and recent enough.
    pub(super) fn at(folder: &Path) -> Option<Self> {
        let complete = ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file());
        if !complete {
            return None;
        }
        let said = output(Command::new(folder.join("postgres")).arg("--version")).ok()?;
        let version = major(&said).filter(|version| *version >= OLDEST)?;
        // Some are links into the folder of their version, where alone they find the rest of it.
        Some(Self { folder: fs::canonicalize(folder).ok()?, version })
    }
}

fn versions((parent, below): (&str, &str)) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("postgresql")
            || name.starts_with("pgsql")
            || name.starts_with(|c: char| c.is_ascii_digit())
    };
    folders.filter(named).map(|path| path.join(below)).collect()
}

/// The major version in what `postgres --version` says: "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)".
fn major(said: &str) -> Option<u32> {
    let number = said.split_once("(PostgreSQL) ")?.1;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("postgres (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(major("something else"), None);
    }
}
