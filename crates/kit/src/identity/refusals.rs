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

/// What stands in place of what such an issuer calls itself, if that could be anything else.
const NO_NAME: &str = "(not a plain name)";

/// The longest text of a token or key set that is logged, in characters.
const SHOWN: usize = 128;

/// Where a token is from, as far as it has been read.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    pub(super) source: Source,
    /// The id of the key, fit to be logged.
    pub(super) key_id: Option<String>,
}

/// Whose a token is, and how much is certain of that.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Nobody's whom the operator has named. What it calls itself, if it does, fit to be logged.
    Stranger(Option<String>),
    /// A configured issuer's, as it says; its signature is not verified, so anybody could have made it.
    Claimed(Arc<str>),
    /// A configured issuer's, by its signature.
    Signed(Arc<str>),
}

impl Default for Source {
    fn default() -> Self {
        Self::Stranger(None)
    }
}

impl Source {
    /// The issuer, if it is a configured one.
    pub(super) fn issuer(&self) -> Option<&Arc<str>> {
        match self {
            Self::Stranger(_) => None,
            Self::Claimed(issuer) | Self::Signed(issuer) => Some(issuer),
        }
    }
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
    pub(super) fn note(&self, why: &Rejection, origin: &Origin) {
        let (cause, issuer) = (why.cause(), origin.source.issuer());
        let label = issuer.map_or(UNKNOWN, |issuer| &**issuer);
        metrics::token_refused(cause, label);
        let Some(untold) = self.due(cause, issuer.cloned()) else { return };
        let kid = origin.key_id.as_deref().unwrap_or_default();
        macro_rules! say {
            ($($more:tt)*) => {
                tracing::info!(cause, %why, issuer = label, kid = %kid, untold, $($more)* "token refused")
            };
        }
        // Places of their own, since a place has so many lines a minute: whoever makes up tokens can't have those refusals
        // left out of the log that only an issuer can cause, nor those which show that it has new keys.
        match &origin.source {
            Source::Stranger(Some(named)) => say!(named = %named,),
            Source::Stranger(None) => say!(),
            Source::Claimed(_) if *why == Rejection::Key => say!(),
            Source::Claimed(_) => say!(),
            Source::Signed(_) => say!(),
        }
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

/// What an issuer calls itself that is not configured, as it may stand in a log: only if it is made up of what names of hosts
/// and their paths are. Where an issuer should be, people's addresses come as well, and those are in no log.
pub(super) fn plain_issuer(iss: &str) -> &str {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte);
    if iss.len() <= SHOWN && iss.bytes().all(allowed) { iss } else { NO_NAME }
}

#[cfg(test)]
mod tests {
    use tracing::{Event, Subscriber, callsite::Identifier, subscriber::with_default};
    use tracing_subscriber::{
        Layer,
        layer::{Context, SubscriberExt as _},
    };

    use super::*;

    /// The places in the code that lines come from.
    #[derive(Clone, Default)]
    struct Places(Arc<Mutex<Vec<Identifier>>>);

    impl<S: Subscriber> Layer<S> for Places {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().expect("places").push(event.metadata().callsite());
        }
    }

    #[test]
    fn made_up_tokens_crowd_none_out_of_the_log_that_an_issuer_has_signed() {
        let issuer: Arc<str> = "https://id.example".into();
        let refused = [
            (Rejection::NotJwt, Source::Stranger(None)),
            (Rejection::Issuer, Source::Stranger(Some("https://evil.example".into()))),
            (Rejection::Signature, Source::Claimed(Arc::clone(&issuer))),
            (Rejection::Key, Source::Claimed(Arc::clone(&issuer))),
            (Rejection::Expired, Source::Signed(issuer)),
        ];
        let places = Places::default();
        with_default(tracing_subscriber::registry().with(places.clone()), || {
            for (why, source) in refused {
                Refusals::default().note(&why, &Origin { source, key_id: None });
            }
        });
        let places = places.0.lock().expect("places");
        assert_eq!(places.iter().collect::<std::collections::HashSet<_>>().len(), 5, "{places:?}");
    }

    #[test]
    fn a_text_from_outside_neither_ends_a_line_nor_steers_a_terminal() {
        assert_eq!(shown("key-2026_a.b:c"), "key-2026_a.b:c");
        assert_eq!(shown("a\nb\u{1b}[31m\u{202e}\u{9b}\0"), r"a\nb\u{1b}[31m\u{202e}\u{9b}\u{0}");
        let long = shown(&"k".repeat(16_000));
        assert_eq!(long.chars().count(), SHOWN + 3);
    }

    #[test]
    fn an_issuer_is_named_unless_it_could_be_an_address_or_steer_a_terminal() {
        for iss in ["https://id.example:8443/realms/a_b~c", "accounts.google.com", ""] {
            assert_eq!(plain_issuer(iss), iss);
        }
        for iss in ["alice@mail.example", "alice%40mail.example", "a\nb", "\u{1b}[31m", "é", &"a".repeat(129)]
        {
            assert_eq!(plain_issuer(iss), NO_NAME, "{iss:?}");
        }
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
