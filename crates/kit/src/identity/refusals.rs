//! What is said of refused tokens: each is counted, and told in the log with its issuer and key. Whoever sends bad tokens
//! chooses how many, so the log has few lines of one kind.
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::rejection::Rejection;
use crate::metrics;

/// How long the log keeps silent on refusals of one cause and issuer after a line on one.
const SILENCE: Duration = Duration::from_secs(10);

/// What stands in place of an issuer that is not configured: its name is anybody's to choose.
const UNKNOWN: &str = "unknown";

/// The longest text of a token or key set that is logged, in characters.
const SHOWN: usize = 128;

/// Where a token says it is from, as far as it has been read.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// The issuer, if it is a configured one.
    pub(super) issuer: Option<Arc<str>>,
    /// The id of the key, fit to be logged.
    pub(super) key_id: Option<String>,
}

/// A cause, and the issuer if it is a configured one: the kinds of refusals are few.
type Sort = (&'static str, Option<Arc<str>>);

/// What refusals there were of late.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<Sort, Told>>);

/// When a line was written last, and how many refusals have had none since.
struct Told {
    last: Instant,
    untold: u64,
}

impl Refusals {
    /// Counts a refusal, and logs it if none of its kind has been for a while.
    pub(super) fn note(&self, why: Rejection, origin: &Origin) {
        let (cause, issuer) = (why.cause(), origin.issuer.as_deref().unwrap_or(UNKNOWN));
        metrics::token_refused(cause, issuer);
        let Some(untold) = self.due(cause, origin.issuer.clone()) else { return };
        let kid = origin.key_id.as_deref().unwrap_or_default();
        tracing::info!(cause, %why, issuer, kid, untold, "token refused");
    }

    /// How many have not been told since the last line, if it is time for another.
    fn due(&self, cause: &'static str, issuer: Option<Arc<str>>) -> Option<u64> {
        let now = Instant::now();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get_mut(&(cause, issuer.clone())) {
            Some(Told { last, untold }) if now.saturating_duration_since(*last) < SILENCE => {
                *untold += 1;
                None
            }
            known => {
                let untold = known.map_or(0, |told| told.untold);
                told.insert((cause, issuer), Told { last: now, untold: 0 });
                Some(untold)
            }
        }
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refusals")
    }
}

/// A text that somebody else chose, as it may stand in a log: short, and of visible ASCII characters alone, so that it can
/// neither end a line nor steer a terminal.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_default).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_neither_ends_a_line_nor_steers_a_terminal() {
        assert_eq!(shown("key-2026_a.b:c"), "key-2026_a.b:c");
        assert_eq!(shown("a\nb\u{1b}[31m\u{202e}\u{9b}\0"), r"a\nb\u{1b}[31m\u{202e}\u{9b}\u{0}");
        let long = shown(&"k".repeat(16_000));
        assert_eq!(long.chars().count(), SHOWN + 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_refusals_of_one_kind_is_one_line_in_ten_seconds() {
        let refusals = Refusals::default();
        let issuer: Option<Arc<str>> = Some("https://id.example".into());
        assert_eq!(refusals.due("expired", issuer.clone()), Some(0));
        for _ in 0..1000 {
            assert_eq!(refusals.due("expired", issuer.clone()), None);
        }
        assert_eq!(refusals.due("key", issuer.clone()), Some(0), "another cause is another matter");
        assert_eq!(refusals.due("expired", None), Some(0), "and so is another issuer");
        tokio::time::advance(SILENCE).await;
        assert_eq!(refusals.due("expired", issuer.clone()), Some(1000));
        assert_eq!(refusals.due("expired", issuer), None);
    }
}
