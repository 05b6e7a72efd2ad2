//! A folder with an authority of its own, and certificates by it: for an installation that has none, and for tests.
use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use devspaces_kit::{
    clock::{Clock as _, SystemClock, Timestamp},
    tls::certificate_end,
};
use devspaces_ledger::db;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

/// The certificate of the authority, in the folder and in that of each host.
pub const AUTHORITY: &str = "ca.pem";
/// The key of the authority.
pub const AUTHORITY_KEY: &str = "ca.key";
/// The certificate of a host, in its folder.
pub const CERTIFICATE: &str = "cert.pem";
/// The key of that certificate.
pub const KEY: &str = "key.pem";

/// How long an authority lasts: who replaces it has to tell everybody who trusts it.
const AUTHORITY_LASTS: Duration = Duration::from_hours(10 * 365 * 24);
/// How long a certificate lasts.
const LASTS: Duration = Duration::from_hours(365 * 24);
/// How long before its end a certificate is made anew.
const AHEAD: Duration = Duration::from_hours(60 * 24);
/// A clock that is behind takes it, too.
const BEHIND: Duration = Duration::from_hours(1);

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A name that no certificate can have, or a key that is none.
    #[error("no certificate can be made: {0}")]
    Certificate(#[from] rcgen::Error),
}

/// A certificate with its key, both in PEM.
pub struct Certified {
    /// The certificate.
    pub certificate: String,
    /// Its key, PKCS #8.
    pub key: String,
}

/// An authority that certifies hosts.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate in PEM.
    pub certificate: String,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn generate() -> Result<(Self, Certified), Error> {
        let (key, params) = (KeyPair::generate()?, Self::params()?);
        let certificate = params.self_signed(&key)?.pem();
        let own = Certified { certificate: certificate.clone(), key: key.serialize_pem() };
        Ok((Self { issuer: Issuer::new(params, key), certificate }, own))
    }

    /// One that was generated before.
    fn read(certificate: &str, key: &str) -> Result<Self, Error> {
        let issuer = Issuer::new(Self::params()?, KeyPair::from_pem(key)?);
        Ok(Self { issuer, certificate: certificate.to_owned() })
    }

    /// What all of them have in common: with the key it is all that certificates say of their authority.
    fn params() -> Result<CertificateParams, Error> {
        let mut params = lasting(Vec::new(), SystemClock.now(), AUTHORITY_LASTS)?;
        params.distinguished_name.push(DnType::CommonName, "devspaces authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(params)
    }

    /// A certificate for these names and numbers of hosts, as a server and as a client, that ends so long after this time.
    ///
    /// # Errors
    /// If one of them is no name.
    pub fn certify(&self, hosts: &[&str], from: Timestamp, lasts: Duration) -> Result<Certified, Error> {
        let key = KeyPair::generate()?;
        let mut params = lasting(hosts.iter().copied().map(str::to_owned).collect(), from, lasts)?;
        params.distinguished_name.push(DnType::CommonName, hosts.first().copied().unwrap_or_default());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Certified { certificate, key: key.serialize_pem() })
    }
}

fn lasting(hosts: Vec<String>, from: Timestamp, lasts: Duration) -> Result<CertificateParams, Error> {
    let at = |time: Timestamp| {
        OffsetDateTime::from_unix_timestamp(time.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = at(from) - BEHIND;
    params.not_after = at(from) + lasts;
    Ok(params)
}

/// Makes an authority in the folder if it has none, and a folder in it for each host that has no certificate there, or one
/// that ends soon: with the certificate, its key, and the authority's certificate. A certificate is for its host and for
/// `localhost`. Returns the hosts for which one was made.
///
/// # Errors
/// [`Error`]. What is there already stays.
pub fn make(folder: &Path, hosts: &[String]) -> Result<Vec<String>, Error> {
    make_folder(folder)?;
    let (file, key) = (folder.join(AUTHORITY), folder.join(AUTHORITY_KEY));
    let authority = if file.exists() {
        Authority::read(&read(&file)?, &read(&key)?)?
    } else {
        let (authority, own) = Authority::generate()?;
        write(&key, &own.key, PRIVATE)?;
        write(&file, &own.certificate, PUBLIC)?;
        authority
    };
    let now = SystemClock.now();
    let mut made = Vec::new();
    for host in hosts {
        let place = folder.join(host);
        let certificate = place.join(CERTIFICATE);
        let end = fs::read(&certificate).ok().and_then(|pem| certificate_end(&pem));
        if end.is_some_and(|end| end > now + AHEAD) {
            continue;
        }
        let certified = authority.certify(&[host, "localhost", "127.0.0.1", "::1"], now, LASTS)?;
        make_folder(&place)?;
        write(&place.join(AUTHORITY), &authority.certificate, PUBLIC)?;
        write(&place.join(KEY), &certified.key, PRIVATE)?;
        write(&certificate, &certified.certificate, PUBLIC)?;
        made.push(host.clone());
    }
    Ok(made)
}

/// Who may read keys, and certificates.
const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

fn make_folder(folder: &Path) -> Result<(), Error> {
    db::make_folder(folder).map_err(|error| Error::File { path: folder.to_owned(), error })
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::File { path: path.to_owned(), error })
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let new = path.with_extension("new");
    let written = || {
        // Nobody reads what is written before it is known who may.
        fs::write(&new, "")?;
        fs::set_permissions(&new, Permissions::from_mode(mode))?;
        fs::write(&new, text)?;
        fs::rename(&new, path)
    };
    written().map_err(|error| Error::File { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_again_when_it_ends_soon() {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts = ["space".to_owned(), "billing".to_owned()];
        assert_eq!(make(folder.path(), &hosts).expect("made"), hosts);
        assert!(make(folder.path(), &hosts).expect("made").is_empty());
        let space = folder.path().join("space");
        let mode = |name: &str| fs::metadata(space.join(name)).expect(name).permissions().mode() & 0o777;
        assert_eq!([KEY, CERTIFICATE, AUTHORITY].map(mode), [PRIVATE, PUBLIC, PUBLIC]);

        let authority = [AUTHORITY, AUTHORITY_KEY].map(|name| read(&folder.path().join(name)).expect(name));
        let authority = Authority::read(&authority[0], &authority[1]).expect("an authority");
        let old = authority.certify(&["space"], SystemClock.now(), AHEAD).expect("a certificate");
        write(&space.join(CERTIFICATE), &old.certificate, PUBLIC).expect("written");
        assert_eq!(make(folder.path(), &hosts).expect("made"), ["space"]);
        let end =
            certificate_end(&fs::read(space.join(CERTIFICATE)).expect("a file")).expect("a certificate");
        assert!(end > SystemClock.now() + AHEAD);
    }
}
