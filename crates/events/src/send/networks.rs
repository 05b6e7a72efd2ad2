//! Which addresses messages may be sent to: those of the public internet, and those that the operator allows.
use std::{net::IpAddr, str::FromStr};

/// Networks of version 4 that are not the public internet (IANA's registry of special addresses, and multicast).
const SPECIAL_4: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];
/// All of version 6 that is given out for the public internet.
const GLOBAL_6: &str = "2000::/3";
/// What is special of it: protocols, tunnels (which lead to addresses of version 4), documentation.
const SPECIAL_6: &[&str] = &["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/// A network, by its first address and how many bits of it count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// A text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadNetwork;

impl std::fmt::Display for BadNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("must be a network or an address: 10.0.0.0/8, fd00::/8, 127.0.0.1")
    }
}

impl std::error::Error for BadNetwork {}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| BadNetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| BadNetwork))?;
        if bits <= most { Ok(Self { address, bits }) } else { Err(BadNetwork) }
    }
}

impl Network {
    /// Whether an address is in it.
    fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits() ^ other.to_bits())) << 96,
            (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits() ^ other.to_bits(),
            _ => return false,
        };
        differing.leading_zeros() >= self.bits
    }
}

/// Networks beside the public internet that messages may be sent into.
#[derive(Clone, Debug, Default)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// These.
    #[must_use]
    pub fn new(allowed: Vec<Network>) -> Self {
        Self(allowed)
    }

    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a message may be sent to an address. Without TLS it goes only into the networks that the operator allows.
    pub(crate) fn allow(&self, address: IpAddr, encrypted: bool) -> bool {
        // An address of version 4 in the dress of version 6 leads where that one leads.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address)) || (encrypted && is_public(address))
    }
}

fn is_public(address: IpAddr) -> bool {
    let among = |networks: &[&str]| {
        networks
            .iter()
            .filter_map(|text| text.parse::<Network>().ok())
            .any(|network| network.contains(address))
    };
    match address {
        IpAddr::V4(_) => !among(SPECIAL_4),
        IpAddr::V6(_) => among(&[GLOBAL_6]) && !among(SPECIAL_6),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    // R-J6
    #[test]
    fn nothing_inside_is_public_however_it_is_written() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "192.0.0.170",
            "198.19.0.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
            "fec0::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!Networks::default().allow(ip(inside), true), "{inside}");
        }
        for outside in
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2001:4860::8888"]
        {
            assert!(Networks::default().allow(ip(outside), true), "{outside}");
            assert!(!Networks::default().allow(ip(outside), false), "{outside}: never without TLS");
        }
    }

    // R-J6
    #[test]
    fn what_the_operator_allows_is_allowed_and_no_more() {
        let networks = ["127.0.0.0/8", "fd00::/8", "10.0.0.7"].map(|it| it.parse().expect("a network"));
        let networks = Networks::new(networks.to_vec());
        for (address, allowed) in [
            ("127.0.0.1", true),
            ("::ffff:127.9.9.9", true),
            ("fd00::1", true),
            ("10.0.0.7", true),
            ("10.0.0.8", false),
        ] {
            assert_eq!(networks.allow(ip(address), false), allowed, "{address}");
            assert_eq!(networks.allow(ip(address), true), allowed, "{address}");
        }
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "x", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_address_of_version_4_is_judged_alike_in_both_dresses(bits: u32) {
            let four = Ipv4Addr::from_bits(bits);
            let mapped = IpAddr::from(four.to_ipv6_mapped());
            let networks = Networks::default();
            prop_assert_eq!(networks.allow(four.into(), true), networks.allow(mapped, true));
            // The standard library's view of what is private is narrower; none of it is public here.
            let inside = four.is_private() || four.is_loopback() || four.is_link_local() || four.is_multicast();
            prop_assert!(!(inside && networks.allow(four.into(), true)));
        }

        #[test]
        fn nothing_outside_of_what_is_given_out_is_public(bits: u128) {
            let six = Ipv6Addr::from_bits(bits);
            let allowed = Networks::default().allow(six.into(), true);
            prop_assert!(!allowed || six.to_ipv4_mapped().is_some() || six.segments()[0] & 0xe000 == 0x2000);
        }
    }
}
