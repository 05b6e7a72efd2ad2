//! A signing key and the file that it lives in.
use std::{
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, spki::der::pem::LineEnding};
use rand::{TryRng as _, rngs::SysRng};
use serde_json::{Value, json};

/// An Ed25519 key pair.
#[derive(Clone)]
pub struct SigningKey(Arc<ed25519_dalek::SigningKey>);

/// Why a key file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file could not be read.
    #[error("the key file {path} can't be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be made; [`io::ErrorKind::AlreadyExists`] if there is one.
    #[error("the key file {path} can't be made: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the key file {path} does not hold an Ed25519 private key in PKCS#8 PEM")]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
}

impl SigningKey {
    /// A new key, from the system's source of randomness.
    ///
    /// # Errors
    /// If that source fails.
    pub fn generate() -> io::Result<Self> {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
        Ok(Self(Arc::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
    }

    /// Makes a new key in a new file that only its owner can read.
    ///
    /// The file appears whole or not at all, and never replaces another: of two processes that start for the first
    /// time at once, one makes the key and the other gets [`io::ErrorKind::AlreadyExists`].
    pub fn generate_to(path: &Path) -> Result<Self, KeyFileError> {
        Self::generate()
            .and_then(|key| key.write(path).map(|()| key))
            .map_err(|source| KeyFileError::Write { path: path.to_owned(), source })
    }

    /// Reads the key in a file.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let pem = match fs::read(path) {
            Ok(bytes) => String::from_utf8(bytes).ok(),
            Err(source) => return Err(KeyFileError::Read { path: path.to_owned(), source }),
        };
        let key = pem.and_then(|pem| ed25519_dalek::SigningKey::from_pkcs8_pem(&pem).ok());
        key.map(|key| Self(Arc::new(key))).ok_or_else(|| KeyFileError::Corrupt { path: path.to_owned() })
    }

    /// Reads the key in a file, or makes the file if there is none.
    pub fn load_or_generate(path: &Path) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded,
        }
        match Self::generate_to(path) {
            Err(KeyFileError::Write { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                Self::load(path)
            }
            made => made,
        }
    }

    /// The public half, as a JSON Web Key with this id.
    #[must_use]
    pub fn public_jwk(&self, kid: &str) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.verifying_key().as_bytes());
        json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x })
    }

    /// The public half, as the JSON of a key set with this one key.
    #[must_use]
    pub fn public_jwks(&self, kid: &str) -> String {
        json!({ "keys": [self.public_jwk(kid)] }).to_string()
    }

    pub(super) fn pair(&self) -> &ed25519_dalek::SigningKey {
        &self.0
    }

    /// Writes a file beside the path and links it there: unlike a rename, a link never replaces what is there.
    fn write(&self, path: &Path) -> io::Result<()> {
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other)?;
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{:016x}", rand::random::<u64>()));
        let draft = Path::new(&draft);
        let written = (|| {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
            file.write_all(pem.as_bytes())?;
            file.sync_all()?;
            fs::hard_link(draft, path)
        })();
        let removed = fs::remove_file(draft);
        written.and(removed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::File::open(folder)?.sync_all()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}
