//! Compression of messages (gRPC over HTTP/2, "Message-Encoding"). It is done here and not by the services, so that
//! none can be without it, no message comes to more than it may, and small ones cost nothing.
use std::io::{self, Read as _, Write as _};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::status::Fault;

/// How a message is compressed.
pub(super) const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// What who says it can decompress.
pub(super) const ACCEPTED: HeaderName = HeaderName::from_static("grpc-accept-encoding");
pub(super) const GZIP: HeaderValue = HeaderValue::from_static("gzip");
/// What a port can decompress.
pub(super) const ACCEPT: HeaderValue = HeaderValue::from_static("identity,gzip");

/// A message comes with a flag and its length in front, in five bytes.
pub(super) const PREFIX: usize = 5;

/// Smaller messages go out as they are: what is saved is less than a packet, and costs more than the whole call.
const WORTH_IT: usize = 1024;

/// How the messages of a request are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    /// As the headers of a request say, from which it is taken: the services behind need not know.
    ///
    /// # Errors
    /// `UNIMPLEMENTED` if it is none that there is here.
    pub(super) fn take(headers: &mut HeaderMap) -> Result<Self, Fault> {
        match headers.remove(ENCODING).as_ref().map(HeaderValue::as_bytes) {
            None | Some(b"identity") => Ok(Self::Identity),
            Some(b"gzip") => Ok(Self::Gzip),
            Some(_) => Err(Fault::encoding_unknown()),
        }
    }
}

/// Whether a client takes compressed messages.
pub(super) fn accepted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPTED).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|encoding| encoding.trim() == "gzip")
}

/// Why a message can't be decompressed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    TooLarge,
    Malformed,
}

/// A message decompressed, with a prefix that says so, unless it comes to more than `limit` bytes.
pub(super) fn decompressed(message: &[u8], limit: usize) -> Result<Bytes, Refused> {
    let mut plain = BytesMut::from(&[0; PREFIX][..]).writer();
    // One byte more than may be shows that it is too large, and is all that is made of it.
    let mut bounded = GzDecoder::new(message).take(limit as u64 + 1);
    io::copy(&mut bounded, &mut plain).map_err(|_| Refused::Malformed)?;
    let mut plain = plain.into_inner();
    let length = plain.len() - PREFIX;
    if length > limit {
        return Err(Refused::TooLarge);
    }
    (&mut plain[1..PREFIX]).put_u32(u32::try_from(length).map_err(|_| Refused::TooLarge)?);
    Ok(plain.freeze())
}

/// The messages of a frame, each of them compressed if that is worth it. The services give whole messages only; what is
/// anything else goes out as it is.
pub(super) fn compressed(frame: Bytes) -> Bytes {
    if frame.len() < WORTH_IT {
        return frame;
    }
    let mut out = BytesMut::new();
    let mut rest = frame.clone();
    while !rest.is_empty() {
        let Some(length) = whole(&rest) else { return frame };
        let message = rest.split_to(PREFIX + length);
        match (length >= WORTH_IT && message[0] == 0).then(|| deflated(&message[PREFIX..])) {
            Some(Ok(smaller)) if smaller.len() < length => {
                out.put_u8(1);
                out.put_u32(u32::try_from(smaller.len()).unwrap_or(u32::MAX));
                out.put_slice(&smaller);
            }
            _ => out.put_slice(&message),
        }
    }
    out.freeze()
}

/// The length of the message at the beginning, if it is there as a whole.
fn whole(bytes: &Bytes) -> Option<usize> {
    let mut length = bytes.get(1..PREFIX)?;
    let length = length.get_u32() as usize;
    (bytes.len() - PREFIX >= length).then_some(length)
}

fn deflated(message: &[u8]) -> io::Result<Vec<u8>> {
    // Fast: most of what is saved is saved at once, and a reply of 2 MiB must not hold a thread for long.
    let mut encoder = GzEncoder::new(Vec::with_capacity(message.len() / 4), Compression::fast());
    encoder.write_all(message)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut frame = vec![0];
        frame.put_u32(u32::try_from(message.len()).expect("small"));
        frame.extend_from_slice(message);
        frame
    }

    #[test]
    fn a_message_is_the_same_after_both_ways() {
        let message = b"what is said twice is said twice, ".repeat(100);
        let small = compressed(framed(&message).into());
        assert!(small.len() < message.len() / 10 && small[0] == 1);
        assert_eq!(decompressed(&small[PREFIX..], message.len()), Ok(framed(&message).into()));
        assert_eq!(decompressed(&small[PREFIX..], message.len() - 1), Err(Refused::TooLarge));
    }

    // A kilobyte that comes to a megabyte: what is made of it is the limit and no more.
    #[test]
    fn a_bomb_is_noticed_at_the_limit() {
        let bomb = deflated(&vec![0; 64 * 1024 * 1024]).expect("compressed");
        assert!(bomb.len() < 512 * 1024);
        assert_eq!(decompressed(&bomb, 1024), Err(Refused::TooLarge));
    }

    #[test]
    fn what_is_not_gzip_is_malformed() {
        for bytes in [&b""[..], b"no gzip", &deflated(b"cut off").expect("compressed")[..12]] {
            assert_eq!(decompressed(bytes, 1024), Err(Refused::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn small_messages_and_parts_of_messages_go_out_as_they_are() {
        let small = framed(&[b'x'; WORTH_IT - 1]);
        assert_eq!(compressed(small.clone().into()), small);
        let part = framed(&[b'x'; 4 * WORTH_IT])[..2 * WORTH_IT].to_vec();
        assert_eq!(compressed(part.clone().into()), part);
        let random: Vec<u8> = (0..4 * WORTH_IT).map(|_| rand::random()).collect();
        assert_eq!(compressed(framed(&random).into()), framed(&random), "it would only get larger");
    }

    #[test]
    fn of_several_messages_in_a_frame_each_is_treated_by_itself() {
        let (small, large) = (framed(b"small"), framed(&[b'x'; 4 * WORTH_IT]));
        let out = compressed([small.clone(), large.clone()].concat().into());
        assert_eq!(out[..small.len()], small);
        assert_eq!(decompressed(&out[small.len() + PREFIX..], 4 * WORTH_IT), Ok(large.into()));
    }

    #[test]
    fn only_gzip_is_known() {
        let encoding = |value: &'static str| {
            let mut headers = HeaderMap::from_iter([(ENCODING, HeaderValue::from_static(value))]);
            let encoding = Encoding::take(&mut headers).ok();
            assert!(headers.is_empty());
            encoding
        };
        assert_eq!(Encoding::take(&mut HeaderMap::new()).ok(), Some(Encoding::Identity));
        assert_eq!(
            (encoding("identity"), encoding("gzip")),
            (Some(Encoding::Identity), Some(Encoding::Gzip))
        );
        assert_eq!((encoding("br"), encoding("GZIP"), encoding("")), (None, None, None));
        let accepts = |value: &'static str| {
            accepted(&HeaderMap::from_iter([(ACCEPTED, HeaderValue::from_static(value))]))
        };
        assert!(
            accepts("gzip")
                && accepts("identity, deflate, gzip")
                && !accepts("identity")
                && !accepts("xgzip")
        );
    }
}
