//! How many short fields a message has: texts and messages of less than 32 bytes. One takes two bytes on the way if it is
//! empty, and what is decoded of it may take a hundred: of a message that is as large as it may be, or of a kilobyte that
//! was compressed, many times the memory. Numbers and long fields come to a few times theirs.
use prost::encoding::{WireType, decode_key, decode_varint};

/// The most that a message may have, with those of the messages in it, and not counting what is deeper. The largest batch
/// of the API, a thousand events of usage with ten dimensions each, has 15,000.
pub(super) const LIMIT: usize = 16 * 1024;
/// From how many bytes on a field is long.
const LONG: usize = 32;

/// Whether a message has more short fields than that. What can't be read is not counted: it will not be decoded either.
pub(super) fn too_many(message: &[u8]) -> bool {
    let mut fields = 0;
    count(message, &mut fields, true);
    fields > LIMIT
}

fn count(mut message: &[u8], fields: &mut usize, whole: bool) {
    while !message.is_empty() && *fields <= LIMIT {
        let Some(field) = Field::take(&mut message) else { return };
        if let Field::Content(content) = field {
            *fields += usize::from(content.len() < LONG);
            if whole {
                count(content, fields, false);
            }
        }
    }
}

/// A field of a message.
enum Field<'a> {
    Number,
    /// A text, bytes or a message.
    Content(&'a [u8]),
}

impl<'a> Field<'a> {
    /// Takes the next field off a message. Nothing if it can't be read.
    fn take(message: &mut &'a [u8]) -> Option<Self> {
        let (_, wire_type) = decode_key(message).ok()?;
        let length = match wire_type {
            WireType::Varint => return decode_varint(message).ok().map(|_| Self::Number),
            WireType::LengthDelimited => usize::try_from(decode_varint(message).ok()?).ok()?,
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            // Their beginning and their end are fields of a kind.
            WireType::StartGroup | WireType::EndGroup => 0,
        };
        let (content, rest) = message.split_at_checked(length)?;
        *message = rest;
        Some(if wire_type == WireType::LengthDelimited { Self::Content(content) } else { Self::Number })
    }
}

#[cfg(test)]
mod tests {
    use devspaces_proto::billing::v1::{ReportUsageRequest, UsageEvent};
    use prost::Message as _;

    use super::*;

    fn counted(message: &[u8]) -> usize {
        let mut fields = 0;
        count(message, &mut fields, true);
        fields
    }

    #[test]
    fn short_fields_are_counted_of_a_message_and_of_the_messages_in_it() {
        assert_eq!(counted(b""), 0);
        assert_eq!(counted(b"\x08\x96\x01\x15aaaa\x19aaaaaaaa"), 0, "numbers");
        assert_eq!(
            counted(b"\x22\x02\xff\xff\x2a\x04\x08\x01\x12\x00"),
            3,
            "texts, of which one is a message with one"
        );
        assert_eq!(counted(b"\x22\x01a\x22\x7f"), 1, "what is cut short is not decoded");
        let long = [&b"\x0a\x20"[..], &[b'x'; 32]].concat();
        assert_eq!(counted(&long), 0, "a long text, whatever it looks like");
    }

    #[test]
    fn no_message_makes_more_work_than_its_limit() {
        assert_eq!(counted(&b"\x0a\x00".repeat(500_000)), LIMIT + 1);
        let nested = [&b"\x0a\x80\x89\x7a"[..], &b"\x0a\x00".repeat(1_000_000)].concat();
        assert_eq!(counted(&nested), LIMIT + 1);
    }

    #[test]
    fn the_largest_batch_of_the_api_has_fewer() {
        let event = UsageEvent {
            id: "e".into(),
            app: "apps/1".into(),
            quantity: "1".into(),
            time: Some(prost_types::Timestamp { seconds: 1, nanos: 1 }),
            meter: "meters/m".into(),
            dimensions: (0..10).map(|n| (format!("d{n}"), "v".into())).collect(),
            reservation: String::new(),
        };
        let batch = ReportUsageRequest { events: vec![event; 1000], request_id: "r".into() };
        assert_eq!(counted(&batch.encode_to_vec()), 15_001);
        assert!(!too_many(&batch.encode_to_vec()));
    }
}
