//! What the log says of a call: nothing unless it is asked for more than the default, if the call went well; else by
//! which code and reason it ended, and who called. Never what was called for, nor by which person.
use std::{sync::OnceLock, time::Duration};

use http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tracing::Level;

use crate::{identity::Caller, metrics, name::Principal, trace::TraceContext};

/// From when on a call that went well is told of.
const SLOW: Duration = Duration::from_secs(1);

/// The longest method name and the longest name of a service that are logged.
const MAX_NAME: usize = 128;

/// A call, as the log will tell of it.
pub(super) struct Line {
    place: TraceContext,
    /// The path, if it is no method's.
    asked: Option<Box<str>>,
    open: bool,
    caller: OnceLock<Who>,
    responding: OnceLock<Duration>,
}

/// Who called: of what kind, and which service if it is one.
struct Who {
    kind: &'static str,
    service: Option<Box<str>>,
}

impl Line {
    /// A call of a path that is known as this method. `open`: one that answers anyone, load balancers above all.
    pub(super) fn new((known, path): (&str, &str), place: TraceContext, open: bool) -> Self {
        let asked = (path.trim_start_matches('/') != known).then(|| method(path).into());
        Self { place, asked, open, caller: OnceLock::new(), responding: OnceLock::new() }
    }

    /// Says who calls.
    pub(super) fn by(&self, caller: &Caller) {
        let service = match (&caller.suite, &caller.principal) {
            (Some(suite), _) => plain(&suite.name),
            (None, Principal::Service(id)) => plain(id),
            (None, Principal::User(_)) => None,
        };
        let _ = self.caller.set(Who { kind: caller.kind(), service: service.map(Into::into) });
    }

    /// The response begins, after so long.
    pub(super) fn responding(&self, after: Duration) {
        let _ = self.responding.set(after);
    }

    /// The call has ended. Its end may come long after its response began, and outside of its place in the trace.
    pub(super) fn end(&self, code: Code, told: &HeaderMap) {
        let level = self.level(code);
        // Most calls end here.
        if level == Level::DEBUG && !tracing::enabled!(Level::DEBUG) {
            return;
        }
        self.place.within(|| self.write(level, code, told));
    }

    fn level(&self, code: Code) -> Level {
        let slow = self.responding.get().is_some_and(|after| *after >= SLOW);
        match code {
            Code::Internal | Code::Unknown | Code::DataLoss => Level::ERROR,
            // What is asked of everybody's, and again every few seconds.
            _ if self.open => Level::DEBUG,
            Code::Ok if slow => Level::INFO,
            Code::Ok | Code::Cancelled => Level::DEBUG,
            Code::Unavailable => Level::WARN,
            _ => Level::INFO,
        }
    }

    fn write(&self, level: Level, code: Code, told: &HeaderMap) {
        let status = Status::from_header_map(told);
        let info = status.as_ref().and_then(|status| status.get_error_details().error_info().cloned());
        let reason = info.as_ref().map(|info| info.reason.as_str());
        // What is wrong with a token; other messages may name what was called for.
        let why = status.as_ref().filter(|_| code == Code::Unauthenticated).map(Status::message);
        let (caller, caller_name) =
            self.caller.get().map_or((None, None), |who| (Some(who.kind), who.service.as_deref()));
        let ms = self.responding.get().copied().map(milliseconds);
        let asked = self.asked.as_deref().map(tracing::field::display);
        let name = metrics::code_name(code);
        macro_rules! say {
            ($level:ident, $message:literal) => {
                tracing::$level!(code = name, reason, why, caller, caller_name, asked, ms, $message)
            };
        }
        match (level, code) {
            (Level::ERROR, _) => say!(error, "failed"),
            (Level::WARN, _) => say!(warn, "refused"),
            (Level::INFO, Code::Ok) => say!(info, "slow"),
            // Places of their own, since a place has so many lines a minute: strangers can't have the refusals of callers
            // left out, nor can these hide who asks for too much.
            (Level::INFO, _) if self.caller.get().is_none() => say!(info, "refused"),
            (Level::INFO, Code::ResourceExhausted) => say!(info, "refused"),
            (Level::INFO, _) => say!(info, "refused"),
            _ => say!(debug, "answered"),
        }
    }
}

/// In thousandths of a second, to a microsecond.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// A method's name for the log: paths are the client's to choose.
fn method(path: &str) -> &str {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/');
    if path.len() <= MAX_NAME && path.bytes().all(allowed) {
        path.trim_start_matches('/')
    } else {
        "(not a method)"
    }
}

/// A service's name, unless it could be an address. Colons are allowed, bare after a prefix and encoded in the rest: a
/// cluster's accounts are called `system:serviceaccount:namespace:name`.
fn plain(name: &str) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':');
    (name.len() <= MAX_NAME && name.replace("%3A", ":").bytes().all(allowed)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(open: bool) -> Line {
        Line::new(("a.v1.A/Get", "/a.v1.A/Get"), TraceContext::root(false), open)
    }

    #[test]
    fn a_path_that_is_no_method_is_not_logged() {
        assert_eq!(
            method("/devspaces.space.v1.SpaceService/GetSpace"),
            "devspaces.space.v1.SpaceService/GetSpace"
        );
        for path in ["/alice@example.com", "/a%0Ab", &"/a".repeat(65)] {
            assert_eq!(method(path), "(not a method)");
        }
        assert_eq!(line(false).asked, None);
    }

    #[test]
    fn a_name_that_could_be_an_address_is_not_logged() {
        for name in ["billing-run", "corp:metering", "system%3Aserviceaccount%3Aplatform%3Ametering"] {
            assert_eq!(plain(name), Some(name));
        }
        for name in ["robot%40mail.example", "robot@mail.example", &"a".repeat(MAX_NAME + 1)] {
            assert_eq!(plain(name), None, "{name}");
        }
    }

    #[test]
    fn calls_that_went_well_are_heard_only_by_who_asks_for_more() {
        let levels = [Code::Ok, Code::Cancelled, Code::PermissionDenied, Code::Unavailable, Code::Internal];
        assert_eq!(
            levels.map(|code| line(false).level(code)),
            [Level::DEBUG, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR]
        );
        assert_eq!(
            levels.map(|code| line(true).level(code)),
            [Level::DEBUG, Level::DEBUG, Level::DEBUG, Level::DEBUG, Level::ERROR]
        );
    }

    #[test]
    fn a_slow_call_is_told_of() {
        let of = |millis| {
            let line = line(false);
            line.responding(Duration::from_millis(millis));
            line.level(Code::Ok)
        };
        assert_eq!((of(999), of(1000)), (Level::DEBUG, Level::INFO));
    }

    #[test]
    fn times_are_told_to_a_microsecond() {
        assert_eq!(milliseconds(Duration::from_nanos(106_578)).to_string(), "0.107");
        assert_eq!(milliseconds(Duration::from_nanos(1_234_567_890)).to_string(), "1234.568");
    }
}
