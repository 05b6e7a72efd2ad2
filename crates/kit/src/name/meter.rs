//! Names of what is measured.
use std::{fmt, str::FromStr, sync::Arc};

use super::Malformed;

/// The longest id of a meter, in bytes.
const MAX_ID: usize = 64;

/// A meter's name, `meters/{id}`: lower-case words joined by dots and underscores.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MeterName(Arc<str>);

impl MeterName {
    /// The meter with this id; `None` if no meter can have it.
    #[must_use]
    pub fn of(id: &str) -> Option<Self> {
        (id.len() <= MAX_ID && id.split('.').all(is_words)).then(|| Self(id.into()))
    }

    /// The id: `"kvs.read_gb"`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0
    }
}

/// Whether a text is lower-case words, joined by underscores. A word has letters and digits, and the first begins with a
/// letter.
#[must_use]
pub fn is_words(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.split('_').all(is_word)
}

impl fmt::Display for MeterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "meters/{}", self.0)
    }
}

impl FromStr for MeterName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let expected = "meters/{id}, with an id of lower-case words, joined by dots and underscores, of at most 64 characters";
        name.strip_prefix("meters/").and_then(Self::of).ok_or(Malformed { expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meters_id_is_lower_case_words() {
        for id in ["logs.gb", "sql.storage_gb_hours", "a", "llm.gpt4_tokens", &"x".repeat(64)] {
            let name: MeterName = format!("meters/{id}").parse().expect("a name");
            assert_eq!((name.id(), name.to_string()), (id, format!("meters/{id}")));
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a_",
            "_a",
            "a__b",
            "A",
            "a b",
            "a-b",
            "1a",
            "a.1b",
            "é",
            &"x".repeat(65),
        ] {
            assert!(format!("meters/{bad}").parse::<MeterName>().is_err(), "{bad}");
        }
        assert!("logs.gb".parse::<MeterName>().is_err());
    }
}
