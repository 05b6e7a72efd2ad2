use std::{convert::Infallible, fmt, sync::Arc};

use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use tokio::net::TcpListener;
use tonic::{
    body::Body,
    transport::{Error, Server, server::TcpIncoming},
};
use tower::service_fn;

/// Where the numbers are.
const PATH: &str = "/metrics";
/// `OpenMetrics`, which Prometheus reads, and so do people.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers with what `text` makes of the numbers, which is `OpenMetrics` text with its end: over HTTP, on a port of its own
/// that is for the operator alone.
///
/// # Errors
/// If the port fails.
pub async fn serve<F>(
    listener: TcpListener,
    text: impl Fn() -> F + Send + Sync + 'static,
) -> Result<(), Error>
where
    F: Future<Output = Result<String, fmt::Error>> + Send + 'static,
{
    let text = Arc::new(text);
    let answering = service_fn(move |request: Request<Body>| {
        let text = Arc::clone(&text);
        async move { Ok::<_, Infallible>(answer(request, &*text).await) }
    });
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder().accept_http1(true).serve_with_incoming(answering, incoming).await
}

async fn answer<F>(request: Request<Body>, text: impl Fn() -> F) -> Response<Body>
where
    F: Future<Output = Result<String, fmt::Error>>,
{
    let (parts, _) = request.into_parts();
    if parts.uri.path() != PATH {
        return with(StatusCode::NOT_FOUND, String::new());
    }
    if parts.method != Method::GET {
        return with(StatusCode::METHOD_NOT_ALLOWED, String::new());
    }
    match text().await {
        Ok(text) => with(StatusCode::OK, text),
        Err(_) => with(StatusCode::INTERNAL_SERVER_ERROR, String::new()),
    }
}

fn with(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::new(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    response
}
