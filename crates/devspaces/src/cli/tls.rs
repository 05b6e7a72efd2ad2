//! The flags of encrypted connections.
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use clap::Args;
use devspaces_kit::tls::{ClientFiles, ClientTls, File, Flags, ServerFiles, ServerTls};
use tonic::transport::Uri;

use super::{
    Failure,
    plaintext::{Part, Plaintext},
};
use crate::Service;

/// The flags by which a process shows a certificate and a client trusts one, for sentences.
const CERT: &str = "--tls-cert";
const PEER_FLAGS: Flags = Flags { authorities: "--peer-ca", identity: "--peer-cert or --tls-cert" };
const CLIENT_FLAGS: Flags = Flags { authorities: "--ca", identity: "--client-cert" };

/// What a port shows, and what it asks for. Changed files are taken without a restart.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct PortTls {
    /// The certificate of the port in PEM, followed by those between it and its authority. With it the port speaks TLS and
    /// nothing else
    #[arg(
        long = "tls-cert",
        id = "tls_cert",
        env = "DEVSPACES_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    certificate: Option<PathBuf>,
    /// The private key of that certificate in PEM
    #[arg(
        long = "tls-key",
        id = "tls_key",
        env = "DEVSPACES_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    key: Option<PathBuf>,
    /// The authorities in PEM that certify clients. The token of a service of the suite is then taken only with a client
    /// certificate for a host by which --peer gives that service; other clients may show one
    #[arg(
        long = "tls-client-ca",
        id = "tls_client_ca",
        env = "DEVSPACES_TLS_CLIENT_CA",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    client_authorities: Option<PathBuf>,
    /// Refuses every connection without a client certificate, health checks included
    #[arg(
        long = "tls-require-client-cert",
        id = "tls_require_client_cert",
        env = "DEVSPACES_TLS_REQUIRE_CLIENT_CERT",
        requires = "tls_client_ca"
    )]
    client_required: bool,
}

/// Whom a process trusts as its peers, and what it shows them.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct PeerTls {
    /// The authorities in PEM that certify the suite's services, in place of the web's
    #[arg(long = "peer-ca", id = "peer_ca", env = "DEVSPACES_PEER_CA", value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// The certificate that is shown to the suite's services, if not that of --tls-cert
    #[arg(
        long = "peer-cert",
        id = "peer_cert",
        env = "DEVSPACES_PEER_CERT",
        value_name = "FILE",
        requires = "peer_key"
    )]
    certificate: Option<PathBuf>,
    /// The private key of that certificate
    #[arg(
        long = "peer-key",
        id = "peer_key",
        env = "DEVSPACES_PEER_KEY",
        value_name = "FILE",
        requires = "peer_cert"
    )]
    key: Option<PathBuf>,
}

/// Whom a command trusts that calls a suite, and what it shows.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct CallTls {
    /// The authorities in PEM that certify the suite, in place of the web's
    #[arg(long, env = "DEVSPACES_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A client certificate in PEM, for a suite that asks for one
    #[arg(long, env = "DEVSPACES_CLIENT_CERT", value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// The private key of that certificate
    #[arg(long, env = "DEVSPACES_CLIENT_KEY", value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
}

fn file(flag: &'static str, path: Option<&PathBuf>) -> Option<File> {
    path.map(|path| File { flag, path: path.clone() })
}

impl PortTls {
    /// By what the port speaks TLS, if it does. Without TLS it may listen on this machine alone, unless more is allowed.
    pub(super) fn open(
        &self,
        listen: SocketAddr,
        peers: &BTreeMap<Service, Vec<Uri>>,
        plaintext: &Plaintext,
    ) -> Result<Option<ServerTls>, Failure> {
        let Some((certificate, key)) = self.identity() else {
            plaintext.listening(Part::Listen, "--listen", listen)?;
            return Ok(None);
        };
        let files = ServerFiles {
            certificate,
            key,
            client_authorities: file("--tls-client-ca", self.client_authorities.as_ref()),
            client_required: self.client_required,
        };
        let host = |url: &Uri| url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let hosts =
            peers.iter().map(|(service, urls)| (service.name().to_owned(), urls.iter().map(host).collect()));
        Ok(Some(ServerTls::open(files, hosts.collect())?))
    }

    fn identity(&self) -> Option<(File, File)> {
        file(CERT, self.certificate.as_ref()).zip(file("--tls-key", self.key.as_ref()))
    }
}

impl PeerTls {
    /// By what the suite's services are called with TLS.
    pub(super) fn open(&self, port: &PortTls) -> Result<ClientTls, Failure> {
        let own = file("--peer-cert", self.certificate.as_ref()).zip(file("--peer-key", self.key.as_ref()));
        let files = ClientFiles {
            authorities: file("--peer-ca", self.authorities.as_ref()),
            identity: own.or_else(|| port.identity()),
            flags: PEER_FLAGS,
        };
        Ok(ClientTls::open(files)?)
    }
}

impl CallTls {
    /// By what a suite is called with TLS.
    pub(super) fn open(&self) -> Result<ClientTls, Failure> {
        let identity = file("--client-cert", self.client_cert.as_ref())
            .zip(file("--client-key", self.client_key.as_ref()));
        let authorities = file("--ca", self.ca.as_ref());
        Ok(ClientTls::open(ClientFiles { authorities, identity, flags: CLIENT_FLAGS })?)
    }
}

/// An address of the form `http://HOST:PORT` or `https://HOST:PORT`.
pub(super) fn address(text: &str) -> Result<Uri, String> {
    let uri: Option<Uri> = text.parse().ok();
    let plain = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some()
            && uri.path() == "/"
            && uri.query().is_none()
    };
    uri.filter(plain)
        .ok_or_else(|| "the URL must have the form https://HOST:PORT or http://HOST:PORT".to_owned())
}
