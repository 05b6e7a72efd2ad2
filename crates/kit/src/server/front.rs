//! What comes before gRPC: requests over HTTP that are none of its calls, requests of another protocol that stand for
//! some, and pages of other origins.
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CONTENT_TYPE, ORIGIN},
};
use tonic::body::Body;
use tonic_web::{GrpcWebLayer, GrpcWebService};
use tower::{Layer as _, Service};
use tower_http::cors::{AllowHeaders, AllowOrigin, Cors, CorsLayer};

use super::{
    protocol::Entrances,
    translate::{self, Asked, empty},
};

/// How long a browser may remember what a preflight said: two hours, which is the most that any does.
const PREFLIGHT: Duration = Duration::from_hours(2);

/// What pages may read of a response beside its messages.
const EXPOSED: [&str; 9] = [
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    "grpc-retry-pushback-ms",
    "grpc-encoding",
    "grpc-accept-encoding",
    "retry-after",
    "www-authenticate",
    "x-request-id",
];

/// The whole of a port for one connection.
#[derive(Clone)]
pub(super) struct Front<S> {
    calls: Protocols<S>,
    pages: Option<Cors<Protocols<S>>>,
}

impl<S: Clone> Front<S> {
    /// `origins`: those whose pages may call. `entrances`: those of another protocol.
    pub(super) fn new(calls: S, origins: &[HeaderValue], entrances: Entrances) -> Self {
        let calls = Protocols { web: GrpcWebLayer::new().layer(calls.clone()), calls, entrances };
        let cors = || {
            CorsLayer::new()
                .allow_origin(AllowOrigin::list(origins.iter().cloned()))
                .allow_methods([Method::POST])
                // Metadata can have any name.
                .allow_headers(AllowHeaders::mirror_request())
                .expose_headers(EXPOSED.map(HeaderName::from_static))
                .max_age(PREFLIGHT)
        };
        let pages = (!origins.is_empty()).then(|| cors().layer(calls.clone()));
        Self { calls, pages }
    }
}

impl<S, B> Service<Request<B>> for Front<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = prost::bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut request = request.map(Body::new);
        strip_parameters(request.headers_mut());
        match &mut self.pages {
            Some(pages) if preflight(&request) => Box::pin(pages.call(request)),
            pages => match (no_call(&request, self.calls.entrances), pages) {
                (Some(answer), _) => Box::pin(std::future::ready(Ok(answer))),
                (None, Some(pages)) if request.headers().contains_key(ORIGIN) => {
                    Box::pin(pages.call(request))
                }
                (None, _) => Box::pin(self.calls.call(request)),
            },
        }
    }
}

/// The calls of a port, by whatever protocol they come.
#[derive(Clone)]
struct Protocols<S> {
    calls: S,
    web: GrpcWebService<S>,
    entrances: Entrances,
}

impl<S> Service<Request<Body>> for Protocols<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(entrance) = (self.entrances)(request.uri().path()) else {
            return Box::pin(self.web.call(request));
        };
        match translate::ask(request, entrance) {
            Asked::Answered(answer) => Box::pin(std::future::ready(Ok(answer))),
            Asked::Call(mut call, answering) => {
                call.extensions_mut().insert(answering.reading());
                let response = self.calls.call(call);
                Box::pin(async move {
                    let Ok(response) = response.await;
                    Ok(answering.answer(response).await)
                })
            }
        }
    }
}

/// Whether a browser asks on behalf of a page what the page may do.
fn preflight(request: &Request<Body>) -> bool {
    let asks = |headers: &HeaderMap| {
        headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    };
    request.method() == Method::OPTIONS && asks(request.headers())
}

