//! Requests of another protocol, answered as the calls that they stand for: what they ask is asked of the port by the same
//! token, behind the same limits, and what comes of it is told in HTTP and JSON.
use std::time::Duration;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER,
        WWW_AUTHENTICATE,
    },
    uri::{Authority, PathAndQuery, Uri},
};
use http_body_util::{BodyExt as _, Full};
use prost::bytes::{Buf as _, Bytes};
use serde::Serialize;
use tonic::{Code, Status, body::Body};

use super::{
    connection::Origin,
    document::Reading,
    gzip::PREFIX,
    http_error::HttpError,
    protocol::{Entrance, Translation},
};
use crate::status::{Fault, Reason, reason_name};

/// What a client calls its request. The answer bears the same.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest such name, in bytes. Answers that nobody reads are kept with theirs.
const MAX_REQUEST_ID: usize = 512;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
/// By what a proxy says how it was asked.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What gRPC says in headers and another protocol does not: how long the client waits, and how messages are compressed.
const OF_GRPC: [HeaderName; 5] = [
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
    CONTENT_LENGTH,
    ACCEPT_ENCODING,
];

/// What becomes of a request.
pub(super) enum Asked {
    /// It is answered at once.
    Answered(Response<Body>),
    /// It stands for a call.
    Call(Request<Body>, Answering),
}

/// Makes an answer of the response to a call.
pub(super) struct Answering {
    reading: Reading,
    id: Option<HeaderValue>,
}

