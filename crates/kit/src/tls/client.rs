//! The near end of connections that this process makes.
use std::{io, sync::Arc};

use http::Uri;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector, TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};

use super::{
    File, Roots, Stream,
    failure::{Flags, refused},
    identity::{Identity, provider},
    reloaded::{Contents, Reloaded},
};
use crate::metrics;

/// HTTP/2, which gRPC is spoken over.
const PROTOCOL: &[u8] = b"h2";

/// What a client trusts and shows.
#[derive(Clone, Debug)]
pub struct ClientFiles {
    /// The authorities whose certificates are trusted, in PEM, in place of the web's.
    pub authorities: Option<File>,
    /// The certificate that is shown to who asks for one, in PEM with its chain, and its key.
    pub identity: Option<(File, File)>,
    /// What both are given by.
    pub flags: Flags,
}

/// By what this process connects to others with TLS. Clones share it.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<Reloaded<Arc<ClientConfig>>>,
    flags: Flags,
}

impl ClientTls {
    /// Trusts the web's authorities, and shows no certificate.
    ///
    /// # Errors
    /// A sentence, if the library can't be used.
    pub fn of_the_web() -> Result<Self, String> {
        let flags = Flags { authorities: "--ca", identity: "--client-cert" };
        Self::open(ClientFiles { authorities: None, identity: None, flags })
    }

    /// By these files, which are read again when they have changed. To be called within a runtime.
    ///
    /// # Errors
    /// A sentence that names the flag, if a file is not what it should be.
    pub fn open(files: ClientFiles) -> Result<Self, String> {
        let ClientFiles { authorities, identity, flags } = files;
        let trusted = authorities.is_some();
        let pair = identity.as_ref().map(|(certificate, key)| (certificate.flag, key.flag));
        let all = authorities.into_iter().chain(identity.into_iter().flat_map(|(one, other)| [one, other]));
        let make = move |contents: &Contents| {
            let (trusted, shown) = contents.split_at(usize::from(trusted));
            config(trusted.first().map(|it| (it.as_slice(), flags.authorities)), shown, pair)
        };
        Ok(Self { config: Reloaded::new(all.collect(), make)?, flags })
    }

    /// By what it was told whom to trust and what to show.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// Sets TLS up on a connection to this host.
    ///
    /// # Errors
    /// A sentence for people, if TLS fails, or what the system says.
    pub(super) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<Stream> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| io::Error::other(format!("no certificate can be for the name '{host}'")))?;
        let connecting = TlsConnector::from(self.config.now()).connect(name, stream).await;
        let stream = connecting.map_err(|error| refused(error, host, self.flags))?;
        Ok(Stream::Encrypted(Box::new(TlsStream::Client(stream))))
    }
}

fn config(
    authorities: Option<(&[u8], &str)>,
    shown: &[Vec<u8>],
    flags: Option<(&'static str, &'static str)>,
) -> Result<Arc<ClientConfig>, String> {
    let roots = match authorities {
        None => Roots::default().store(),
        Some((pem, flag)) => {
            Roots::only_pem(pem).and_then(Roots::store).map_err(|error| format!("{flag} {error}"))
        }
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots?);
    let mut config = match (shown, flags) {
        ([chain, key], Some(flags)) => {
            let identity = Identity::read((chain, key), flags)?;
            metrics::certificate_ends(flags.0, identity.ends);
            builder.with_client_cert_resolver(identity.shown)
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// Whether an address is one of TLS.
pub(crate) fn is_encrypted(address: &Uri) -> bool {
    address.scheme_str() == Some("https")
}

/// The name or the number of a host as certificates have it: of IPv6 without brackets.
pub(crate) fn host(address: &Uri) -> &str {
    address.host().unwrap_or_default().trim_matches(['[', ']'])
}
