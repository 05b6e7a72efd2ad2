//! A certificate with its key, as a process shows it.
use std::{sync::Arc, time::Duration};

use tokio_rustls::rustls::{
    CertificateError, Error, RootCertStore,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::clock::{Clock as _, SystemClock, Timestamp};

/// The library's cryptography.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A certificate with its key and the chain to its authority, and when the certificate ends.
pub(super) struct Identity {
    pub(super) shown: Arc<SingleCertAndKey>,
    pub(super) ends: Timestamp,
}

impl Identity {
    /// Of a chain that begins with the certificate, and a key of PKCS #8, SEC 1 or PKCS #1, both in PEM. `flags` is what
    /// they are given by.
    ///
    /// # Errors
    /// A sentence that names the flag: one is not what it should be, they don't belong together, or the certificate has
    /// ended.
    pub(super) fn read((chain, key): (&[u8], &[u8]), flags: (&str, &str)) -> Result<Self, String> {
        let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = parsed.map_err(|error| format!("{}: its PEM is not whole: {error}", flags.0))?;
        let first = chain.first().ok_or_else(|| format!("{} has no certificate in PEM", flags.0))?;
        let ends = end(first).ok_or_else(|| format!("{} has a certificate that is none", flags.0))?;
        if ends <= SystemClock.now() {
            return Err(format!("{}: the certificate ended on {ends}", flags.0));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| format!("{} has no private key in PEM: PKCS #8, SEC 1 or PKCS #1", flags.1))?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                format!("{} is not the key of the certificate of {}", flags.1, flags.0)
            }
            other => format!("{} with {} can't be used: {other}", flags.0, flags.1),
        })?;
        Ok(Self { shown: Arc::new(SingleCertAndKey::from(key)), ends })
    }
}

/// When the first certificate of a chain in PEM ends; nothing if there is none.
#[must_use]
pub fn certificate_end(chain: &[u8]) -> Option<Timestamp> {
    end(&CertificateDer::from_pem_slice(chain).ok()?)
}

/// When a certificate ends: what the library says of it at the end of all time, where its age is the first thing that is
/// looked at.
fn end(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let end_of_time = UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX));
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    let nobody = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], end_of_time, algorithms) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => at(not_after),
        _ => None,
    }
}

/// The library's time as the suite's.
pub(super) fn at(time: UnixTime) -> Option<Timestamp> {
    let seconds = i64::try_from(time.as_secs()).ok()?;
    seconds.checked_mul(1_000_000).map(Timestamp::from_micros)
}
