use std::{
    env, fs,
    os::unix::{
        fs::{DirBuilderExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{self, Command},
};

use crate::{
    Outcome, packages,
    run::{output, say},
};

/// In memory, where tests are fastest, if there is this much room: a small one would fill up and fail.
const MEMORY: &str = "/dev/shm";
const ROOM_IN_KIB: u64 = 4 * 1024 * 1024;

/// Who the server runs as: PostgreSQL refuses to run as root.
#[derive(Debug)]
pub(super) enum Owner {
    /// Whoever runs this.
    Caller,
    /// Someone else, for root to become.
    Other { name: &'static str, uid: u32, gid: u32 },
}

impl Owner {
    /// The caller, unless that is root.
    pub(super) fn choose() -> Outcome<Self> {
        if !packages::is_root() {
            return Ok(Self::Caller);
        }
        let found = ["postgres", "nobody"].into_iter().find_map(|name| {
            let id = |flag| output(Command::new("id").args([flag, name])).ok()?.trim().parse().ok();
            Some(Self::Other { name, uid: id("-u")?, gid: id("-g")? })
        });
        let owner = found
            .ok_or("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")?;
        say(format!("PostgreSQL refuses to run as root; it will run as {}", owner.name()));
        Ok(owner)
    }

    /// What to call the owner.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Caller => "this user",
            Self::Other { name, .. } => name,
        }
    }

    /// A new folder that only the owner can enter.
    pub(super) fn make_folder(&self) -> Outcome<PathBuf> {
        // Another user may not enter the caller's own folder for temporary files.
        let usual = match self {
            Self::Caller => env::temp_dir(),
            Self::Other { .. } => PathBuf::from("/tmp"),
        };
        let parent = if has_room(Path::new(MEMORY)) { PathBuf::from(MEMORY) } else { usual };
        let folder = parent.join(format!("devspaces-postgres-{}", process::id()));
        let failed = |error| format!("{}: {error}", folder.display());
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
        if let Self::Other { uid, gid, .. } = self {
            chown(&folder, Some(*uid), Some(*gid)).map_err(failed)?;
        }
        Ok(folder)
    }

    /// A program that runs as the owner, with no environment but the PATH.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        if let Self::Other { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        command
    }
}

fn has_room(folder: &Path) -> bool {
    let Ok(table) = output(Command::new("df").arg("-Pk").arg(folder)) else { return false };
    let free = table.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    free.is_some_and(|free| free >= ROOM_IN_KIB)
}