/// The answer to a request of no protocol that there is here. A health check over plain HTTP must not take a port for one
/// that serves whatever it says of its health.
fn no_call(request: &Request<Body>, entrances: Entrances) -> Option<Response<Body>> {
    if entrances(request.uri().path()).is_some() {
        return None;
    }
    if request.method() != Method::POST {
        let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Some(response);
    }
    match kind(request.headers()) {
        None => Some(empty(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        Some(Kind::Grpc) if request.version() < Version::HTTP_2 => {
            Some(empty(StatusCode::HTTP_VERSION_NOT_SUPPORTED))
        }
        Some(_) => None,
    }
}

enum Kind {
    Grpc,
    Web,
}

/// Which protocol a request is of: the messages are Protobuf in all of them.
fn kind(headers: &HeaderMap) -> Option<Kind> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    match plain(value) {
        "application/grpc" | "application/grpc+proto" => Some(Kind::Grpc),
        "application/grpc-web"
        | "application/grpc-web+proto"
        | "application/grpc-web-text"
        | "application/grpc-web-text+proto" => Some(Kind::Web),
        _ => None,
    }
}

/// A content type without its parameters.
fn plain(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// Takes the parameters off the content type: the layer for gRPC-Web knows its types only as they are.
fn strip_parameters(headers: &mut HeaderMap) {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return };
    if let Ok(plain) = HeaderValue::from_str(plain(value)) {
        headers.insert(CONTENT_TYPE, plain);
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS};
    use tower::{ServiceExt as _, service_fn};

    use super::{
        super::protocol::{Entrance, NO_ENTRANCES},
        *,
    };

    const PAGE: &str = "https://console.example";

    async fn answer(request: http::request::Builder) -> Response<Body> {
        answer_with(NO_ENTRANCES, request).await
    }

    async fn answer_with(entrances: Entrances, request: http::request::Builder) -> Response<Body> {
        let calls =
            service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
        let front = Front::new(calls, &[HeaderValue::from_static(PAGE)], entrances);
        let Ok(response) = front.oneshot(request.body(Body::empty()).expect("a request")).await;
        response
    }

    fn post(kind: &str) -> http::request::Builder {
        Request::post("/s/m").version(Version::HTTP_2).header(CONTENT_TYPE, kind)
    }

    #[tokio::test]
    async fn what_is_not_grpc_is_told_so() {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS] {
            let response = answer(Request::builder().method(&method).version(Version::HTTP_2)).await;
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert_eq!(response.headers()[ALLOW], "POST");
        }
        for kind in ["application/json", "application/grpcx", "application/grpc+json", "text/plain", ""] {
            assert_eq!(answer(post(kind)).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        }
        assert_eq!(
            answer(Request::post("/s/m").version(Version::HTTP_2)).await.status(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        );
        let http1 = post("application/grpc").version(Version::HTTP_11);
        assert_eq!(answer(http1).await.status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    }

    #[tokio::test]
    async fn grpc_and_grpc_web_come_through() {
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc-web-text"] {
            assert_eq!(answer(post(kind)).await.status(), StatusCode::OK, "{kind}");
        }
        for kind in ["application/grpc-web+proto", "application/grpc-web; charset=utf-8"] {
            assert_eq!(answer(post(kind).version(Version::HTTP_11)).await.status(), StatusCode::OK, "{kind}");
        }
    }

    #[tokio::test]
    async fn pages_of_a_named_origin_may_call_and_read_how_it_ended() {
        let preflight = |origin| {
            Request::options("/s/m")
                .header(ORIGIN, origin)
                .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
                .header("access-control-request-headers", "authorization,content-type,x-grpc-web")
        };
        let allowed = answer(preflight(PAGE)).await;
        assert_eq!(allowed.status(), StatusCode::OK);
        assert_eq!(allowed.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        assert_eq!(allowed.headers()["access-control-allow-methods"], "POST");
        assert_eq!(
            allowed.headers()["access-control-allow-headers"],
            "authorization,content-type,x-grpc-web"
        );
        let other = answer(preflight("https://other.example")).await;
        assert!(!other.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));

        let called = answer(post("application/grpc-web").header(ORIGIN, PAGE)).await;
        assert_eq!(called.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        let exposed = called.headers()[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().expect("a header");
        for name in ["grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-retry-pushback-ms"] {
            assert!(exposed.split(',').any(|exposed| exposed == name), "{name}: {exposed}");
        }
    }

    #[tokio::test]
    async fn pages_of_a_named_origin_may_ask_by_another_protocol_as_well() {
        let about = |path: &str| (path == "/about").then_some(Entrance::Document(str::to_owned));
        let gets = |method, origin| {
            let request = Request::builder().method(method).uri("/about").header("host", "pdp.example");
            answer_with(about, request.header(ORIGIN, origin))
        };
        let page = gets(Method::GET, PAGE).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        assert_eq!(gets(Method::POST, PAGE).await.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        let other = gets(Method::GET, "https://other.example").await;
        assert!(!other.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}
