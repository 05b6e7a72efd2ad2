use std::convert::Infallible;

use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use tokio::net::TcpListener;
use tonic::{
    body::Body,
    transport::{Error, Server, server::TcpIncoming},
};
use tower::service_fn;

use super::Databases;

/// Where the numbers are.
const PATH: &str = "/metrics";
/// `OpenMetrics`, which Prometheus reads, and so do people.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Tells the numbers of the process to whoever asks: over HTTP, on a port of its own that is for the operator alone.
///
/// # Errors
/// If the port fails.
pub async fn serve(listener: TcpListener, databases: Databases) -> Result<(), Error> {
    let answering = service_fn(move |request: Request<Body>| {
        let databases = databases.clone();
        async move { Ok::<_, Infallible>(answer(request, &databases).await) }
    });
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder().accept_http1(true).serve_with_incoming(answering, incoming).await
}

async fn answer(request: Request<Body>, databases: &Databases) -> Response<Body> {
    let (parts, _) = request.into_parts();
    if parts.uri.path() != PATH {
        return with(StatusCode::NOT_FOUND, String::new());
    }
    if parts.method != Method::GET {
        return with(StatusCode::METHOD_NOT_ALLOWED, String::new());
    }
    match databases.text().await {
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
