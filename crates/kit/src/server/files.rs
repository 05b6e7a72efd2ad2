//! How many files the process may have open: every connection is one.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a process needs beside its clients' connections: databases, peers, logs.
const BESIDES: u64 = 256;

/// Raises the process's limit of open files as far as the system lets it, and warns if that is too few for so many
/// connections.
pub fn raise_file_limit(connections: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let files = if raised.is_ok() { maximum } else { current };
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(BESIDES);
    if let Some(files) = files.filter(|files| *files < needed) {
        tracing::warn!(
            files,
            needed,
            "fewer files may be open than --max-connections needs: raise the limit (ulimit -n, LimitNOFILE)"
        );
    }
}
