//! What is made of files, and made anew when they change.
use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::{task::spawn_blocking, time::sleep};

use crate::metrics;

/// How often files are looked at. What has changed is taken when two looks have found it alike: whoever writes it may be
/// half-way at the first.
const LOOKS: Duration = Duration::from_secs(2);

/// A file and the flag that it is given by.
#[derive(Clone, Debug)]
pub struct File {
    /// The flag, as in `--tls-cert`.
    pub flag: &'static str,
    /// Where it is. It may be a link that is led elsewhere.
    pub path: PathBuf,
}

impl File {
    fn read(&self) -> Result<Vec<u8>, String> {
        let told = |error| format!("{} {}: {error}", self.flag, self.path.display());
        std::fs::read(&self.path).map_err(told)
    }
}

/// What the files hold, in their order.
pub(super) type Contents = Vec<Vec<u8>>;

/// Something that is made of files.
#[derive(Debug)]
pub(super) struct Reloaded<T> {
    current: RwLock<T>,
    files: Vec<File>,
}

impl<T: Clone + Send + Sync + 'static> Reloaded<T> {
    /// Makes it of the files, and again whenever all of them are as it can be made of. Until then the one before is used.
    ///
    /// # Errors
    /// A sentence that names a flag, if a file can't be read or it can't be made.
    pub(super) fn new(
        files: Vec<File>,
        make: impl Fn(&Contents) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, String> {
        let contents = read(&files)?;
        let reloaded = Arc::new(Self { current: RwLock::new(make(&contents)?), files });
        if !reloaded.files.is_empty() {
            tokio::spawn(follow(Arc::downgrade(&reloaded), Ok(digest(&contents)), make));
        }
        Ok(reloaded)
    }

    /// As it is now.
    pub(super) fn now(&self) -> T {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(files: &[File]) -> Result<Contents, String> {
    files.iter().map(File::read).collect()
}

/// What two looks are compared by, so that no key stays in memory for it.
type Seen = Result<[u8; 32], String>;

fn digest(contents: &Contents) -> [u8; 32] {
    let each = contents.iter().map(Sha256::digest);
    each.fold(Sha256::new(), Sha256::chain_update).finalize().into()
}

async fn follow<T: Clone + Send + Sync + 'static>(
    reloaded: Weak<Reloaded<T>>,
    mut taken: Seen,
    make: impl Fn(&Contents) -> Result<T, String>,
) {
    let mut before = taken.clone();
    loop {
        sleep(LOOKS).await;
        let Some(reloaded) = reloaded.upgrade() else { return };
        let files = reloaded.files.clone();
        let Ok(contents) = spawn_blocking(move || read(&files)).await else { return };
        let seen = contents.as_ref().map(digest).map_err(Clone::clone);
        let settled = seen == before;
        before.clone_from(&seen);
        if !settled || seen == taken {
            continue;
        }
        taken = seen;
        let flags: Vec<_> = reloaded.files.iter().map(|file| file.flag).collect();
        let flags = flags.join(", ");
        match contents.and_then(|contents| make(&contents)) {
            Ok(new) => {
                *reloaded.current.write().unwrap_or_else(PoisonError::into_inner) = new;
                metrics::tls_reloaded(true);
                tracing::info!(flags, "certificates were read again; connections that are open go on");
            }
            Err(error) => {
                metrics::tls_reloaded(false);
                tracing::error!(error, flags, "changed certificates can't be used; those before are");
            }
        }
    }
}
