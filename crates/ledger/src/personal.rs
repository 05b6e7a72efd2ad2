//! Whether something tells of a person: a text, a message.
use devspaces_kit::name::UserName;
use prost::encoding::{WireType, decode_key, decode_varint};

/// Where the name of a resource goes on with the id of a person.
pub(crate) const OF_PERSONS: [&str; 3] = ["/members/", "/contributors/", "/admins/"];

/// How deep messages are looked into: deeper than any of the API's.
const DEPTH: u32 = 16;

/// Whom something may tell of.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The person.
    pub person: UserName,
    /// The person's e-mail address, if known.
    pub email: Option<String>,
}

impl Subject {
    /// Whether a text is the name of this person, or of something that is this person's, such as a membership, or the
    /// person's address.
    #[must_use]
    pub fn is_named_by(&self, text: &str) -> bool {
        names(text, &self.person) || self.email.as_deref().is_some_and(|email| is_at(text, email))
    }

    /// Whether an encoded message has such a text in it, whatever message it is.
    pub(crate) fn is_in(&self, message: &[u8]) -> bool {
        self.is_in_message(message, DEPTH).unwrap_or_default()
    }

    /// None if the bytes are no message.
    fn is_in_message(&self, mut bytes: &[u8], depth: u32) -> Option<bool> {
        let mut found = false;
        while !bytes.is_empty() {
            let (_, wire) = decode_key(&mut bytes).ok()?;
            let length = match wire {
                WireType::Varint => {
                    decode_varint(&mut bytes).ok()?;
                    continue;
                }
                WireType::SixtyFourBit => 8,
                WireType::ThirtyTwoBit => 4,
                WireType::LengthDelimited => usize::try_from(decode_varint(&mut bytes).ok()?).ok()?,
                WireType::StartGroup | WireType::EndGroup => return None,
            };
            let (value, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            if wire == WireType::LengthDelimited {
                found |= std::str::from_utf8(value).is_ok_and(|text| self.is_named_by(text));
                found |= depth > 0 && self.is_in_message(value, depth - 1) == Some(true);
            }
        }
        Some(found)
    }
}

/// Whether a detail is the name of this person, or of something that is this person's, such as a membership.
fn names(detail: &str, person: &UserName) -> bool {
    let of_person = |sign: &&str| detail.split_once(sign).is_some_and(|(_, id)| id == person.id());
    detail == person.to_string() || OF_PERSONS.iter().any(of_person)
}

/// Whether a detail is this address, by itself or after the name of whom it is: `Ann <ann@example.com>`. No mail service
/// tells two people apart by capitals, so they don't matter here.
fn is_at(detail: &str, email: &str) -> bool {
    let named = detail.strip_suffix('>').and_then(|named| named.rsplit_once('<'));
    named.map_or(detail, |(_, address)| address).eq_ignore_ascii_case(email)
}

#[cfg(test)]
mod tests {
    use devspaces_proto::membership::v1::{ListMembersResponse, Member};
    use prost::Message as _;

    use super::*;

    fn subject(id: &str, email: Option<&str>) -> Subject {
        Subject { person: UserName::from_stored(id.to_owned()), email: email.map(str::to_owned) }
    }

    // R-J1
    #[test]
    fn a_person_is_known_by_every_name_that_holds_theirs() {
        let bob = subject("bob", None);
        for theirs in ["users/bob", "spaces/x/members/bob", "apps/x/contributors/bob", "spaces/x/admins/bob"]
        {
            assert!(bob.is_named_by(theirs), "{theirs}");
        }
        for others in ["users/bobby", "users/bo", "spaces/x/members/bobby", "spaces/bob/members/x", "bob"] {
            assert!(!bob.is_named_by(others), "{others}");
        }
    }

    // R-J1: a contact of a vendor profile is one detail, with the name of whom it is.
    #[test]
    fn an_address_is_found_with_and_without_a_name_and_no_other_is() {
        let ann = subject("x", Some("ann@example.com"));
        for theirs in
            ["ann@example.com", "Ann Example <ann@example.com>", "<ann@example.com>", "Ann <Ann@EXAMPLE.com>"]
        {
            assert!(ann.is_named_by(theirs), "{theirs}");
        }
        for others in [
            "joann@example.com",
            "Jo <joann@example.com>",
            "Ann <ann@example.com.example>",
            "Ann ann@example.com",
        ] {
            assert!(!ann.is_named_by(others), "{others}");
        }
    }

    // R-J1
    #[test]
    fn a_person_is_found_in_a_message_wherever_the_name_stands() {
        let member = |id: &str| Member { name: format!("spaces/x/members/{id}"), ..Member::default() };
        let reply = ListMembersResponse { members: vec![member("ann"), member("bob")], ..Default::default() };
        let bytes = reply.encode_to_vec();
        assert!(subject("bob", None).is_in(&bytes) && subject("ann", None).is_in(&bytes));
        assert!(!subject("bo", None).is_in(&bytes) && !subject("bobby", None).is_in(&bytes));
        assert!(!subject("bob", None).is_in(&bytes[1..]), "what is no message tells of nobody");
    }
}
