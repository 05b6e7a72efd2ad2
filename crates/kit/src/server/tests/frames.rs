//! Frames of HTTP/2 as bytes (RFC 9113, 6), for what no client's library would send.

/// How a client begins: its preface and empty settings.
pub(super) const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The types of some frames.
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
/// Some flags.
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// A frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::to_be_bytes(u32::try_from(content.len()).expect("small"));
    [&length[..], &[kind, flags], &stream.to_be_bytes(), content].concat()
}

/// The headers of a call without a token: POST and http by their numbers, the others as they are (RFC 7541, A and 6.2.2).
pub(super) fn call(path: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    [&[0x83, 0x86, 0x04][..], &text(path), &[0x0f, 0x10], &text("application/grpc")].concat()
}

/// The types of the frames.
pub(super) fn frames(bytes: &[u8]) -> Vec<u8> {
    flagged(bytes).into_iter().map(|(kind, _)| kind).collect()
}

/// The types of the frames, with their flags.
pub(super) fn flagged(mut bytes: &[u8]) -> Vec<(u8, u8)> {
    let mut types = Vec::new();
    while let Some(&[a, b, c, kind, flags]) = bytes.first_chunk() {
        types.push((kind, flags));
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        bytes = bytes.get(9 + length..).unwrap_or_default();
    }
    types
}
