//! What the process says about itself while it runs: log lines on standard error.
use std::io::{self, IsTerminal as _};

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{ParseError, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::{SubscriberInitExt as _, TryInitError},
};

/// What is logged unless a flag says otherwise.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// The crates that carry requests. Below warnings they log headers, and with them tokens, so no filter turns that on.
const TRANSPORT: [&str; 7] = ["h2", "hyper", "hyper_util", "tonic", "tonic_web", "tower", "rustls"];

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not a list of directives such as `info,devspaces_gate=debug`.
    #[error("the log filter is not valid: {0}")]
    Filter(#[from] ParseError),
    /// No way to the collector of spans can be set up.
    #[error("spans can't be exported: {0}")]
    Export(String),
    /// The process has set up logging already.
    #[error(transparent)]
    Twice(#[from] TryInitError),
}

/// Logs to standard error from now on: lines for people on a terminal, else a JSON object per line.
///
/// # Errors
/// If the filter is not valid, or if this is called twice.
pub fn init(filter: &str) -> Result<(), TelemetryError> {
    let terminal = io::stderr().is_terminal();
    Ok(subscriber(filter, terminal, io::stderr)?.try_init()?)
}

fn subscriber<W>(
    filter: &str,
    terminal: bool,
    writer: W,
) -> Result<impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(filter)?;
    let lines = fmt::layer().with_writer(writer);
    let lines = if terminal {
        lines.with_ansi(true).boxed()
    } else {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    };
    Ok(tracing_subscriber::registry().with(filter).with(filter_fn(speakable)).with(lines))
}

/// Whether a line may be written at all, whatever the filter says.
fn speakable(metadata: &Metadata<'_>) -> bool {
    let origin = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::WARN || !TRANSPORT.contains(&origin)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("lines").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, terminal: bool, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        with_default(subscriber(filter, terminal, move || writer.clone()).expect("a filter"), work);
        let bytes = lines.0.lock().expect("lines").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn off_a_terminal_each_line_is_a_json_object() {
        let text = logged("info", false, || {
            let _span = tracing::info_span!("call", trace_id = "abc").entered();
            tracing::info!(code = "OK", "answered");
            tracing::debug!("unheard");
        });
        let line: serde_json::Value = serde_json::from_str(&text).expect("one object");
        assert_eq!((&line["message"], &line["code"]), (&"answered".into(), &"OK".into()));
        assert_eq!(line["span"]["trace_id"], "abc");
    }

    #[test]
    fn a_terminal_gets_lines_for_people() {
        assert!(logged("info", true, || tracing::info!("answered")).contains("answered\n"));
    }

    #[test]
    fn what_carries_tokens_is_never_heard_below_a_warning() {
        let text = logged("trace,h2::hpack=trace", false, || {
            tracing::trace!(target: "h2::hpack", "authorization: Bearer x");
            tracing::warn!(target: "hyper::server", "closed");
        });
        assert!(!text.contains("Bearer") && text.contains("closed"), "{text}");
    }

    #[test]
    fn a_filter_that_is_not_valid_is_an_error() {
        assert!(subscriber("info,devspaces=loud", false, io::sink).is_err());
    }
}
