use std::{collections::BTreeMap, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The longest text of a cursor that is looked at, in bytes.
const MAX_TEXT: usize = 4096;

/// How far somebody has followed the journals of some services. Of each it knows the last entry by position and hash:
/// in a database that was restored another entry may have that position later (R-J4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(BTreeMap<String, (i64, String)>);

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a cursor that the same method gave")]
pub struct NotACursor;

impl Cursor {
    /// Moves on to an entry of a service's journal.
    pub fn advance(&mut self, service: &str, position: i64, hash: &[u8]) {
        let place = (position, hex::encode(hash));
        match self.0.get_mut(service) {
            Some(last) => *last = place,
            None => drop(self.0.insert(service.to_owned(), place)),
        }
    }

    /// The position and hash of the last entry of a service's journal; nothing before the first.
    #[must_use]
    pub fn of(&self, service: &str) -> Option<(i64, Vec<u8>)> {
        let (position, hash) = self.0.get(service)?;
        Some((*position, hex::decode(hash).unwrap_or_default()))
    }

    /// The services whose journals it has a place in.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        if text.len() > MAX_TEXT {
            return Err(NotACursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        let places: BTreeMap<String, (i64, String)> =
            serde_json::from_slice(&bytes).map_err(|_| NotACursor)?;
        let is_place = |(position, hash): &(i64, String)| *position > 0 && hex::decode(hash).is_ok();
        if places.values().all(is_place) { Ok(Self(places)) } else { Err(NotACursor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_what_its_text_says() {
        let mut cursor = Cursor::default();
        cursor.advance("space", 1, &[1]);
        cursor.advance("membership", 7, &[7; 32]);
        cursor.advance("space", 2, &[2]);
        assert_eq!(cursor.to_string().parse(), Ok(cursor.clone()));
        assert_eq!((cursor.of("space"), cursor.of("billing")), (Some((2, vec![2])), None));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for text in
            ["x".to_owned(), encoded("[]"), encoded(r#"{"space":[0,""]}"#), encoded(r#"{"space":[1,"x"]}"#)]
        {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
        assert!("A".repeat(MAX_TEXT + 1).parse::<Cursor>().is_err());
    }
}
