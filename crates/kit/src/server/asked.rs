//! What is known of a call before anything of it is looked at.
use std::time::Duration;

use http::{HeaderMap, Request};
use tokio::time::Instant;
use tonic::body::Body;

use super::{connection::Origin, gzip};

/// How long a stream of questions about the API stays open. Tools ask what they need in one go, and then again.
const REFLECTION: Duration = Duration::from_mins(1);

const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECT: &str = "/grpc.reflection.";

/// A method that is open to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// One question, one answer.
    Unary,
    /// One question, and answers for as long as the client cares.
    Watch,
    /// Questions and answers.
    Reflection,
}

impl Method {
    /// The open method that a path names, if it names one.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path.strip_prefix(HEALTH) {
            Some("Watch") => Some(Self::Watch),
            Some(_) => Some(Self::Unary),
            None => path.starts_with(REFLECT).then_some(Self::Reflection),
        }
    }

    /// How long a call may last, if there is a limit.
    pub(super) fn lasts(self) -> Option<Duration> {
        (self == Self::Reflection).then_some(REFLECTION)
    }
}

/// What is known of a call from its headers.
pub(super) struct Asked {
    pub(super) started: Instant,
    /// Set if it needs no credentials.
    pub(super) open: Option<Method>,
    pub(super) origin: Origin,
    /// When the client gives up.
    pub(super) deadline: Option<Instant>,
    /// Whether the client takes compressed messages.
    pub(super) gzip: bool,
}

impl Asked {
    pub(super) fn read(request: &mut Request<Body>) -> Option<Self> {
        let started = Instant::now();
        let origin = request.extensions_mut().remove::<Origin>()?;
        let deadline = grpc_timeout(request.headers()).map(|timeout| started + timeout);
        let gzip = gzip::accepted(request.headers());
        let open = Method::at(request.uri().path());
        Some(Self { started, open, origin, deadline, gzip })
    }
}

/// How long the client waits: at most eight digits and a unit (gRPC over HTTP/2). Anything else counts as not said.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_hours(count)),
        "M" => Some(Duration::from_mins(count)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_and_reflection_are_open_and_nothing_else() {
        assert_eq!(Method::at("/grpc.health.v1.Health/Check"), Some(Method::Unary));
        assert_eq!(Method::at("/grpc.health.v1.Health/Watch"), Some(Method::Watch));
        let reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
        assert_eq!(Method::at(reflection), Some(Method::Reflection));
        for path in ["/", "/grpc.health.v1.Healthy/Check", "/devspaces.space.v1.SpaceService/GetSpace"] {
            assert_eq!(Method::at(path), None, "{path}");
        }
    }

    #[test]
    fn a_clients_timeout_is_read_as_grpc_defines_it() {
        let timeout = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", value.parse().expect("a header"));
            grpc_timeout(&headers)
        };
        assert_eq!(timeout("2H"), Some(Duration::from_hours(2)));
        assert_eq!(timeout("99999999M"), Some(Duration::from_mins(99_999_999)));
        assert_eq!(
            (timeout("5S"), timeout("5m")),
            (Some(Duration::from_secs(5)), Some(Duration::from_millis(5)))
        );
        assert_eq!(
            (timeout("5u"), timeout("5n")),
            (Some(Duration::from_micros(5)), Some(Duration::from_nanos(5)))
        );
        for bad in ["", "S", "5", "5s", "+5S", "123456789S", "5.5S"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
        assert_eq!(grpc_timeout(&HeaderMap::new()), None);
    }
}
