//! Keeps what repeats itself from filling the log. Of lines that are alike the first few of a minute are written, and at
//! its end one that says how many more there were.
use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tracing::{
    Event, Level, Subscriber, callsite,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

use crate::trace::TraceContext;

/// For how long lines are held against each other.
pub(super) const WINDOW: Duration = Duration::from_mins(1);
/// How many lines that are alike are written in that time: enough to look at.
const ALIKE: u32 = 5;
/// How many lines of one place in the code are, whatever they say: callers choose what they call.
const OF_A_PLACE: u32 = 20;
/// How many kinds of lines are told apart.
const KINDS: usize = 256;
/// How many kinds are named when the time is over: those with most lines. The rest is told as one.
const NAMED: usize = 5;

/// What was written since the window began. Clones are handles to the same.
#[derive(Clone, Default)]
pub(super) struct Repeats(Arc<Mutex<Window>>);

#[derive(Default)]
struct Window {
    written: HashMap<callsite::Identifier, u32>,
    kinds: HashMap<String, Kind>,
    /// Lines left out that are of none of these kinds.
    others: u64,
}

#[derive(Default)]
struct Kind {
    written: u32,
    left_out: u64,
}

impl Window {
    /// Whether a line is written.
    fn admits(&mut self, place: callsite::Identifier, kind: String) -> bool {
        let written = self.written.entry(place).or_default();
        let has_room = *written < OF_A_PLACE;
        if self.kinds.len() >= KINDS && !self.kinds.contains_key(&kind) {
            *written += u32::from(has_room);
            self.others += u64::from(!has_room);
            return has_room;
        }
        let kind = self.kinds.entry(kind).or_default();
        if has_room && kind.written < ALIKE {
            *written += 1;
            kind.written += 1;
            return true;
        }
        kind.left_out += 1;
        false
    }

    /// The lines that were left out, by kind: those with most first, then the rest under the empty name.
    fn left_out(self) -> Vec<(String, u64)> {
        let kinds = self.kinds.into_iter().map(|(kind, it)| (kind, it.left_out));
        let mut kinds: Vec<_> = kinds.filter(|(_, left_out)| *left_out > 0).collect();
        kinds.sort_by(|(a, most), (b, least)| least.cmp(most).then_with(|| a.cmp(b)));
        let rest = kinds.split_off(kinds.len().min(NAMED)).iter().map(|(_, lines)| lines).sum::<u64>();
        let rest = rest + self.others;
        kinds.extend((rest > 0).then(|| (String::new(), rest)));
        kinds
    }
}

impl Repeats {
    /// Tells what was left out, and begins anew.
    pub(super) fn tell(&self) {
        let window = mem::take(&mut *self.lock());
        for (kind, lines) in window.left_out() {
            if kind.is_empty() {
                tracing::info!(lines, "lines of other kinds were left out in the last minute");
            } else {
                tracing::info!(lines, like = %kind, "lines like this were left out in the last minute");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Repeats {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        // Whoever asks for more than the default wants to see all of it.
        *event.metadata().level() > Level::INFO || {
            let kind = kind(event);
            self.lock().admits(event.metadata().callsite(), kind)
        }
    }
}

/// What makes a line different from others: what it says, of which method, and its names. Numbers and free texts don't.
fn kind(event: &Event<'_>) -> String {
    let mut kind = Text(event.metadata().level().to_string());
    event.record(&mut kind);
    if let Some(method) = TraceContext::current().and_then(TraceContext::method) {
        kind.add("method", method);
    }
    kind.0
}

struct Text(String);

impl Text {
    fn add(&mut self, name: &str, value: &str) {
        let _ = write!(self.0, " {name}={value}");
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, " {value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Counts the lines that get through.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<u32>>);

    impl<S: Subscriber> Layer<S> for Lines {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            *self.0.lock().expect("lines") += 1;
        }
    }

    fn written(repeats: &Repeats, work: impl FnOnce()) -> u32 {
        let lines = Lines::default();
        with_default(tracing_subscriber::registry().with(repeats.clone()).with(lines.clone()), work);
        *lines.0.lock().expect("lines")
    }

    fn refused(times: u32, reason: &str) {
        for time in 0..times {
            tracing::info!(reason, ms = time, "refused");
        }
    }

    #[test]
    fn of_lines_that_are_alike_some_are_written_and_the_rest_is_counted() {
        let repeats = Repeats::default();
        assert_eq!(written(&repeats, || refused(100, "A")), ALIKE);
        assert_eq!(written(&repeats, || refused(3, "B")), 3, "another reason is another kind");
        let left_out = mem::take(&mut *repeats.lock()).left_out();
        assert_eq!(left_out, [("INFO refused reason=A".to_owned(), u64::from(100 - ALIKE))]);
        assert_eq!(written(&repeats, || refused(100, "A")), ALIKE, "the next minute is another");
    }

    #[test]
    fn however_many_kinds_there_are_the_log_stays_small() {
        let repeats = Repeats::default();
        let many = || (0..10_000).for_each(|reason| refused(1, &reason.to_string()));
        assert_eq!(written(&repeats, many), OF_A_PLACE);
        assert_eq!(
            written(&repeats, || tracing::info!("stopping")),
            1,
            "what is said elsewhere is still heard"
        );
        assert!(repeats.lock().kinds.len() <= KINDS);
        let left_out = mem::take(&mut *repeats.lock()).left_out();
        assert_eq!(left_out.len(), NAMED + 1);
        assert_eq!(left_out.iter().map(|(_, lines)| lines).sum::<u64>(), 10_000 - u64::from(OF_A_PLACE));
    }

    #[test]
    fn who_asks_for_more_gets_all_of_it() {
        let all = || (0..100).for_each(|_| tracing::debug!("answered"));
        assert_eq!(written(&Repeats::default(), all), 100);
    }
}
