//! The documents that are made from code.
use std::fs;

use crate::{
    Outcome,
    run::{root, say},
};

const PERMISSIONS: &str = "docs/permissions.md";

/// Writes every document that is made from code.
pub(crate) fn write() -> Outcome {
    fs::write(root().join(PERMISSIONS), devspaces_authz::markdown())
        .map_err(|error| format!("{PERMISSIONS}: {error}"))?;
    say(format!("wrote {PERMISSIONS}"));
    Ok(())
}

/// Fails if a document is not what its code would make now.
pub(crate) fn check() -> Outcome {
    let page =
        fs::read_to_string(root().join(PERMISSIONS)).map_err(|error| format!("{PERMISSIONS}: {error}"))?;
    if page.replace("\r\n", "\n") != devspaces_authz::markdown() {
        return Err(format!("{PERMISSIONS} is out of date; run: cargo xtask docs"));
    }
    say(format!("{PERMISSIONS} is up to date"));
    Ok(())
}
