//! The far end of connections: what a port shows, and whom it asks for a certificate.
use std::{collections::BTreeMap, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor, TlsStream,
    rustls::{
        ServerConfig,
        client::verify_server_name,
        pki_types::{CertificateDer, ServerName},
        server::{
            NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier, danger::ClientCertVerifier,
        },
    },
};

use super::{
    File, Roots, Stream,
    cause::Cause,
    identity::{Identity, provider},
    reloaded::{Contents, Reloaded},
};
use crate::metrics;

/// What is spoken on a port: gRPC, and gRPC-Web by clients without HTTP/2.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What a port shows, and whom it asks for what.
#[derive(Clone, Debug)]
pub struct ServerFiles {
    /// The certificate in PEM, with its chain.
    pub certificate: File,
    /// Its key in PEM.
    pub key: File,
    /// The authorities whose client certificates are trusted, in PEM. Without them none is asked for.
    pub client_authorities: Option<File>,
    /// Whether a connection without a client certificate is refused.
    pub client_required: bool,
}

/// By what a port speaks TLS. Clones share it.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<Reloaded<Arc<ServerConfig>>>,
    /// The hosts of each service of the suite, if it has to show a certificate for one of them.
    peers: Option<Arc<BTreeMap<String, Vec<ServerName<'static>>>>>,
}

/// What a connection's client certificate vouches for.
#[derive(Clone, Debug)]
pub(crate) enum Certified {
    /// The port asks for none.
    Unasked,
    /// It is one of these services of the suite; of none if there is no certificate.
    Services(Arc<[String]>),
}

impl ServerTls {
    /// By these files, which are read again when they have changed. `peers` are the hosts by which this process calls each
    /// service of the suite: where client certificates are asked for, the token of such a service is taken only over a
    /// connection with a certificate that is valid for one of its hosts. To be called within a runtime.
    ///
    /// # Errors
    /// A sentence that names the flag, if a file is not what it should be.
    pub fn open(files: ServerFiles, peers: BTreeMap<String, Vec<String>>) -> Result<Self, String> {
        let ServerFiles { certificate, key, client_authorities, client_required } = files;
        let asks = client_authorities.is_some();
        let flags = (certificate.flag, key.flag);
        let clients = client_authorities.as_ref().map_or("", |file| file.flag);
        let all: Vec<_> = [certificate, key].into_iter().chain(client_authorities).collect();
        let make = move |contents: &Contents| match contents.as_slice() {
            [chain, key] => config((chain, key), flags, None),
            [chain, key, authorities] => {
                let verifier = verifier(authorities, client_required);
                config((chain, key), flags, Some(verifier.map_err(|error| format!("{clients} {error}"))?))
            }
            _ => Err("not the files that were asked for".to_owned()),
        };
        let names = |hosts: Vec<String>| hosts.into_iter().filter_map(|host| ServerName::try_from(host).ok());
        let peers = peers.into_iter().map(|(service, hosts)| (service, names(hosts).collect())).collect();
        Ok(Self { config: Reloaded::new(all, make)?, peers: asks.then(|| Arc::new(peers)) })
    }

    /// Sets TLS up on a connection.
    ///
    /// # Errors
    /// Why it can't be. It is counted and logged.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<(Stream, Certified), Cause> {
        let stream = TlsAcceptor::from(self.config.now()).accept(stream).await.map_err(|error| {
            let cause = Cause::of(&error);
            metrics::tls_handshake_failed(cause);
            tracing::debug!(%error, cause = cause.name(), "TLS was not set up");
            cause
        })?;
        let certified = self.certified(stream.get_ref().1.peer_certificates());
        Ok((Stream::Encrypted(Box::new(TlsStream::Server(stream))), certified))
    }

    fn certified(&self, shown: Option<&[CertificateDer<'_>]>) -> Certified {
        let Some(peers) = &self.peers else { return Certified::Unasked };
        let parsed = shown.and_then(<[_]>::first).and_then(|first| ParsedCertificate::try_from(first).ok());
        let is_of = |hosts: &[ServerName<'_>]| {
            parsed.as_ref().is_some_and(|it| hosts.iter().any(|host| verify_server_name(it, host).is_ok()))
        };
        Certified::Services(
            peers.iter().filter(|(_, hosts)| is_of(hosts)).map(|(service, _)| service.clone()).collect(),
        )
    }
}

impl Certified {
    /// Whether a token of this service of the suite is taken.
    pub(crate) fn vouches_for(&self, service: &str) -> bool {
        match self {
            Self::Unasked => true,
            Self::Services(services) => services.iter().any(|it| it == service),
        }
    }
}

fn verifier(authorities: &[u8], required: bool) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let roots = Arc::new(Roots::only_pem(authorities)?.store()?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| format!("can't be used: {error}"))
}

fn config(
    pair: (&[u8], &[u8]),
    flags: (&'static str, &'static str),
    verifier: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<Arc<ServerConfig>, String> {
    let identity = Identity::read(pair, flags)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let asks = verifier.is_some();
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(identity.shown);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    if asks {
        // A session that goes on from another would have its client's certificate looked at no more.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    metrics::certificate_ends(flags.0, identity.ends);
    Ok(Arc::new(config))
}
