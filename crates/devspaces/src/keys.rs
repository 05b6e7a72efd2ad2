//! The files of a folder of keys.
use std::{
    fs::{OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use devspaces_authz::Service;
use devspaces_kit::identity::{DevIssuer, KeyFileError, SigningKey};
use devspaces_ledger::db;
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
    let services: Result<Vec<_>, _> = Service::ALL
        .iter()
        .map(|service| {
            let key = SigningKey::load_or_generate(&folder.join(of_service(service.name())))?;
            Ok::<_, KeyFileError>(key.public_jwk(service.name()))
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

/// Public keys are everybody's to read, whatever mask whoever makes them has: services run as other users.
const PUBLIC: u32 = 0o644;

/// Writes a file of public keys whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
    file.set_permissions(Permissions::from_mode(PUBLIC))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::OpenOptionsExt as _};

    use super::*;

    #[test]
    fn everybody_reads_public_keys_and_their_owner_alone_private_ones() {
        let folder = std::env::temp_dir().join(format!("devspaces-keys-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        // Left behind by one who let nobody read anything.
        let left = folder.join(SUITE_JWKS).with_extension("new");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(left).expect("a file");
        make(&folder).expect("keys");
        let mode = |name: &str| fs::metadata(folder.join(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!([ISSUER_JWKS, SUITE_JWKS].map(mode), [0o644, 0o644]);
        assert_eq!([ISSUER, &of_service("space")].map(mode), [0o600, 0o600]);
        fs::remove_dir_all(&folder).expect("a folder");
    }
}
