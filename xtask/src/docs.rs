//! The documents that are made from code.
use std::fs;

use crate::{
    Outcome,
    run::{cargo, output, root, say},
};

const PERMISSIONS: &str = "docs/permissions.md";

/// Whether it is up to date is seen by a test: this program is not built with the command line.
const CONFIGURATION: &str = "docs/configuration.md";

/// Writes every document that is made from code.
pub(crate) fn write() -> Outcome {
    let reference =
        output(&mut cargo(["run", "--quiet", "--package", "devspaces", "--example", "reference"]))?;
    for (page, text) in [(PERMISSIONS, devspaces_authz::markdown()), (CONFIGURATION, reference)] {
        fs::write(root().join(page), text).map_err(|error| format!("{page}: {error}"))?;
        say(format!("wrote {page}"));
    }
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
