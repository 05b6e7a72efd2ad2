//! Pages of a list: how many, and the opaque token that says where the next one begins.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use devspaces_proto::MethodRequest;
use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::status::Fault;

/// How many entries a page has when the request does not say.
pub const DEFAULT_SIZE: usize = 50;

/// How many entries a page has at most; a request for more gets so many.
pub const MAX_SIZE: usize = 1000;

/// How many entries a service asks another for at most: those of the largest page, and one that says whether more follow.
const MAX_ASKED: i32 = 1001;

/// How many bytes the entries of a page have at most, unless it is a single one. Clients take replies of 4 MiB when nothing
/// else is set.
pub const MAX_BYTES: usize = 1024 * 1024;

/// What a field of a message adds to an entry, in bytes at most: its number and the entry's length.
pub const FIELD: usize = 6;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 4096;

/// How much of the digest a token carries, in bytes.
const DIGEST: usize = 16;

/// How many entries a page has, for a request's `page_size`.
///
/// # Errors
/// A sentence for the field, if the size is negative.
pub fn size(requested: i32) -> Result<usize, &'static str> {
    match usize::try_from(requested) {
        Ok(0) => Ok(DEFAULT_SIZE),
        Ok(size) => Ok(size.min(MAX_SIZE)),
        Err(_) => Err("must not be negative"),
    }
}

/// How many entries to read for a page: one more than it has tells whether there is another page.
#[must_use]
pub fn limit(size: usize) -> i64 {
    i64::try_from(size + 1).unwrap_or(i64::MAX)
}

/// Tells what was read by [`limit`] until the page is full, by number or by bytes. With the entries as they are told comes
/// the key of the last that was gone through, if another page follows. Entries of which nothing is told count as well: their
/// keys are passed.
pub fn fill<T, K, W: Message>(
    entries: impl IntoIterator<Item = T>,
    size: usize,
    key: impl Fn(&T) -> K,
    mut tell: impl FnMut(T) -> Option<W>,
) -> (Vec<W>, Option<K>) {
    let (mut told, mut bytes, mut last) = (Vec::new(), 0, None);
    for (place, entry) in entries.into_iter().enumerate() {
        if place == size {
            return (told, last);
        }
        let key = key(&entry);
        if let Some(entry) = tell(entry) {
            bytes += entry.encoded_len() + FIELD;
            if bytes > MAX_BYTES && !told.is_empty() {
                return (told, last);
            }
            told.push(entry);
        }
        last = Some(key);
    }
    (told, None)
}

/// How many entries another service asks for.
///
/// # Errors
/// The sentence for the field if that is not from 1 to 1,001.
pub fn asked(asked: i32) -> Result<i64, String> {
    let limit = (1..=MAX_ASKED).contains(&asked).then_some(asked.into());
    limit.ok_or_else(|| format!("must be from 1 to {MAX_ASKED}"))
}

/// The page tokens of one method with one set of arguments. A token holds the sort key after which the next page
/// begins, and a digest that ties it to the method and the arguments.
///
/// The digest finds mistakes and has no secret: whoever works at it can write a token. So a key is only ever a place
/// in a list, which the caller must be allowed to read from any place.
#[derive(Clone, Debug)]
pub struct PageToken(Sha256);

impl PageToken {
    /// The tokens of the method that takes such requests, for these arguments: everything in the request that chooses or
    /// orders the entries.
    #[must_use]
    pub fn for_arguments<R: MethodRequest>(arguments: &[&str]) -> Self {
        Self::of(R::METHOD, arguments)
    }

    fn of(method: &str, arguments: &[&str]) -> Self {
        let mut digest = Sha256::new_with_prefix(b"devspaces page token 1");
        for part in std::iter::once(&method).chain(arguments) {
            // Lengths keep ["ab", "c"] apart from ["a", "bc"].
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        Self(digest)
    }

    /// The token of the page that begins after `key`.
    #[must_use]
    pub fn encode(&self, key: impl AsRef<[u8]>) -> String {
        let key = key.as_ref();
        URL_SAFE_NO_PAD.encode([&self.digest(key)[..], key].concat())
    }

    /// The token of the page after `last`, the last entry that was gone through; empty where no page follows.
    #[must_use]
    pub fn next(&self, last: Option<impl AsRef<[u8]>>) -> String {
        last.map(|last| self.encode(last)).unwrap_or_default()
    }

    /// The key in a request's `page_token`; nothing for the first page.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` / `PAGE_TOKEN_INVALID` for a token that was altered or belongs to other arguments.
    pub fn decode(&self, token: &str) -> Result<Option<Vec<u8>>, Fault> {
        if token.is_empty() {
            return Ok(None);
        }
        let bytes = (token.len() <= MAX_TOKEN).then(|| URL_SAFE_NO_PAD.decode(token)).and_then(Result::ok);
        match bytes.as_deref().and_then(<[u8]>::split_first_chunk::<DIGEST>) {
            Some((digest, key)) if *digest == self.digest(key) => Ok(Some(key.to_vec())),
            _ => Err(Fault::page_token_invalid()),
        }
    }

    /// The key in a request's `page_token` where keys are text; empty for the first page.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_text(&self, token: &str) -> Result<String, Fault> {
        let key = self.decode(token)?.unwrap_or_default();
        // No text that is stored has a NUL character: PostgreSQL would refuse it.
        let text = String::from_utf8(key).ok().filter(|text| !text.contains('\0'));
        text.ok_or_else(Fault::page_token_invalid)
    }

