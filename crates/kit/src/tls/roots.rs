//! Authorities whose certificates are trusted.
use std::sync::Arc;

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::identity::provider;

/// Whose certificates are trusted: the web's authorities, and those that are given beside them or in their place.
#[derive(Clone, Debug)]
pub struct Roots {
    of_the_web: bool,
    given: Vec<CertificateDer<'static>>,
}

impl Default for Roots {
    /// Those of the web's authorities.
    fn default() -> Self {
        Self { of_the_web: true, given: Vec::new() }
    }
}

impl Roots {
    /// Those of the web's authorities, and these in PEM.
    ///
    /// # Errors
    /// A sentence that goes on from the name of what holds them, if there is no certificate in it.
    pub fn with_pem(pem: &[u8]) -> Result<Self, String> {
        Ok(Self { of_the_web: true, ..Self::only_pem(pem)? })
    }

    /// These in PEM, and nobody else.
    ///
    /// # Errors
    /// As [`with_pem`](Self::with_pem).
    pub fn only_pem(pem: &[u8]) -> Result<Self, String> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match all {
            Ok(given) if !given.is_empty() => Ok(Self { of_the_web: false, given }),
            _ => Err("has no certificate in PEM".to_owned()),
        }
    }

    /// How a client connects that has no certificate of its own.
    ///
    /// # Errors
    /// A sentence, if one of the certificates is none.
    pub fn client(self) -> Result<Arc<ClientConfig>, String> {
        let store = self.store()?;
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    /// The same as the library keeps them.
    pub(super) fn store(self) -> Result<RootCertStore, String> {
        let web = if self.of_the_web { webpki_roots::TLS_SERVER_ROOTS } else { &[] };
        let mut store = RootCertStore { roots: web.to_vec() };
        for root in self.given {
            store.add(root).map_err(|error| format!("has a certificate that is none: {error}"))?;
        }
        Ok(store)
    }
}
