//! One attempt: the name is resolved once, and the connection made to an address that was looked at.
use std::{error::Error as StdError, io, net::SocketAddr, pin::pin, time::Duration};

use devspaces_kit::tls::Roots;
use devspaces_ledger::webhook::Outcome;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, pki_types::ServerName},
};
use url::{Host, Position};

use super::{Networks, target::Target};

/// How long an attempt takes at most, from the look-up of the name to the head of the response.
const ATTEMPT: Duration = Duration::from_secs(15);
/// How long a connection to one of several addresses takes at most, so that the next has a chance.
const CONNECT: Duration = Duration::from_secs(4);
/// How many addresses of a name are tried.
const ADDRESSES: usize = 3;
/// How large the head of a response may be, in bytes.
const HEAD: usize = 16 * 1024;

/// What is sent.
pub(crate) struct Message<'a> {
    pub(crate) id: &'a str,
    /// Seconds since 1970.
    pub(crate) time: i64,
    pub(crate) signature: &'a str,
    pub(crate) body: String,
}

/// Sends messages to addresses outside. Clones share all.
#[derive(Clone)]
pub struct Sender {
    networks: Networks,
    tls: TlsConnector,
}

/// What was wrong with an attempt, by its name in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failed {
    NameUnknown,
    AddressRefused,
    Connection,
    Tls,
    Timeout,
}

impl Failed {
    fn name(self) -> &'static str {
        match self {
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::AddressRefused => "ADDRESS_REFUSED",
            Self::Connection => "CONNECTION",
            Self::Tls => "TLS",
            Self::Timeout => "TIMEOUT",
        }
    }
}

impl Sender {
    /// Sends to the public internet and into these networks, to whom the web's authorities or these certify.
    ///
    /// # Errors
    /// A sentence, if one of the certificates is none.
    pub fn new(networks: Networks, roots: Roots) -> Result<Self, String> {
        Ok(Self { networks, tls: TlsConnector::from(roots.client()?) })
    }

    pub(crate) fn networks(&self) -> &Networks {
        &self.networks
    }

    /// Sends a message, and says what came of it.
    pub(crate) async fn send(&self, url: &str, message: Message<'_>) -> Outcome {
        let failed = |failed: Failed| Outcome { response_code: 0, failure: failed.name().to_owned() };
        match timeout(ATTEMPT, self.attempt(url, message)).await {
            Ok(Ok(status)) => told(status),
            Ok(Err(error)) => failed(error),
            Err(_) => failed(Failed::Timeout),
        }
    }

    async fn attempt(&self, url: &str, message: Message<'_>) -> Result<StatusCode, Failed> {
        // It was taken apart before; a version of the suite with other rules may have.
        let target = Target::parse(url).map_err(|_| Failed::AddressRefused)?;
        let request = request(&target, message).ok_or(Failed::AddressRefused)?;
        let stream = self.connect(&target).await?;
        if !target.encrypted {
            return exchange(stream, request).await;
        }
        let host = target.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|_| Failed::Tls)?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| of_tls(&error))?;
        exchange(stream, request).await
    }

    /// Connects to one of the addresses that the name stands for now and that are allowed, by the address.
    async fn connect(&self, target: &Target) -> Result<TcpStream, Failed> {
        let mut failed = Failed::Connection;
        for address in self.addresses(target).await? {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(_)) => failed = Failed::Connection,
                Err(_) => failed = Failed::Timeout,
            }
        }
        Err(failed)
    }

    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Failed> {
        let found: Vec<SocketAddr> = match (&target.host, target.literal()) {
            (Host::Domain(name), _) => {
                let name = (name.as_str(), target.port);
                lookup_host(name).await.map_err(|_| Failed::NameUnknown)?.collect()
            }
            (_, address) => address.map(|address| (address, target.port).into()).into_iter().collect(),
        };
        if found.is_empty() {
            return Err(Failed::NameUnknown);
        }
        let allowed = found.into_iter().filter(|it| self.networks.allow(it.ip(), target.encrypted));
        let allowed: Vec<_> = allowed.take(ADDRESSES).collect();
        if allowed.is_empty() { Err(Failed::AddressRefused) } else { Ok(allowed) }
    }
}

/// What a response tells: only its status is looked at.
fn told(status: StatusCode) -> Outcome {
    let failure = match status {
        _ if status.is_success() => "",
        _ if status.is_redirection() => "REDIRECTED",
        _ => "STATUS",
    };
    Outcome { response_code: status.as_u16().into(), failure: failure.to_owned() }
}

fn request(target: &Target, message: Message<'_>) -> Option<Request<Full<Bytes>>> {
    let url = &target.url;
    let host = &url[Position::BeforeHost..Position::AfterPort];
    Request::builder()
        .method(Method::POST)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "devspaces-webhooks")
        .header(header::CONNECTION, "close")
        .header("webhook-id", message.id)
        .header("webhook-timestamp", HeaderValue::from(message.time))
        .header("webhook-signature", message.signature)
        .body(Full::new(message.body.into()))
        .ok()
}

/// Sends a request and waits for the head of the response. The rest is not read.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, Failed> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|_| Failed::Connection)?;
    let mut response = pin!(sender.send_request(request));
    let answered = tokio::select! {
        biased;
        answered = &mut response => answered,
        // With the end of the connection the response is there, or will not be.
        _ = connection => response.await,
    };
    answered.map(|response| response.status()).map_err(|_| Failed::Connection)
}

/// What failed while TLS was set up: TLS itself, or the connection under it.
fn of_tls(error: &io::Error) -> Failed {
    let inner = error.get_ref().map(|inner| inner as &(dyn StdError + 'static));
    let of_tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if of_tls.is_some() { Failed::Tls } else { Failed::Connection }
}
