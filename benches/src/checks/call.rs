//! A question as bytes, and one call with it by a real client, which sees the status that h2load does not see.
use std::path::Path;

use devspaces_kit::tls::{ClientFiles, ClientTls, File, Flags, connect_lazy};
use devspaces_proto::authz::v1::{
    BatchCheckPermissionsRequest, BatchCheckPermissionsResponse, CheckPermissionRequest,
    CheckPermissionResponse, CheckPermissionResult, check_permission_result::Outcome,
};
use prost::{
    Message as _,
    bytes::{Buf as _, BufMut as _},
};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Endpoint,
};

use super::target::Target;

/// What is asked, again and again.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) path: &'static str,
    /// The header that says who asks; peers ask nobody who they are.
    pub(super) authorization: Option<String>,
    pub(super) message: Vec<u8>,
    /// Whether the message of an answer allows what was asked about.
    pub(super) allows: fn(&[u8]) -> bool,
}

impl Question {
    /// Whether this subject has the permission; the one who asks, if it is empty.
    pub(super) fn check(authorization: &str, subject: &str, permission: &str, resource: &str) -> Self {
        Self {
            path: "/devspaces.authz.v1.AuthzService/CheckPermission",
            authorization: Some(authorization.to_owned()),
            message: check(subject, permission, resource).encode_to_vec(),
            allows: |answer| CheckPermissionResponse::decode(answer).is_ok_and(|answer| answer.allowed),
        }
    }

    /// Whether this subject has these permissions, in one call.
    pub(super) fn batch(authorization: &str, subject: &str, permissions: &[&str], resource: &str) -> Self {
        let checks = permissions.iter().map(|permission| check(subject, permission, resource)).collect();
        Self {
            path: "/devspaces.authz.v1.AuthzService/BatchCheckPermissions",
            authorization: Some(authorization.to_owned()),
            message: BatchCheckPermissionsRequest { checks }.encode_to_vec(),
            allows: |answer| {
                BatchCheckPermissionsResponse::decode(answer).is_ok_and(|answer| {
                    let allowed = |result: &CheckPermissionResult| {
                        matches!(&result.outcome, Some(Outcome::Response(response)) if response.allowed)
                    };
                    !answer.results.is_empty() && answer.results.iter().all(allowed)
                })
            },
        }
    }

    /// Asks once. Gives the message of the answer, which must have the status OK and allow.
    pub(super) async fn ask(&self, target: &Target) -> Vec<u8> {
        let to = (target.address.as_str(), target.authority.as_deref());
        let answer = call(to, self.path, self.authorization.as_deref(), self.message.clone()).await;
        let answer = answer.unwrap_or_else(|status| panic!("{}: {status}", self.path));
        assert!((self.allows)(&answer), "{} denies: {answer:?}", self.path);
        answer
    }
}

/// A strict check.
pub(super) fn check(subject: &str, permission: &str, resource: &str) -> CheckPermissionRequest {
    let (subject, permission) = (subject.to_owned(), permission.to_owned());
    CheckPermissionRequest { subject, permission, resource: resource.to_owned(), max_staleness: None }
}

/// One call over a connection of its own, to an address whose certificate this authority has signed.
pub(super) async fn call(
    (address, authority): (&str, Option<&Path>),
    path: &'static str,
    authorization: Option<&str>,
    message: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    let flags = Flags { authorities: "the authority", identity: "nothing" };
    let authorities = authority.map(|path| File { flag: flags.authorities, path: path.to_owned() });
    let tls = ClientTls::open(ClientFiles { authorities, identity: None, flags }).expect("an authority");
    let endpoint = Endpoint::from_shared(address.to_owned()).expect("an address");
    let mut client = Grpc::new(connect_lazy(&endpoint, &tls));
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(message);
    if let Some(authorization) = authorization {
        request.metadata_mut().insert("authorization", authorization.parse().expect("a header"));
    }
    let answer = client.unary(request, PathAndQuery::from_static(path), Bytes).await?;
    Ok(answer.into_inner())
}

/// Messages as they are on the wire.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length).to_vec()))
    }
}
