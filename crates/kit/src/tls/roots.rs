//! Authorities whose certificates are trusted.
use std::sync::Arc;

use tokio_rustls::rustls::{
    self, ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// Whose certificates are trusted: the web's authorities, and those that are given beside them.
#[derive(Clone, Debug, Default)]
pub struct Roots(Vec<CertificateDer<'static>>);

impl Roots {
    /// Those of the web's authorities, and these in PEM.
    ///
    /// # Errors
    /// A sentence that goes on from the name of what holds them, if there is no certificate in it.
    pub fn with_pem(pem: &[u8]) -> Result<Self, String> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match all {
            Ok(all) if !all.is_empty() => Ok(Self(all)),
            _ => Err("has no certificate in PEM".to_owned()),
        }
    }

    /// How a client connects that has no certificate of its own.
    ///
    /// # Errors
    /// A sentence, if one of the certificates is none.
    pub fn client(self) -> Result<Arc<ClientConfig>, String> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for root in self.0 {
            store.add(root).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}
