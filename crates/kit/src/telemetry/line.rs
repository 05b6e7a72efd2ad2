//! What a line of the log looks like: what was said, and behind it by which process, for which call.
use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Json, Writer},
    },
    registry::LookupSpan,
};

use crate::{trace::TraceContext, version::VERSION};

/// A JSON object for each line, for machines.
pub(super) struct Objects {
    event: Format<Json>,
    /// The end of every line.
    process: String,
}

impl Objects {
    /// Lines of a process that runs these services: "space", "space+billing".
    pub(super) fn new(services: &str) -> Self {
        let event = tracing_subscriber::fmt::format().json();
        Self {
            event: event.flatten_event(true).with_span_list(false).with_current_span(false),
            process: format!(r#""service":"{services}","version":"{VERSION}""#),
        }
    }
}

/// Text, for people.
pub(super) struct Texts {
    event: Format<Full>,
}

impl Texts {
    /// Lines with colours or without.
    pub(super) fn new(colours: bool) -> Self {
        Self { event: tracing_subscriber::fmt::format().with_ansi(colours) }
    }
}

impl<S, N> FormatEvent<S, N> for Objects
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.event.format_event(context, Writer::new(&mut line), event)?;
        let object = line.trim_end().strip_suffix('}').ok_or(fmt::Error)?;
        to.write_str(object)?;
        // Neither a method's name nor a trace's id has anything that JSON escapes.
        if let Some(call) = TraceContext::current() {
            if let Some(method) = call.method() {
                write!(to, r#","method":"{method}""#)?;
            }
            write!(to, r#","trace_id":"{}""#, call.trace_id())?;
        }
        writeln!(to, ",{}}}", self.process)
    }
}

impl<S, N> FormatEvent<S, N> for Texts
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.event.format_event(context, Writer::new(&mut line), event)?;
        to.write_str(line.trim_end())?;
        if let Some(call) = TraceContext::current() {
            if let Some(method) = call.method() {
                write!(to, " method={method}")?;
            }
            write!(to, " trace_id={}", call.trace_id())?;
        }
        writeln!(to)
    }
}
