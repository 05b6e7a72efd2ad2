use std::net::{IpAddr, SocketAddr};

use clap::{Args, ValueEnum};
use tonic::transport::Uri;

use super::Failure;

/// Where plain text may go.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Plaintext {
    /// What may be plain text also beyond this machine, which is refused otherwise; several separated by commas
    #[arg(
        long,
        env = "DEVSPACES_PLAINTEXT",
        value_enum,
        value_delimiter = ',',
        value_name = "WHAT",
        help_heading = "TLS"
    )]
    plaintext: Vec<Part>,
}

/// A way on which there can be plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// From clients, to the port
    Listen,
    /// From Prometheus, to the port for metrics
    Metrics,
    /// To the other services of the suite
    Peers,
    /// To the collector of spans
    Otlp,
    /// To the database
    Database,
    /// From commands that send a token, to the suite
    Calls,
}

impl Plaintext {
    /// That this address may be listened at without TLS.
    pub(super) fn listening(&self, part: Part, flag: &str, address: SocketAddr) -> Result<(), Failure> {
        if self.allows(part) || is_loopback(address.ip()) {
            return Ok(());
        }
        Err(format!(
            "{flag} {address} is beyond this machine, where plain text is refused: give --tls-cert and --tls-key, or allow it by \
             --plaintext {}",
            name(part)
        )
        .into())
    }

    /// That this address may be called, if that is without TLS.
    pub(super) fn calling(&self, part: Part, flag: &str, address: &Uri) -> Result<(), Failure> {
        if address.scheme_str() != Some("http") || address.host().is_some_and(is_here) {
            return Ok(());
        }
        self.to(part, flag, &format!("{address}"), "give an address that begins with https://")
    }

    /// That plain text may go to a place that is not on this machine.
    pub(super) fn to(&self, part: Part, flag: &str, place: &str, instead: &str) -> Result<(), Failure> {
        if self.allows(part) {
            return Ok(());
        }
        Err(format!(
            "{flag}: {place} would be reached in plain text, which is refused beyond this machine: {instead}, or allow it by \
             --plaintext {}",
            name(part)
        )
        .into())
    }

    pub(super) fn allows(&self, part: Part) -> bool {
        self.plaintext.contains(&part)
    }
}

fn name(part: Part) -> String {
    part.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Whether a host of an address is this machine for certain. Other names count as elsewhere: what they stand for can change.
pub(super) fn is_here(host: &str) -> bool {
    let number = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || number.is_ok_and(is_loopback)
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(parts: &[Part]) -> Plaintext {
        Plaintext { plaintext: parts.to_vec() }
    }

    #[test]
    fn plain_text_stays_on_this_machine_unless_it_is_allowed_to_go_further() {
        let called = |url: &str, by: &Plaintext| {
            by.calling(Part::Peers, "--peer", &url.parse().expect("an address")).is_ok()
        };
        let nothing = Plaintext::default();
        for here in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "https://example.com"] {
            assert!(called(here, &nothing), "{here}");
        }
        for there in ["http://space:1", "http://10.0.0.1", "http://0.0.0.0:1", "http://localhost.example"] {
            assert!(!called(there, &nothing), "{there}");
            assert!(!called(there, &allowing(&[Part::Otlp])), "{there}: for peers it is not allowed");
            assert!(called(there, &allowing(&[Part::Peers])), "{there}");
        }
    }

    #[test]
    fn a_port_without_tls_is_for_this_machine_unless_it_is_allowed_to_be_for_others() {
        let listens = |address: &str, by: &Plaintext| {
            by.listening(Part::Listen, "--listen", address.parse().expect("an address")).is_ok()
        };
        let nothing = Plaintext::default();
        assert!(listens("127.0.0.1:7000", &nothing) && listens("[::1]:7000", &nothing));
        assert!(listens("[::ffff:127.0.0.1]:1", &nothing));
        for open in ["0.0.0.0:7000", "[::]:7000", "192.0.2.1:1"] {
            assert!(!listens(open, &nothing) && !listens(open, &allowing(&[Part::Metrics])), "{open}");
            assert!(listens(open, &allowing(&[Part::Listen])), "{open}");
        }
    }
}
