//! What is wrong with a connection, for people.
use std::{error::Error as StdError, io};

use tokio_rustls::rustls::{CertificateError, Error, pki_types::UnixTime};
use tonic::Status;

use super::identity::at;

/// The flags by which a client is told whom to trust and what to show, for sentences that say what to do.
#[derive(Clone, Copy, Debug)]
pub struct Flags {
    /// By which authorities are given: `--ca`.
    pub authorities: &'static str,
    /// By which a certificate is given: `--client-cert`.
    pub identity: &'static str,
}

/// The same failure with a sentence that says what to do.
pub(super) fn refused(error: io::Error, host: &str, flags: Flags) -> io::Error {
    match of_tls(&error) {
        Some(of_tls) => io::Error::new(error.kind(), sentence(of_tls, host, flags)),
        // Before TLS had anything to say: a port of another kind closes what it does not understand.
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), format!("{host} ended the connection while TLS was set up"))
        }
        None => error,
    }
}

fn sentence(error: &Error, host: &str, flags: Flags) -> String {
    match error {
        Error::InvalidCertificate(certificate) => of_certificate(certificate, host, flags),
        Error::InvalidMessage(_) => {
            format!("{host} does not speak TLS there; an address without TLS begins with http://")
        }
        Error::AlertReceived(alert) => of_alert(&format!("{alert:?}"), flags.identity),
        other => format!("TLS with {host} failed: {other}"),
    }
}

fn of_certificate(error: &CertificateError, host: &str, flags: Flags) -> String {
    let on = |time: &UnixTime| at(*time).map(|time| format!(" on {time}")).unwrap_or_default();
    let what = match error {
        // The latter by an authority that only has the name of one that is trusted.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "is signed by an authority that is not trusted: give that authority's certificate by {}",
            flags.authorities
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            // As the library tells them: DnsName("space"), IpAddress(127.0.0.1).
            let bare =
                |name: &'_ String| name.split(['(', ')']).nth(1).map(|it| it.trim_matches('"').to_owned());
            let names: Vec<_> = presented.iter().filter_map(bare).collect();
            let names = if names.is_empty() { "no host".to_owned() } else { names.join(", ") };
            format!("is not valid for the name {host}, but for {names}")
        }
        CertificateError::NotValidForName => format!("is not valid for the name {host}"),
        CertificateError::ExpiredContext { not_after, .. } => format!("ended{}", on(not_after)),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("begins{}, by its authority's clock", on(not_before))
        }
        CertificateError::InvalidPurposeContext { .. } => "is not meant for servers".to_owned(),
        other => format!("is refused: {other}"),
    };
    format!("the certificate of {host} {what}")
}

/// What a server says with an alert, by the alert's name in the protocol.
fn of_alert(alert: &str, identity_flag: &str) -> String {
    match alert {
        "CertificateRequired" => {
            format!("the server asks for a client certificate: give one by {identity_flag}")
        }
        "UnknownCA" | "BadCertificate" | "DecryptError" | "CertificateUnknown" | "UnsupportedCertificate" => {
            format!("the server does not take the client certificate that {identity_flag} gives")
        }
        "CertificateExpired" => format!("the client certificate that {identity_flag} gives has ended"),
        "NoApplicationProtocol" => "the server speaks no HTTP/2 over TLS".to_owned(),
        other => format!("the server ended TLS: {other}"),
    }
}

/// The same sentence for a failure of other clients, if TLS is somewhere in it.
#[must_use]
pub fn explained(error: &(dyn StdError + 'static), host: &str, flags: Flags) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(of_tls).or_else(|| error.downcast_ref());
        if let Some(of_tls) = inner {
            return Some(sentence(of_tls, host, flags));
        }
        next = error.source();
    }
    None
}

/// What TLS has to say of a failure, if it is TLS that failed.
pub(super) fn of_tls(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Why a call got no answer: what the system or TLS said, as "Connection refused", if the call did not get that far.
#[must_use]
pub fn reason(status: &Status, flags: Flags) -> String {
    let mut reason = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        reason = error.to_string();
        source = error.source();
    }
    // After the client took TLS for set up, since its certificate is looked at last. HTTP/2 keeps the words alone.
    if let Some((_, alert)) = reason.split_once(ALERT) {
        return of_alert(alert, flags.identity);
    }
    // How HTTP/2 reads the answer of TLS to what is no TLS.
    if reason.contains(NO_FRAME) {
        return "it does not speak HTTP/2 in plain text; an address with TLS begins with https://".to_owned();
    }
    reason
}

/// What the library of TLS says of an alert, before its name.
const ALERT: &str = "received fatal alert: ";
/// What the library under tonic says of an answer that is longer than a frame may be.
const NO_FRAME: &str = "frame with invalid size";
