//! The files of a folder of keys.
use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
};

use devspaces_authz::Owner;
use devspaces_kit::{
    db,
    identity::{DevIssuer, KeyFileError, SigningKey},
};
use serde_json::json;

/// The private key of the folder's own token issuer.
pub const ISSUER: &str = "issuer.pem";
/// The public key of that issuer, as `--jwks` takes it.
pub const ISSUER_JWKS: &str = "issuer.jwks.json";
/// The public keys of the suite's services, as `--suite-jwks` takes them.
pub const SUITE_JWKS: &str = "suite.jwks.json";

/// The private key of a service: `space.pem`.
#[must_use]
pub fn of_service(name: &str) -> String {
    format!("{name}.pem")
}

/// Why a folder of keys could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The folder, or a key set.
    #[error("{path} can't be written: {error}")]
    Write {
        /// The file or folder.
        path: String,
        /// What the system said.
        error: io::Error,
    },
}

/// Makes what is missing of the keys of an issuer and of every service, and writes the key sets of what is there.
/// Never replaces a private key.
pub fn make(folder: &Path) -> Result<(), Error> {
    let refused = |path: &Path| {
        let path = path.display().to_string();
        move |error| Error::Write { path, error }
    };
    db::make_folder(folder).map_err(refused(folder))?;
    let issuer = SigningKey::load_or_generate(&folder.join(ISSUER))?;
    let services: Result<Vec<_>, _> = Owner::ALL
        .iter()
        .map(|owner| {
            let key = SigningKey::load_or_generate(&folder.join(of_service(owner.name())))?;
            Ok::<_, KeyFileError>(key.public_jwk(owner.name()))
        })
        .collect();
    let sets = [
        (ISSUER_JWKS, DevIssuer::public_jwks(&issuer)),
        (SUITE_JWKS, json!({ "keys": services? }).to_string()),
    ];
    for (name, text) in sets {
        let path = folder.join(name);
        replace(&path, &text).map_err(refused(&path))?;
    }
    Ok(())
}

/// Writes a file whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(new, path)
}
