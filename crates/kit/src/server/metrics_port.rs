//! A port for the process's numbers.
use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tonic::body::Body;

use crate::tls::{ServerTls, Stream};

/// Where the numbers are.
const PATH: &str = "/metrics";
/// `OpenMetrics`, which Prometheus reads, and so do people.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long a connection may take to set TLS up, and then to send the head of each request.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing is accepted after the system had no room for a connection.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers with what `text` makes of the numbers, which is `OpenMetrics` text with its end: over HTTP, with TLS if that is
/// given, on a port of its own that is for the operator alone. Goes on for as long as it is polled.
pub async fn serve_metrics<F>(
    listener: TcpListener,
    tls: Option<ServerTls>,
    text: impl Fn() -> F + Send + Sync + 'static,
) -> Infallible
where
    F: Future<Output = Result<String, fmt::Error>> + Send + 'static,
{
    let text = Arc::new(text);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, tls.clone(), Arc::clone(&text)))),
            Err(error) => {
                tracing::warn!(%error, "the port for metrics takes no connection");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Answers on one connection. Whatever ends it, nobody is left to be told.
async fn connection<F, T>(stream: TcpStream, tls: Option<ServerTls>, text: Arc<T>)
where
    F: Future<Output = Result<String, fmt::Error>> + Send + 'static,
    T: Fn() -> F + Send + Sync + 'static,
{
    // If it can't be set, answers go out all the same.
    let _ = stream.set_nodelay(true);
    let stream = match &tls {
        None => Stream::Plain(stream),
        Some(tls) => match timeout(PATIENCE, tls.accept(stream)).await {
            Ok(Ok((stream, _))) => stream,
            _ => return,
        },
    };
    let answering = service_fn(move |request: Request<_>| {
        let text = Arc::clone(&text);
        async move { Ok::<_, Infallible>(answer(&request, &*text).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    let _ = builder.serve_connection(TokioIo::new(stream), answering).await;
}

async fn answer<F, B>(request: &Request<B>, text: impl Fn() -> F) -> Response<Body>
where
    F: Future<Output = Result<String, fmt::Error>>,
{
    if request.uri().path() != PATH {
        return with(StatusCode::NOT_FOUND, String::new());
    }
    if request.method() != Method::GET {
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
