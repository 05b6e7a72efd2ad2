//! What a request may have in a place, whatever else is there: members that nobody asked for are passed over without being
//! kept, so that a body takes no more memory than it has bytes. A kind that does not belong is noticed and told by its
//! path, and not by the first place where reading fails.
use std::{fmt, marker::PhantomData};

use devspaces_kit::status::{Fault, Reason};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use tonic::Code;

/// What is in a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Given<T> {
    /// Nothing, or `null` where that says the same.
    #[default]
    Nothing,
    /// What does not belong there.
    Wrong,
    /// What belongs there.
    Value(T),
}

/// What belongs in a place. Of each kind of JSON nothing belongs there unless it is said.
pub(super) trait Shape: Sized {
    /// What it is called: "a string".
    const KIND: &'static str;

    fn null() -> Given<Self> {
        Given::Nothing
    }

    fn string(_: &str) -> Given<Self> {
        Given::Wrong
    }

    fn integer(_: u64) -> Given<Self> {
        Given::Wrong
    }

    fn object<'de, A: MapAccess<'de>>(mut members: A) -> Result<Given<Self>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Given::Wrong)
    }

    fn array<'de, A: SeqAccess<'de>>(mut elements: A) -> Result<Given<Self>, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Given::Wrong)
    }
}

/// Reads the whole of a body.
///
/// # Errors
/// `INVALID_ARGUMENT` / `MESSAGE_MALFORMED` if it is no JSON, with the place, or not of this shape.
pub(super) fn read<T: Shape>(body: &[u8]) -> Result<T, Fault> {
    let malformed = |message| Fault::new(Code::InvalidArgument, Reason::MessageMalformed, message);
    match serde_json::from_slice(body) {
        Ok(Given::Value(value)) => Ok(value),
        Ok(_) => Err(malformed(format!("The body must be {}", T::KIND))),
        // What the library says of a text that is no JSON never has a part of the text.
        Err(error) => Err(malformed(format!("The body is not valid JSON: {error}"))),
    }
}

/// Reads a member of an object into its place.
///
/// # Errors
/// If it was there before: who reads such an object may take either (RFC 7493, 2.3).
pub(super) fn member<'de, T: Shape, A: MapAccess<'de>>(
    place: &mut Given<T>,
    name: &'static str,
    members: &mut A,
) -> Result<(), A::Error> {
    if !matches!(place, Given::Nothing) {
        return Err(A::Error::duplicate_field(name));
    }
    *place = members.next_value()?;
    Ok(())
}

impl Shape for String {
    const KIND: &'static str = "a string";

    fn string(text: &str) -> Given<Self> {
        Given::Value(text.to_owned())
    }
}

impl Shape for u64 {
    const KIND: &'static str = "an integer that is not negative";

    fn integer(number: u64) -> Given<Self> {
        Given::Value(number)
    }
}

impl<'de, T: Shape> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Place(PhantomData))
    }
}

struct Place<T>(PhantomData<T>);

impl<'de, T: Shape> Visitor<'de> for Place<T> {
    type Value = Given<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::KIND)
    }

    fn visit_unit<E>(self) -> Result<Given<T>, E> {
        Ok(T::null())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Given<T>, E> {
        Ok(Given::Wrong)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Given<T>, E> {
        Ok(Given::Wrong)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Given<T>, E> {
        Ok(T::integer(number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Given<T>, E> {
        Ok(Given::Wrong)
    }

    fn visit_str<E>(self, text: &str) -> Result<Given<T>, E> {
        Ok(T::string(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Given<T>, A::Error> {
        T::object(members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Given<T>, A::Error> {
        T::array(elements)
    }
}
