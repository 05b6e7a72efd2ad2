//! What free text may hold. Each check yields the value, or a sentence that completes "the field …" and names the
//! limit; the value itself is never repeated.
mod card_number;
mod visible;

use std::ops::RangeInclusive;

use email_address::{EmailAddress, Options};
use uuid::Uuid;

pub use self::card_number::{CARD_NUMBER, looks_like_card_number};

/// The longest display name, in characters (Unicode scalar values).
pub const MAX_DISPLAY_NAME: usize = 100;

/// The longest description, in characters (Unicode scalar values).
pub const MAX_DESCRIPTION: usize = 1000;

/// The longest URI, in bytes.
pub const MAX_URI: usize = 2000;

/// The longest e-mail address, in bytes: what fits between the brackets of RFC 5321's path.
pub const MAX_EMAIL: usize = 254;

/// A name for people: one line, no white space at either end, at least one visible character, nothing that hides or
/// reorders what is read, and no card number (R-B3).
///
/// # Errors
/// A sentence that names the limits.
pub fn display_name(text: &str) -> Result<&str, String> {
    line(text, 1..=MAX_DISPLAY_NAME)
}

/// A line as a [`display_name`] is one, of so many characters (Unicode scalar values).
///
/// # Errors
/// A sentence that names the limits.
pub fn line(text: &str, length: RangeInclusive<usize>) -> Result<&str, String> {
    let fits = length.contains(&text.chars().count());
    let seen = text.is_empty() || visible::is_visible(text);
    if !fits || !seen || text.trim_matches(visible::is_space) != text || visible::hides(text) {
        return Err(format!(
            "must be {} to {} characters on one line, at least one of them visible, without white space at either end, \
             control characters, invisible characters or characters that change the direction of text",
            length.start(),
            length.end()
        ));
    }
    if looks_like_card_number(text) { Err(CARD_NUMBER.to_owned()) } else { Ok(text) }
}

/// A longer text for people; it may be empty and may have line breaks and tabs, but nothing else that hides or reorders
/// what is read, and no card number (R-B3).
///
/// # Errors
/// A sentence that names the limits.
pub fn description(text: &str) -> Result<&str, &'static str> {
    // Each run of them by itself, so that no joiner joins across a break.
    let mut lines = text.split(['\n', '\r', '\t']);
    if text.chars().count() > MAX_DESCRIPTION || lines.any(visible::hides) {
        return Err(
            "must be at most 1000 characters, without invisible characters, characters that change the direction \
                    of text, or control characters other than line breaks and tabs",
        );
    }
    if looks_like_card_number(text) { Err(CARD_NUMBER) } else { Ok(text) }
}

/// Why something is done: a [`description`] with at least one visible character.
///
/// # Errors
/// A sentence that names the limits.
pub fn reason(text: &str) -> Result<&str, &'static str> {
    if visible::is_visible(text) {
        description(text)
    } else {
        Err("must be given, with at least one visible character")
    }
}

/// An `https` address in the characters of RFC 3986, with a host and no user in it; or empty.
///
/// # Errors
/// A sentence that names the limits.
pub fn https_uri(text: &str) -> Result<&str, &'static str> {
    if text.is_empty() || (text.len() <= MAX_URI && is_https(text)) {
        return Ok(text);
    }
    Err("must be empty or an absolute https URI of at most 2000 bytes, without a user or a password")
}

/// An e-mail address that mail on the Internet reaches: no quoted part, no host without a dot, nothing around it.
///
/// # Errors
/// A sentence that names the form.
pub fn email(text: &str) -> Result<&str, &'static str> {
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    let plain = text.is_ascii() && !text.contains(['"', '(', ')', '\\']);
    if text.len() <= MAX_EMAIL && plain && EmailAddress::parse_with_options(text, options).is_ok() {
        return Ok(text);
    }
    Err("must be an e-mail address such as name@host.example, of at most 254 ASCII characters")
}

/// The idempotency key of a mutation: a UUID in its hyphenated form, or empty for none (R-J5).
///
/// # Errors
/// A sentence that names the form.
pub fn request_id(text: &str) -> Result<Option<Uuid>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    // try_parse also takes braces, a urn: prefix and a form without hyphens: two spellings of one key.
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == uuid::fmt::Hyphenated::LENGTH && !id.is_nil() => Ok(Some(id)),
        _ => Err("must be empty or a hyphenated UUID other than the nil UUID"),
    }
}

