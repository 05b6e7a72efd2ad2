use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use devspaces_ledger::db::{Backup, Pool, make_folder};

use super::{Failure, database::Databases, out::print_line};
use crate::Service;

/// Copy the SQLite databases to a folder, all as of one moment, beside a suite that may be running.
#[derive(Debug, Args)]
pub(super) struct BackUp {
    /// The folder for the copies, `{service}.db`, which must not be there or be empty. It gets its name when they are all
    /// made; until then it is FOLDER.unfinished
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    #[command(flatten)]
    databases: Databases,
}

impl BackUp {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        // Every writer is held before the first copy is made and until the last is: so they are of one moment.
        let begin = async |service: Service, pool: &Pool| {
            let begun = Backup::begin(pool).await;
            Ok((service, begun.map_err(|error| format!("the database of {service}: {error}"))?))
        };
        let copy = async |begun: Vec<(Service, Backup)>| {
            let copied = async |draft: &Path| {
                for (service, backup) in &begun {
                    let file = draft.join(format!("{service}.db"));
                    backup.copy_to(&file).await.map_err(|error| format!("{}: {error}", file.display()))?;
                }
                Ok(())
            };
            whole(&self.to, copied).await?;
            for (service, _) in &begun {
                let file = self.to.join(format!("{service}.db"));
                print_line(format_args!("{service}: copied to {}", file.display()))?;
            }
            Ok(())
        };
        self.databases.beside_all(begin, copy).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes a folder that is there as a whole, on the disk, or not at all: what is half done is not to be taken for a back-up.
async fn whole(folder: &Path, fill: impl AsyncFnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    let told = |path: &Path, error: &io::Error| format!("{}: {error}", path.display());
    let Some(name) = folder.file_name() else {
        return Err(format!("{}: is no name for a folder", folder.display()).into());
    };
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => {
            return Err(format!("{}: is there already, and not empty", folder.display()).into());
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(told(folder, &error).into()),
        _ => {}
    }
    let mut unfinished = name.to_owned();
    unfinished.push(".unfinished");
    let draft = folder.with_file_name(unfinished);
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(parent).map_err(|error| told(parent, &error))?;
    match DirBuilder::new().mode(0o700).create(&draft) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let draft = draft.display();
            return Err(format!(
                "{draft}: is of a back-up that is being made, or that was killed: remove it then"
            )
            .into());
        }
        made => made.map_err(|error| told(&draft, &error))?,
    }
    let done = match fill(&draft).await {
        Ok(()) => put(&draft, folder, parent).map_err(|error| told(folder, &error).into()),
        Err(error) => Err(error),
    };
    if done.is_err() {
        // The reason is told; that this fails too is plain from the folder.
        drop(fs::remove_dir_all(&draft));
    }
    done
}

/// Gives a folder its name, such that a machine that fails afterwards has it, and all that is in it.
fn put(draft: &Path, folder: &Path, parent: &Path) -> io::Result<()> {
    File::open(draft)?.sync_all()?;
    fs::rename(draft, folder)?;
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in a folder.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        entries.map(|entry| entry.file_name().into_string().expect("a name")).collect()
    }

    #[tokio::test]
    async fn a_back_up_is_there_as_a_whole_or_not_at_all() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("copies/");
        let one = |draft: &Path| fs::write(draft.join("space.db"), "a copy").map_err(Failure::from);

        let failed = whole(&folder, async |draft| one(draft).and(Err("the disk is full".into()))).await;
        assert_eq!(failed.expect_err("failed").to_string(), "the disk is full");
        assert_eq!(names(parent.path()), Vec::<String>::new());

        // What was killed is not removed: it might be another's that is at work.
        let draft = parent.path().join("copies.unfinished");
        fs::create_dir(&draft).expect("a folder");
        let refused = whole(&folder, async |draft| one(draft)).await.expect_err("refused").to_string();
        assert!(refused.contains("copies.unfinished"), "{refused}");
        fs::remove_dir(&draft).expect("still there");

        whole(&folder, async |draft| one(draft)).await.expect("made");
        assert_eq!((names(parent.path()), names(&folder)), (vec!["copies".into()], vec!["space.db".into()]));
        let again = whole(&folder, async |_| Ok(())).await.expect_err("refused").to_string();
        assert!(again.contains("is there already"), "{again}");
        assert_eq!(names(parent.path()), ["copies"]);
    }
}