    fn digest(&self, key: &[u8]) -> [u8; DIGEST] {
        let digest = self.0.clone().chain_update(key).finalize();
        let mut short = [0; DIGEST];
        short.copy_from_slice(&digest[..DIGEST]);
        short
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tonic::Status;
    use tonic_types::StatusExt as _;

    use super::*;
    use crate::status::Reason;

    #[test]
    fn sizes_have_a_default_and_a_limit() {
        assert_eq!((size(0), size(1), size(1000)), (Ok(50), Ok(1), Ok(1000)));
        assert_eq!((size(1001), size(i32::MAX)), (Ok(1000), Ok(1000)));
        assert_eq!(size(-1), Err("must not be negative"));
    }

    #[test]
    fn a_page_is_full_by_number_or_by_bytes() {
        let entry = |bytes: usize| "x".repeat(bytes);
        let page = |bytes: &[usize], size| {
            let entries = bytes.iter().enumerate();
            let (told, last) = fill(entries, size, |(place, _)| *place, |(_, bytes)| Some(entry(*bytes)));
            (told.len(), last)
        };
        assert_eq!(page(&[], 10), (0, None));
        assert_eq!(page(&[1, 1, 1], 3), (3, None));
        assert_eq!(page(&[1, 1, 1], 2), (2, Some(1)));
        let third = MAX_BYTES / 3;
        assert_eq!(page(&[third, third, third, third], 10), (2, Some(1)));
        // One entry is told however large it is.
        assert_eq!(page(&[2 * MAX_BYTES, 1], 10), (1, Some(0)));
        assert_eq!(page(&[1, 2 * MAX_BYTES], 10), (1, Some(0)));
        // What is not told is passed.
        let (told, last) = fill([1, 2, 3], 2, |n| *n, |n| (n == 1).then(|| entry(1)));
        assert_eq!((told.len(), last), (1, Some(2)));
    }

    #[test]
    fn a_bad_token_is_named_by_its_field() {
        let fault = PageToken::of("List", &[]).decode("x").expect_err("a bad token");
        assert_eq!(fault.reason(), Reason::PageTokenInvalid);
        let details = Status::from(fault).get_error_details();
        assert_eq!(
            details.bad_request().map(|bad| bad.field_violations[0].field.clone()),
            Some("page_token".into())
        );
    }

    #[test]
    fn arguments_are_told_apart_by_more_than_their_text() {
        let token = PageToken::of("List", &["ab", "c"]).encode(b"key");
        for (method, arguments) in [
            ("List", &["a", "bc"][..]),
            ("List", &["ab"]),
            ("List", &["ab", "c", ""]),
            ("Lista", &["b", "c"]),
            ("Other", &["ab", "c"]),
        ] {
            assert!(PageToken::of(method, arguments).decode(&token).is_err(), "{method} {arguments:?}");
        }
    }

    proptest! {
        #[test]
        fn a_token_gives_back_its_key(key: Vec<u8>, argument in ".*") {
            let tokens = PageToken::of("List", &[&argument]);
            prop_assert_eq!(tokens.decode(&tokens.encode(&key)), Ok(Some(key)));
        }

        #[test]
        fn an_altered_token_is_refused(key: Vec<u8>, place: prop::sample::Index, with in "[-_A-Za-z0-9=+/. é]") {
            let tokens = PageToken::of("List", &["spaces/a"]);
            let token = tokens.encode(&key);
            let place = place.index(token.len());
            let altered = format!("{}{with}{}", &token[..place], &token[place + 1..]);
            prop_assume!(altered != token);
            prop_assert!(tokens.decode(&altered).is_err());
            let longer = token.clone() + &with;
            prop_assert!(tokens.decode(&longer).is_err());
            prop_assert!(tokens.decode(&token[..place]).is_err() || place == 0);
        }
    }
}
