use std::{
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use clap::Args;
use devspaces_kit::server::{Limits, MESSAGE_LIMIT};
use http::{HeaderValue, Uri};

/// What a port takes on, and for how long. Times are in seconds.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct PortLimits {
    /// How long a call may take until its response begins; a shorter timeout of the client's goes first
    #[arg(long, env = "DEVSPACES_CALL_TIMEOUT", value_name = "SECONDS", value_parser = a_time, default_value = "30")]
    call_timeout: Duration,
    /// How long the message of a call may take to arrive; of health checks and reflection it is 5 s
    #[arg(long, env = "DEVSPACES_MESSAGE_TIMEOUT", value_name = "SECONDS", value_parser = a_time, default_value = "10")]
    message_timeout: Duration,
    /// How many MiB of messages that come in pieces are kept until it is their turn, of clients and as many of the suite's
    /// services; more wait for room, of one connection 15
    #[arg(long, env = "DEVSPACES_MAX_ARRIVING_MIB", value_name = "MIB", default_value = "64")]
    max_arriving_mib: NonZeroU16,
    /// How many of these MiB one caller may have, who may have half of what is left for others
    #[arg(long, env = "DEVSPACES_MAX_ARRIVING_MIB_PER_CALLER", value_name = "MIB", default_value = "16")]
    max_arriving_mib_per_caller: NonZeroU16,
    /// How many connections are open at a time; one more is closed at once
    #[arg(long, env = "DEVSPACES_MAX_CONNECTIONS", value_name = "COUNT", default_value = "10000")]
    max_connections: NonZeroU32,
    /// How many of them come from one address, or from one IPv6 network of 64 bits; a proxy has one address
    #[arg(long, env = "DEVSPACES_MAX_CONNECTIONS_PER_ADDRESS", value_name = "COUNT", default_value = "1000")]
    max_connections_per_address: NonZeroU32,
    /// How long a connection may take to begin with HTTP
    #[arg(long, env = "DEVSPACES_HANDSHAKE_TIMEOUT", value_name = "SECONDS", value_parser = a_time, default_value = "10")]
    handshake_timeout: Duration,
    /// How long a connection stays open without a call
    #[arg(long, env = "DEVSPACES_IDLE_TIMEOUT", value_name = "SECONDS", value_parser = a_time, default_value = "300")]
    idle_timeout: Duration,
    /// How long a connection is used for new calls, a tenth more or less; then its client is told to open another, and
    /// calls in progress go on. 0: for ever
    #[arg(long, env = "DEVSPACES_CONNECTION_AGE", value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    connection_age: Duration,
    /// How many calls that need no token are in progress: streams of health and reflection, and calls that are arriving
    #[arg(long, env = "DEVSPACES_MAX_OPEN_CALLS", value_name = "COUNT", default_value = "1024")]
    max_open_calls: NonZeroU32,
    /// How many of them come from one address
    #[arg(long, env = "DEVSPACES_MAX_OPEN_CALLS_PER_ADDRESS", value_name = "COUNT", default_value = "256")]
    max_open_calls_per_address: NonZeroU32,
    /// How many of them are on one connection
    #[arg(long, env = "DEVSPACES_MAX_OPEN_CALLS_PER_CONNECTION", value_name = "COUNT", default_value = "32")]
    max_open_calls_per_connection: NonZeroU32,
    /// How long a process that is asked to stop serves on, saying `NOT_SERVING`, so that load balancers notice
    #[arg(long, env = "DEVSPACES_DRAIN_DELAY", value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    drain_delay: Duration,
    /// How long it then waits for the calls in progress
    #[arg(long, env = "DEVSPACES_DRAIN_TIMEOUT", value_name = "SECONDS", value_parser = seconds, default_value = "25")]
    drain_timeout: Duration,
}

/// Who may call from a browser.
#[derive(Debug, Args)]
pub(super) struct Origins {
    // No doc comment: there an address has to be marked as one, and the marks would be printed.
    #[arg(
        help = "An origin whose pages may call by gRPC-Web: https://console.example; once for each, or separated by \
                  commas"
    )]
    #[arg(long = "cors-origin", env = "DEVSPACES_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGIN",
          value_parser = origin)]
    cors_origins: Vec<HeaderValue>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    // A year is more than any of these times needs, and far from what a clock can't count.
    let seconds = text.parse().ok().filter(|seconds| (0.0..=31_536_000.0).contains(seconds));
    Ok(Duration::from_secs_f64(seconds.ok_or("must be a number of seconds")?))
}

/// A time after which something is given up, which is none at all if it is too short to be kept.
fn a_time(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    (time >= Duration::from_millis(1))
        .then_some(time)
        .ok_or_else(|| "must be 0.001 seconds or more".to_owned())
}

/// An origin as a browser sends it: scheme, host, and port unless it is the scheme's own.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let wrong =
        || "must be a scheme, a host and perhaps a port, without a path: https://console.example".to_owned();
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let plain = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.path_and_query().is_none_or(|path| path.as_str() == "/")
        && !text.ends_with('/')
        && text.bytes().all(|byte| !byte.is_ascii_uppercase());
    let value = plain.then(|| HeaderValue::from_str(text).ok()).flatten();
    value.ok_or_else(wrong)
}

impl PortLimits {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            deadline: self.call_timeout,
            arrival: self.message_timeout,
            arriving_bytes: usize::from(self.max_arriving_mib.get()) * MESSAGE_LIMIT,
            arriving_bytes_per_caller: usize::from(self.max_arriving_mib_per_caller.get()) * MESSAGE_LIMIT,
            connections: self.max_connections.get() as usize,
            connections_per_address: self.max_connections_per_address.get() as usize,
            handshake: self.handshake_timeout,
            idle: self.idle_timeout,
            age: (!self.connection_age.is_zero()).then_some(self.connection_age),
            open_calls: self.max_open_calls.get() as usize,
            open_calls_per_address: self.max_open_calls_per_address.get() as usize,
            open_calls_per_connection: self.max_open_calls_per_connection.get() as usize,
            drain_delay: self.drain_delay,
            drain: self.drain_timeout,
            ..Limits::default()
        }
    }
}

impl Origins {
    pub(super) fn allowed(&self) -> Vec<HeaderValue> {
        self.cors_origins.clone()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        limits: PortLimits,
    }

    #[test]
    fn the_flags_have_the_defaults_of_the_port() {
        let flags = Command::parse_from(["devspaces"]).limits.limits();
        assert_eq!(format!("{flags:?}"), format!("{:?}", Limits::default()));
    }

    #[test]
    fn an_origin_is_given_as_browsers_send_it() {
        for good in ["https://console.example", "http://localhost:5173", "http://[::1]:80"] {
            assert_eq!(origin(good), Ok(HeaderValue::from_static(good)), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "console.example",
            "https://console.example/",
            "https://x.example/a",
            "HTTPS://x",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!((seconds("0"), seconds("1.5")), (Ok(Duration::ZERO), Ok(Duration::from_millis(1500))));
        for bad in ["", "-1", "5s", "NaN", "inf", "1e99"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        assert!(a_time("0").is_err() && a_time("0.0001").is_err() && a_time("0.001").is_ok());
    }
}
