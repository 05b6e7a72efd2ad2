//! Makes every error response one of ours. The handlers' errors come from [`Fault`] and have details; what has none
//! comes from the transport, whose own texts and codes must not reach a client.
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tonic::{Code, Status, body::Body};

use crate::status::{Fault, Reason};

/// How tonic and prost begin to say that a request could not be read. The tests provoke them.
const UNDECODABLE: [&str; 2] = ["failed to decode Protobuf message", "Missing request message"];

/// The response with its error, in the headers or after a stream in the trailers, as one of ours.
/// `standard`: it is from a service whose codes others have defined (health, reflection), and which stay.
pub(super) fn canonical(response: Response<Body>, standard: bool) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    correct(&mut parts.headers, standard);
    let body = body.map_frame(move |frame| match frame.into_trailers() {
        Ok(mut trailers) => {
            correct(&mut trailers, standard);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    });
    Response::from_parts(parts, Body::new(body))
}

fn correct(headers: &mut HeaderMap, standard: bool) {
    if headers.contains_key(Status::GRPC_STATUS_DETAILS) {
        return;
    }
    let Some(status) = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok) else {
        return;
    };
    let fault = if standard { kept(&status) } else { classified(&status) };
    // Our texts are plain ASCII and always fit a header.
    let _ = Status::from(fault).add_header(headers);
}

/// What an error without details means.
fn classified(status: &Status) -> Fault {
    let begins = |text: &str| status.message().starts_with(text);
    match status.code() {
        Code::Unimplemented => Fault::method_unknown(),
        Code::Internal | Code::Unknown if UNDECODABLE.into_iter().any(begins) => Fault::message_malformed(),
        Code::DeadlineExceeded => Fault::deadline_exceeded(),
        code => Fault::internal(format_args!("an error without details: {code:?}: {}", status.message())),
    }
}

fn kept(status: &Status) -> Fault {
    match status.code() {
        Code::NotFound => {
            Fault::new(Code::NotFound, Reason::ResourceNotFound, "There is no such service or symbol")
        }
        Code::InvalidArgument => {
            Fault::new(Code::InvalidArgument, Reason::InvalidField, "The request is not valid")
        }
        _ => classified(status),
    }
}
