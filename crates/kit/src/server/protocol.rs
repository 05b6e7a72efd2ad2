//! The seam for another protocol on the port, whose requests stand for calls of the port's services: JSON over HTTP, for
//! clients without gRPC. The protocol knows what its requests and answers mean. The port knows all the rest: it answers
//! them as the calls that they stand for, and turns what comes of it into HTTP (`translate.rs`).
use std::fmt;

use prost::bytes::Bytes;

use crate::status::Fault;

/// Says what a protocol has at a path, if that is one of its own.
pub type Entrances = fn(path: &str) -> Option<Entrance>;

/// For a port that has no other protocol.
pub const NO_ENTRANCES: Entrances = |_| None;

/// What is at a path.
#[derive(Clone, Copy)]
pub enum Entrance {
    /// Requests are posted there. Each stands for a call.
    Call(&'static dyn Translation),
    /// A JSON document that anybody may get, made for the URL that the port was asked at: `https://api.example:7000`.
    Document(fn(base: &str) -> String),
}

/// How the requests at one path stand for calls of a method.
pub trait Translation: Send + Sync {
    /// The method's full name: `devspaces.authz.v1.AuthzService/CheckPermission`.
    fn method(&self) -> &'static str;

    /// Reads the body of a request, which has arrived whole.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, with the fields by their paths in the body.
    fn read(&self, body: &[u8]) -> Result<Call, Fault>;

    /// How a field that an error of the method names is called in the body, and what is said of it there.
    fn retold(&self, field: &str, sentence: &str) -> (String, String);
}

/// What a request stands for.
pub struct Call {
    /// The method's request, encoded.
    pub message: Vec<u8>,
    /// Makes an answer of the method's response.
    pub reply: Box<dyn Reply>,
}

/// Knows how one request is to be answered.
pub trait Reply: Send + Sync {
    /// The body of the answer, of the method's response.
    ///
    /// # Errors
    /// If what the response tells is an error to who asked.
    fn write(&self, response: Bytes) -> Result<Vec<u8>, Fault>;
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(translation) => f.debug_tuple("Call").field(&translation.method()).finish(),
            Self::Document(_) => f.write_str("Document"),
        }
    }
}