/// Looks at a request by its headers alone.
pub(super) fn ask(request: Request<Body>, entrance: Entrance) -> Asked {
    let id = request.headers().get(REQUEST_ID).cloned();
    let answered = match entrance {
        _ if id.as_ref().is_some_and(|id| id.len() > MAX_REQUEST_ID) => {
            return refused(&request, empty(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        }
        Entrance::Call(translation) => match not_acceptable(&request) {
            None => return Asked::Call(called(request, translation), Answering::by(translation, id)),
            Some(answer) => answer,
        },
        Entrance::Document(_) if request.method() != Method::GET => not_allowed("GET"),
        Entrance::Document(document) => match base(&request) {
            Some(base) => json(StatusCode::OK, document(&base)),
            None => empty(StatusCode::BAD_REQUEST),
        },
    };
    refused(&request, identified(answered, id))
}

/// Nobody has said who asks: such answers are as many as there may be refusals.
fn refused(request: &Request<Body>, answer: Response<Body>) -> Asked {
    if let Some(Origin { place, .. }) = request.extensions().get() {
        place.pace.refuses();
    }
    Asked::Answered(answer)
}

/// The answer to a request that can't stand for a call.
fn not_acceptable(request: &Request<Body>) -> Option<Response<Body>> {
    let headers = request.headers();
    if request.method() != Method::POST {
        return Some(not_allowed("POST"));
    }
    let encoded = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    (encoded || !kind.eq_ignore_ascii_case(JSON.as_bytes()))
        .then(|| empty(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

/// The call that a request stands for. What is in its body is looked at later.
fn called(request: Request<Body>, translation: &'static dyn Translation) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    for header in OF_GRPC {
        parts.headers.remove(header);
    }
    parts.headers.insert(CONTENT_TYPE, GRPC);
    // The names of methods are the API's own.
    let path = PathAndQuery::try_from(format!("/{}", translation.method()));
    parts.uri = path.map(Uri::from).unwrap_or_default();
    Request::from_parts(parts, body)
}

impl Answering {
    fn by(translation: &'static dyn Translation, id: Option<HeaderValue>) -> Self {
        Self { reading: Reading::by(translation), id }
    }

    /// What reads the request's body.
    pub(super) fn reading(&self) -> Reading {
        self.reading.clone()
    }

    /// The answer, of the response to the call. What the call keeps until its response is taken, it keeps until the answer
    /// is.
    pub(super) async fn answer(self, response: Response<Body>) -> Response<Body> {
        let (parts, body) = response.into_parts();
        let answer = match self.outcome(&parts.headers, body).await {
            Ok(answer) => json(StatusCode::OK, answer),
            Err(error) => told(&error.retold(|field, said| self.reading.translation.retold(field, said))),
        };
        let mut answer = identified(answer, self.id);
        *answer.extensions_mut() = parts.extensions;
        answer
    }

    async fn outcome(&self, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, HttpError> {
        let ended = |headers: &HeaderMap| match Status::from_header_map(headers) {
            Some(status) if status.code() != Code::Ok => Err(HttpError::from(&status)),
            _ => Ok(()),
        };
        ended(headers)?;
        let collected = body.collect().await.map_err(|status| HttpError::from(&status))?;
        collected.trailers().map_or(Ok(()), ended)?;
        let (Some(reply), Some(response)) = (self.reading.reply(), message(collected.to_bytes())) else {
            return Err(Fault::internal("a call without a response that can be read").into());
        };
        reply.write(response).map_err(HttpError::from)
    }
}

/// The only message of a response, which is not compressed: nobody asked for that.
fn message(mut body: Bytes) -> Option<Bytes> {
    let mut prefix = body.get(..PREFIX)?;
    let (flag, length) = (prefix.get_u8(), prefix.get_u32() as usize);
    body.advance(PREFIX);
    (flag == 0 && body.len() == length).then_some(body)
}

/// An error, as the body and in the headers.
fn told(error: &HttpError) -> Response<Body> {
    #[derive(Serialize)]
    struct Told<'a> {
        error: &'a HttpError,
    }
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, serde_json::to_vec(&Told { error }).unwrap_or_default());
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        let invalid = error.reason == reason_name(Reason::CredentialsInvalid);
        let wanted = if invalid { "Bearer error=\"invalid_token\"" } else { "Bearer" };
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(wanted));
    }
    if let Some(delay) = error.retry_after {
        headers.insert(RETRY_AFTER, whole_seconds(delay).into());
    }
    response
}

/// Not sooner than after the delay.
fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

/// The URL that a request was sent to, without its path.
fn base(request: &Request<Body>) -> Option<String> {
    let (uri, headers) = (request.uri(), request.headers());
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let authority = uri.authority().map(Authority::as_str).or_else(|| text(HOST))?;
    let authority: Authority = authority.parse().ok().filter(|it: &Authority| !it.as_str().contains('@'))?;
    let encrypted = request.extensions().get().is_some_and(|origin: &Origin| origin.encrypted);
    let https = encrypted || uri.scheme_str() == Some("https") || text(FORWARDED_PROTO) == Some("https");
    Some(format!("{}://{authority}", if https { "https" } else { "http" }))
}

fn identified(mut response: Response<Body>, id: Option<HeaderValue>) -> Response<Body> {
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn not_allowed(allowed: &'static str) -> Response<Body> {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// An answer of a status code alone.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_that_was_asked_is_as_the_client_sees_it() {
        let base = |uri: &str, headers: &[(&str, &str)]| {
            let request = Request::get(uri);
            let request =
                headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            base(&request.body(Body::empty()).expect("a request"))
        };
        let is = |url: &str| Some(url.to_owned());
        assert_eq!(base("/", &[("host", "127.0.0.1:7000")]), is("http://127.0.0.1:7000"));
        let proxied = [("host", "pdp.example"), ("x-forwarded-proto", "https")];
        assert_eq!(base("/", &proxied), is("https://pdp.example"));
        assert_eq!(base("https://pdp.example/", &[]), is("https://pdp.example"), "HTTP/2 says it itself");
        assert_eq!(base("http://pdp.example/", &[("host", "other")]), is("http://pdp.example"));
        for host in ["", "alice@pdp.example", "pdp.example/path", "\"pdp\""] {
            assert_eq!(base("/", &[("host", host)]), None, "{host}");
        }
        assert_eq!(base("/", &[]), None);
    }

    #[test]
    fn a_delay_is_told_in_seconds_that_are_not_too_few() {
        let told = [1_000, 1_001, 7_500].map(|delay| whole_seconds(Duration::from_millis(delay)));
        assert_eq!(told, [1, 2, 8]);
    }
}
