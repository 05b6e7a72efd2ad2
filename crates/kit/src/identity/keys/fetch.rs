//! One document from an issuer's own server. What comes is bounded, and followed nowhere else.
use std::{error::Error as StdError, io, pin::pin, sync::Arc, time::Duration};

use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};
use url::{Host, Position, Url};

/// How long a document may take to come, from the look-up of the name to its last byte.
const DEADLINE: Duration = Duration::from_secs(5);
/// How large it may be, in bytes. A key with its certificates has some 5,000.
const BODY: usize = 1024 * 1024;
/// How large the head of the response may be, in bytes.
const HEAD: usize = 64 * 1024;

/// Why a document could not be had. The text goes on from its address.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Within the time that there is.
    #[error("did not answer within {} s", DEADLINE.as_secs())]
    Late,
    /// Nobody listens there, or there is no such name.
    #[error("can't be reached: {0}")]
    Connect(io::Error),
    /// The other end is not who it should be, or breaks off.
    #[error("can't be reached by TLS: {0}")]
    Tls(io::Error),
    /// It is no HTTP that comes, or it ends too early.
    #[error("gives no answer in HTTP: {0}")]
    Http(String),
    /// Redirects are not followed: keys come from where the operator says.
    #[error("is elsewhere, at {0}: give that address if it is the issuer's")]
    Elsewhere(String),
    /// Anything but 200.
    #[error("answers {0}")]
    Status(StatusCode),
    /// More than what is read.
    #[error("is larger than {BODY} bytes")]
    TooLarge,
    /// Not UTF-8.
    #[error("is no text")]
    NotText,
}

/// A document, and for how long its server says that it stays so.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) text: String,
    pub(super) fresh_for: Option<Duration>,
}

/// Whether an address may be asked: by TLS, or on this machine.
pub(super) fn may_be_asked(url: &Url) -> bool {
    let inside = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none();
    plain && url.has_host() && (url.scheme() == "https" || url.scheme() == "http" && inside)
}

/// Gets a document.
pub(super) async fn get(url: &Url, tls: &Arc<ClientConfig>) -> Result<Document, FetchError> {
    timeout(DEADLINE, attempt(url, tls)).await.unwrap_or(Err(FetchError::Late))
}

async fn attempt(url: &Url, tls: &Arc<ClientConfig>) -> Result<Document, FetchError> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(FetchError::Connect)?;
    if url.scheme() != "https" {
        return exchange(stream, url).await;
    }
    let name = ServerName::try_from(host).map_err(|error| FetchError::Tls(io::Error::other(error)))?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(FetchError::Tls)?;
    exchange(stream, url).await
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    url: &Url,
) -> Result<Document, FetchError> {
    let broken = |error: hyper::Error| FetchError::Http(innermost(&error));
    let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(header::HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(header::ACCEPT, "application/json, application/jwk-set+json")
        .header(header::USER_AGENT, "devspaces")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| FetchError::Http(error.to_string()))?;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let mut answer = pin!(async move { read(sender.send_request(request).await.map_err(broken)?).await });
    tokio::select! {
        biased;
        document = &mut answer => document,
        // With the end of the connection all of it is there, or will not be.
        _ = connection => answer.await,
    }
}

async fn read(response: Response<Incoming>) -> Result<Document, FetchError> {
    let (head, body) = response.into_parts();
    if head.status.is_redirection() {
        let to = head.headers.get(header::LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()));
        return Err(FetchError::Elsewhere(super::super::refusals::shown(&to.unwrap_or_default())));
    }
    if head.status != StatusCode::OK {
        return Err(FetchError::Status(head.status));
    }
    let body = Limited::new(body, BODY).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            FetchError::TooLarge
        } else {
            FetchError::Http(innermost(error.as_ref()))
        }
    })?;
    let text = String::from_utf8(body.to_bytes().into()).map_err(|_| FetchError::NotText)?;
    Ok(Document { text, fresh_for: max_age(&head.headers) })
}

/// What `cache-control` says (RFC 9111, 5.2.2): nothing if it says nothing, and no time at all if it must not be kept.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let all = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let directives: Vec<_> =
        all.flat_map(|value| value.split(',')).map(|one| one.trim().to_lowercase()).collect();
    if directives.iter().any(|one| one == "no-store" || one == "no-cache") {
        return Some(Duration::ZERO);
    }
    let seconds = directives.iter().find_map(|one| one.strip_prefix("max-age="));
    seconds.and_then(|seconds| seconds.trim_matches('"').parse().ok()).map(Duration::from_secs)
}

/// What lies at the bottom of an error: the rest says only that there was one.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_by_tls_or_from_this_machine() {
        let may = |url: &str| may_be_asked(&Url::parse(url).expect(url));
        for url in
            ["https://id.example/keys", "http://127.0.0.1:8080/keys", "http://[::1]/", "http://localhost:1/"]
        {
            assert!(may(url), "{url}");
        }
        for url in
            ["http://id.example/keys", "http://10.0.0.1/", "file:///etc/passwd", "https://a:b@id.example/"]
        {
            assert!(!may(url), "{url}");
        }
    }

    #[test]
    fn how_long_a_document_stays_so_is_what_its_server_says() {
        let said = |value: &'static str| {
            max_age(&[(header::CACHE_CONTROL, value.parse().expect(value))].into_iter().collect())
        };
        assert_eq!(said("public, max-age=600"), Some(Duration::from_mins(10)));
        assert_eq!(said("Max-Age=\"60\", private"), Some(Duration::from_mins(1)));
        assert_eq!(said("no-store"), Some(Duration::ZERO));
        assert_eq!(said("max-age=60, no-cache"), Some(Duration::ZERO));
        for nothing in ["public", "max-age=-1", "max-age=soon", "s-maxage=60"] {
            assert_eq!(said(nothing), None, "{nothing}");
        }
    }
}
