//! What the process says about itself while it runs: log lines on standard error.
pub(crate) mod error;
mod line;
mod queue;
mod repeats;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    env,
    io::{self, IsTerminal as _, Write as _},
    panic,
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::filter_fn,
    fmt::{self, MakeWriter, format::JsonFields},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

pub use self::error::TelemetryError;
use self::{
    line::{Objects, Texts},
    queue::Queue,
    repeats::Repeats,
};

/// What is logged unless a flag says otherwise.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// The crates that carry requests. Below warnings they log headers, and with them tokens, so no filter turns that on.
const TRANSPORT: [&str; 7] = ["h2", "hyper", "hyper_util", "tonic", "tonic_web", "tower", "rustls"];

/// How long a process that ends waits for its last lines to be read.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The lines of this process, and those that were left out.
static LOG: OnceLock<(Arc<Queue>, Repeats)> = OnceLock::new();

/// What lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object for each line.
    Json,
    /// Text for people, with colours on a terminal unless `NO_COLOR` is set (<https://no-color.org>).
    Pretty,
    /// Text on a terminal, JSON elsewhere.
    Auto,
}

/// What is logged and how.
#[derive(Clone, Debug)]
pub struct Log {
    /// Directives of `tracing-subscriber`: `info,devspaces_gate=debug`.
    pub filter: String,
    /// What lines look like.
    pub format: Format,
    /// The services of the process, "space+billing", which JSON lines name.
    pub services: String,
}

/// Logs to standard error from now on, panics included. No call ever waits for whoever reads the log: lines that are not
/// read in time are dropped, counted and told of (decision 26).
///
/// # Errors
/// If the filter is not valid, if there is no thread to write with, or if this is called twice.
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    let repeats = Repeats::default();
    let filter = EnvFilter::builder().parse(&log.filter)?;
    let round = repeats.clone();
    let queue = Queue::start(io::stderr(), repeats::WINDOW, move || round.tell())?;
    let terminal = io::stderr().is_terminal();
    let own = Arc::clone(&queue);
    subscriber(log, terminal, filter, move || Lines(Arc::clone(&own))).with(repeats.clone()).try_init()?;
    let _ = LOG.set((queue, repeats));
    panic::set_hook(Box::new(panicked));
    Ok(())
}

/// Waits for the last lines of a process that ends to be written, a second at most.
pub fn flush() {
    if let Some((log, repeats)) = LOG.get() {
        repeats.tell();
        log.flush(LAST_LINES);
    }
}

/// Says a line on standard error that is no line of the log, without waiting for a reader where there is a log.
pub fn say(line: &str) {
    match LOG.get() {
        Some((log, _)) => drop(log.push(format!("{line}\n").as_bytes())),
        // Nothing can be done for who does not listen.
        None => drop(writeln!(io::stderr(), "{line}")),
    }
}

/// Says something on standard output, and waits for nobody to read it.
pub fn announce(text: String) {
    let writing = move || {
        let mut out = io::stdout().lock();
        // Who does not listen goes without.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    };
    drop(thread::Builder::new().name("announcement".to_owned()).spawn(writing));
}

/// The queue as the formatter writes to it.
struct Lines(Arc<Queue>);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A defect, as a line of the log.
fn panicked(info: &panic::PanicHookInfo<'_>) {
    let thread = thread::current();
    let at = info.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    let what = info.payload_as_str().unwrap_or("something that is no text");
    tracing::error!(panic = %what, at, thread = thread.name(), backtrace, "panicked");
    // The process may end with its main thread.
    if thread.name() == Some("main") {
        flush();
    }
}

fn subscriber<W>(
    log: &Log,
    terminal: bool,
    filter: EnvFilter,
    writer: W,
) -> impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    let lines = match log.format {
        Format::Pretty => lines.event_format(Texts::new(terminal && colours())).boxed(),
        Format::Auto if terminal => lines.event_format(Texts::new(colours())).boxed(),
        Format::Json | Format::Auto => {
            lines.fmt_fields(JsonFields::new()).event_format(Objects::new(&log.services)).boxed()
        }
    };
    tracing_subscriber::registry().with(filter).with(filter_fn(speakable)).with(lines)
}

/// Whether colours are wanted where they can be seen.
fn colours() -> bool {
    env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

/// Whether a line may be written at all, whatever the filter says.
fn speakable(metadata: &Metadata<'_>) -> bool {
    let origin = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::WARN || !TRANSPORT.contains(&origin)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::HeaderMap;
    use tracing::subscriber::with_default;

    use super::*;
    use crate::trace::Span;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("lines").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, (format, terminal): (Format, bool), work: impl FnOnce()) -> String {
        let log = Log { filter: filter.to_owned(), format, services: "space+billing".to_owned() };
        let filter = EnvFilter::builder().parse(filter).expect("a filter");
        let lines = Written::default();
        let writer = lines.clone();
        with_default(subscriber(&log, terminal, filter, move || writer.clone()), work);
        let bytes = lines.0.lock().expect("lines").clone();
        String::from_utf8(bytes).expect("text")
    }

    // Whoever collects the logs of all services knows from each line whose it is, and which call's.
    #[test]
    fn each_line_of_json_names_the_services_the_version_and_the_call() {
        let call = Span::server("a.v1.A/Get", &HeaderMap::new(), false).context();
        let text = logged("info", (Format::Auto, false), || {
            call.within(|| tracing::info!(code = "OK", note = "a \"quoted\"\n note}", "answered"));
            tracing::info!("ready");
            tracing::debug!("unheard");
        });
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        let [answered, ready] = lines.as_slice() else { panic!("two lines: {text}") };
        assert_eq!((&answered["message"], &answered["code"]), (&"answered".into(), &"OK".into()));
        assert_eq!(answered["note"], "a \"quoted\"\n note}");
        assert_eq!(
            (&answered["method"], &answered["trace_id"]),
            (&"a.v1.A/Get".into(), &call.trace_id().into())
        );
        for line in &lines {
            assert_eq!(line["service"], "space+billing");
            assert_eq!(line["version"], crate::version::VERSION);
        }
        assert!(ready.get("trace_id").is_none() && ready.get("method").is_none(), "{text}");
    }

    #[test]
    fn lines_look_as_they_are_wanted_to() {
        let looks = |format, terminal| {
            let text = logged("info", (format, terminal), || tracing::info!(code = "OK", "answered"));
            (text.starts_with('{'), text.contains("answered") && text.ends_with('\n'))
        };
        for (format, terminal, json) in [
            (Format::Auto, true, false),
            (Format::Auto, false, true),
            (Format::Json, true, true),
            (Format::Pretty, false, false),
        ] {
            assert_eq!(looks(format, terminal), (json, true), "{format:?} {terminal}");
        }
        let text = logged("info", (Format::Pretty, false), || tracing::info!(code = "OK", "answered"));
        assert!(!text.contains('\u{1b}'), "no colours but on a terminal: {text}");
    }

    #[test]
    fn what_carries_tokens_is_never_heard_below_a_warning() {
        let text = logged("trace,h2::hpack=trace", (Format::Auto, false), || {
            tracing::trace!(target: "h2::hpack", "authorization: Bearer x");
            tracing::warn!(target: "hyper::server", "closed");
        });
        assert!(!text.contains("Bearer") && text.contains("closed"), "{text}");
    }
}
