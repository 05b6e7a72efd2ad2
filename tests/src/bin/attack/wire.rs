//! Connections and calls as an attacker makes them: from an address of its own, with bodies that never end.
use std::{
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
};

use futures::{Stream, StreamExt as _, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper_util::rt::TokioIo;
use prost::bytes::Bytes;
use tokio::net::{TcpSocket, TcpStream};
use tonic::{
    Status,
    body::Body,
    codegen::{
        Service as _,
        http::{Request, Response, Uri},
    },
    transport::{Channel, Endpoint},
};

/// Where attacks come from, so that what is bounded for each address is bounded for the attacker.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

pub(crate) const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// What a client that wants to take nothing announces that it takes.
const NARROW: u32 = 1024;
/// The message length that an attacker announces: the largest that the gRPC library takes.
const ANNOUNCED: u32 = 4 * 1024 * 1024 - 1;
const CHUNK: usize = 16 * 1024;

/// A TCP connection from the attacker's address.
pub(crate) async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    socket()?.connect(to).await
}

fn socket() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((ATTACKER, 0).into())?;
    Ok(socket)
}

/// The attacker's connection, made anew whenever it is lost.
pub(crate) fn channel(to: SocketAddr) -> Channel {
    connecting(&Endpoint::from_static("http://attacked"), to)
}

/// The same, of a client that reads next to nothing.
pub(crate) fn narrow(to: SocketAddr) -> Channel {
    connecting(&Endpoint::from_static("http://attacked").initial_stream_window_size(NARROW), to)
}

fn connecting(endpoint: &Endpoint, to: SocketAddr) -> Channel {
    endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| async move {
        connect(to).await.map(TokioIo::new)
    }))
}

fn body(frames: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    Body::new(StreamBody::new(frames.map(|bytes| Ok::<_, Status>(Frame::data(bytes)))))
}

/// A body that is announced and never comes.
pub(crate) fn no_body() -> Body {
    body(stream::pending())
}

/// A large message, all of it but the end.
pub(crate) fn large_body() -> Body {
    let prefix = [&[0], &ANNOUNCED.to_be_bytes()[..]].concat();
    let chunks = ANNOUNCED as usize / CHUNK;
    let filling = stream::iter(std::iter::repeat_n(Bytes::from(vec![0; CHUNK]), chunks));
    body(stream::iter([Bytes::from(prefix)]).chain(filling).chain(stream::pending()))
}

/// Sends a request, and gives what comes back as soon as there is anything.
pub(crate) async fn send(
    channel: &mut Channel,
    path: &str,
    token: Option<&str>,
    body: Body,
) -> Result<Response<Body>, String> {
    let mut request = Request::post(format!("http://attacked{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(body).map_err(|error| error.to_string())?;
    poll_fn(|context| channel.poll_ready(context)).await.map_err(|error| error.to_string())?;
    channel.call(request).await.map_err(|error| error.to_string())
}

/// Whether a response says that the call was refused.
pub(crate) fn is_refusal(response: &Result<Response<Body>, String>) -> bool {
    response.as_ref().map_or(true, |response| {
        response.headers().get("grpc-status").is_some_and(|code| code.as_bytes() != b"0")
    })
}
