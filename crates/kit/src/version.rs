//! Which build of the suite this is.

/// The version of the release, or of the release that is to come: `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this was built of, if whoever built it said so (`DEVSPACES_COMMIT`, as `cargo xtask release`
/// does), else `unknown`.
pub const COMMIT: &str = match option_env!("DEVSPACES_COMMIT") {
    Some(commit) if !commit.is_empty() => commit,
    _ => "unknown",
};