fn is_https(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    text.bytes().all(allowed)
        && uri.scheme_str() == Some("https")
        && uri
            .authority()
            .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_are_one_readable_line() {
        for good in ["a", "Ünï ☃ 👩\u{200d}🔬", "שלום", "می\u{200c}روم", &"é".repeat(100)] {
            assert_eq!(display_name(good), Ok(good));
        }
        for bad in [
            "",
            " a",
            "a ",
            "a\nb",
            "a\0b",
            "a\u{85}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "\u{feff}",
            "a\u{2028}b",
            "\u{200b}",
            "Pay\u{200b}roll",
            "\u{3164}",
            "\u{2800}",
            "\u{2800}a",
            "\u{301}",
            "\u{a0}a",
            &"é".repeat(101),
        ] {
            assert!(display_name(bad).is_err(), "{bad:?}");
        }
    }

    // R-B3
    #[test]
    fn no_text_for_people_holds_a_card_number() {
        let number = "Card 4111 1111 1111 1111";
        assert_eq!(display_name(number), Err(CARD_NUMBER.to_owned()));
        assert_eq!(line(number, 0..=40), Err(CARD_NUMBER.to_owned()));
        assert_eq!(description(number), Err(CARD_NUMBER));
    }

    #[test]
    fn descriptions_may_have_lines_and_tabs() {
        for good in ["", "a\n\tb\r\nc", &"é".repeat(1000)] {
            assert_eq!(description(good), Ok(good));
        }
        for bad in ["\0", "\u{1b}[31m", "Pay\u{200b}roll", "a\u{202e}b", &"é".repeat(1001)] {
            assert!(description(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_reason_is_a_description_that_can_be_seen() {
        assert_eq!(reason("wrong meter\nin May"), Ok("wrong meter\nin May"));
        for bad in ["", " \n", "\u{2800}", "\u{3164}", "a\u{200b}", "4111 1111 1111 1111"] {
            assert!(reason(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_are_https_or_empty() {
        let long = format!("https://a.example/{}", "x".repeat(1982));
        for good in ["", "https://a.example", "https://a.example:8443/b%20c?d=e#f", &long] {
            assert_eq!(https_uri(good), Ok(good));
        }
        for bad in [
            "http://a.example",
            "javascript:alert(1)",
            "/logo.png",
            "https://",
            "https://u:p@a.example",
            "https://a.example/\"onload",
            "https://a.example/é",
            "https://a.example/ b",
            &format!("{long}x"),
        ] {
            assert!(https_uri(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn e_mail_addresses_are_plain_ones() {
        let (local, host) = ("x".repeat(64), format!("{}.example", "y".repeat(60)));
        for good in [
            "a@b.example",
            "first.last+tag@sub.host.example",
            "o'hara@b-c.example",
            &format!("{local}@{host}"),
        ] {
            assert_eq!(email(good), Ok(good));
        }
        for bad in [
            "",
            "a",
            "a@",
            "@b.example",
            "a@b",
            "a@b@c.example",
            "a@b..example",
            ".a@b.example",
            "a.@b.example",
            "a..b@c.example",
            "a b@c.example",
            "a@b.example ",
            "a@b.example\n",
            "\"a b\"@c.example",
            "A <a@b.example>",
            "a@[127.0.0.1]",
            "é@b.example",
            "a@-b.example",
            &format!("x{local}@b.example"),
            &format!("a@{}b.example", "b.".repeat(130)),
        ] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
    }

    // R-J5
    #[test]
    fn a_request_id_has_one_spelling_of_one_key() {
        let id = "0190a8d0-7b1c-7def-8000-000000000001";
        assert_eq!(request_id(""), Ok(None));
        assert_eq!(request_id(id), request_id(&id.to_uppercase()));
        assert!(request_id(id).is_ok_and(|id| id.is_some()));
        for bad in [
            "x",
            &id.replace('-', ""),
            &format!("{{{id}}}"),
            &format!("urn:uuid:{id}"),
            &Uuid::nil().to_string(),
        ] {
            assert!(request_id(bad).is_err(), "{bad}");
        }
    }
}
