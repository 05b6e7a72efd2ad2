//! Where a webhook leads, as far as that can be told of the text.
use std::net::IpAddr;

use url::{Host, Url};

use super::Networks;

/// The longest address that is taken, in bytes.
const MAX: usize = 2048;

/// A webhook's address, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) encrypted: bool,
    pub(super) host: Host<String>,
    pub(super) port: u16,
}

impl Target {
    /// Takes an address apart.
    ///
    /// # Errors
    /// A sentence that completes "the field …".
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let form = "must be an https URL of at most 2048 ASCII characters: https://example.com/hooks";
        // A backslash would be read as a slash, and what comes before it be taken for the host.
        if text.len() > MAX || !text.chars().all(|it| it.is_ascii_graphic() && it != '\\') {
            return Err(form);
        }
        let url = Url::parse(text).map_err(|_| form)?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(form),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must have no user name and no password: messages are signed");
        }
        if url.fragment().is_some() {
            return Err("must have no fragment");
        }
        let (Some(host), Some(port)) = (url.host().map(|host| host.to_owned()), url.port_or_known_default())
        else {
            return Err(form);
        };
        Ok(Self { url, encrypted, host, port })
    }

    /// The address that it names itself, if it does.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Ipv4(address) => Some((*address).into()),
            Host::Ipv6(address) => Some((*address).into()),
            Host::Domain(_) => None,
        }
    }
}

/// Whether events may be sent to an address. What a name stands for is looked at each time that something is sent.
///
/// # Errors
/// A sentence that completes "the field …".
pub(crate) fn check<'a>(text: &'a str, networks: &Networks) -> Result<&'a str, &'static str> {
    let target = Target::parse(text)?;
    if !target.encrypted && !networks.any() {
        return Err("must be an https URL: the operator of this platform allows no others");
    }
    match target.literal() {
        Some(address) if !networks.allow(address, target.encrypted) => Err(
            "must not lead to this address: it is neither public, by https, nor in a network that the operator allows",
        ),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-J6
    #[test]
    fn an_address_is_https_and_names_nothing_inside() {
        let none = Networks::default();
        for good in [
            "https://example.com",
            "https://example.com:8443/a?b=c",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
        ] {
            assert_eq!(check(good, &none), Ok(good));
        }
        for bad in [
            "",
            "example.com",
            "http://example.com",
            "ftp://example.com",
            "https://",
            "https://a b",
            "https://ex\u{e4}mple.com",
            "https://user@example.com",
            "https://:secret@example.com",
            "https://example.com/#x",
            "https://127.0.0.1",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://10.0.0.1/",
            "file:///etc/passwd",
            "https://example.com\n",
        ] {
            assert!(check(bad, &none).is_err(), "{bad}");
        }
        assert!(check(&format!("https://example.com/{}", "x".repeat(MAX)), &none).is_err());
        let inside = Networks::new(vec!["127.0.0.0/8".parse().expect("a network")]);
        assert!(
            check("http://127.0.0.1:8080/", &inside).is_ok() && check("https://10.0.0.1/", &inside).is_err()
        );
        assert!(check("http://example.com/", &inside).is_ok(), "what it stands for is looked at later");
    }
}
