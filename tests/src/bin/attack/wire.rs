//! Connections and calls as an attacker makes them: from an address of its own, with bodies that never end.
use std::{
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
};

use futures::{Stream, StreamExt as _, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper_util::rt::TokioIo;
use prost::{Message, bytes::Bytes};
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

/// A method that nobody may call without a token.
const REFUSED: &str = "/devspaces.space.v1.SpaceService/ListSpaces";

/// A TCP connection from the attacker's address.
pub(crate) async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    socket()?.connect(to).await
}

/// The same, where the system keeps next to nothing for who does not read.
pub(crate) async fn connect_narrowly(to: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket()?;
    socket.set_recv_buffer_size(NARROW)?;
    socket.connect(to).await
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

/// A message that is larger than the gRPC library takes, all of it but the end.
pub(crate) fn large_body() -> Body {
    begun_body(ANNOUNCED, ANNOUNCED)
}

/// The beginning of a message of so many bytes: so many of them, in chunks, and no end.
pub(crate) fn begun_body(announced: u32, sent: u32) -> Body {
    let prefix = [&[0], &announced.to_be_bytes()[..]].concat();
    let filling = stream::iter(std::iter::repeat_n(Bytes::from(vec![0; CHUNK]), sent as usize / CHUNK));
    body(stream::iter([Bytes::from(prefix)]).chain(filling).chain(stream::pending()))
}

/// A message with the prefix that it has on the wire.
pub(crate) fn framed(message: &impl Message) -> Bytes {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], &message].concat().into()
}

/// One message.
pub(crate) fn whole_body(framed: Bytes) -> Body {
    body(stream::iter([framed]))
}

/// A message over and over.
pub(crate) fn endless_body(framed: Bytes) -> Body {
    body(stream::repeat(framed))
}

/// How HTTP/2 begins: the client's preface, and settings without any (RFC 9113, 3.4).
pub(crate) const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Calls without a token as frames of HTTP/2, each of which is the whole request. The n-th call of a connection is on
/// stream 2n + 1.
pub(crate) fn refused_calls(calls: Range<u32>) -> Vec<u8> {
    const HEADERS: u8 = 1;
    const END_STREAM_AND_HEADERS: u8 = 5;
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap_or(u8::MAX)], text.as_bytes()].concat();
    // POST and http by their numbers, the others as they are (RFC 7541, A and 6.2.2).
    let headers =
        [&[0x83, 0x86, 0x04][..], &text(REFUSED), &[0x0f, 0x10], &text("application/grpc")].concat();
    let length = u32::try_from(headers.len()).unwrap_or(u32::MAX).to_be_bytes();
    let call = |call: u32| {
        let stream = (2 * call + 1).to_be_bytes();
        [&length[1..], &[HEADERS, END_STREAM_AND_HEADERS], &stream, &headers].concat()
    };
    calls.flat_map(call).collect()
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
