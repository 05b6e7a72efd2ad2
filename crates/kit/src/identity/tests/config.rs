use std::{fs, io, os::unix::fs::PermissionsExt as _, thread};

use super::*;

#[test]
fn issuers_that_could_share_a_name_are_a_configuration_error() {
    let key = key();
    let pair = |kinds: [Kind; 2], prefixes: [&str; 2]| {
        let issuers = vec![
            issuer("one", kinds[0], prefixes[0], jwks(&key, "k")),
            issuer("two", kinds[1], prefixes[1], jwks(&key, "k")),
        ];
        Authenticator::new(Hands::at_now(), issuers, Trust::default()).map(|_| ())
    };
    let overlap = Err(ConfigError::PrefixesOverlap("one".into(), "two".into()));
    for prefixes in [["", ""], ["", "a"], ["a", ""], ["a", "a"], ["a", "ab"], ["ab", "a"], ["a:", "a:"]] {
        assert_eq!(pair([Kind::Users; 2], prefixes), overlap, "{prefixes:?}");
        assert_eq!(pair([Kind::Users, Kind::Services], prefixes), Ok(()), "{prefixes:?}");
    }
    // A prefix that ends in a colon goes with any other.
    for prefixes in [["a|", "b|"], ["", "a:"], ["a:", ""], ["a:", "ab:"], ["a", "a:"], ["a:", "a:b:"]] {
        assert_eq!(pair([Kind::Services; 2], prefixes), Ok(()), "{prefixes:?}");
    }
    let both = || {
        let condition = Some("sub=*@clients".parse().expect("a condition"));
        Kinds::new(Some(Kind::Users), None, condition).expect("kinds")
    };
    let one = Issuer { kinds: both(), ..issuer("one", Kind::Users, "", jwks(&key, "k")) };
    let two = issuer("two", Kind::Services, "", jwks(&key, "k"));
    let mixed = Authenticator::new(Hands::at_now(), vec![one.clone(), two.clone()], Trust::default());
    assert_eq!(mixed.map(|_| ()), overlap, "one vouches for services, too");
    let own = Issuer { names_anybody: true, ..two };
    assert!(
        Authenticator::new(Hands::at_now(), vec![one, own], Trust::default()).is_ok(),
        "the operator's own"
    );
}

#[test]
fn a_configuration_that_is_ambiguous_or_of_no_use_is_an_error() {
    let key = key();
    let new = |issuers, suite| {
        Authenticator::new(Hands::at_now(), issuers, suite).map(|_| ()).expect_err("an error")
    };
    let one = |iss: &str, kind| issuer(iss, kind, "", jwks(&key, "k"));
    let none = Trust::default;
    let twice = vec![one("one", Kind::Users), one("one", Kind::Services)];
    assert_eq!(new(twice, none()), ConfigError::IssuerTwice("one".into()));
    assert_eq!(new(vec![one("", Kind::Users)], none()), ConfigError::IssuerUnnamed);
    let reserved = new(vec![one("devspaces:space", Kind::Services)], none());
    assert_eq!(reserved, ConfigError::IssuerReserved("devspaces:space".into()));
    let again = Issuer { iss: vec!["one".into(), "two".into(), "one".into()], ..one("one", Kind::Users) };
    assert_eq!(new(vec![again], none()), ConfigError::IssuerTwice("one".into()));
    for audiences in [Vec::new(), vec![String::new()], vec!["devspaces".into(), String::new()]] {
        let deaf = Issuer { audiences, ..one("one", Kind::Users) };
        assert_eq!(new(vec![deaf], none()), ConfigError::NoAudience("one".into()));
    }
    let keyless = Issuer { keys: Jwks::default().into(), ..one("one", Kind::Users) };
    assert_eq!(new(vec![keyless], none()), ConfigError::NoKey("one".into(), String::new()));
    for (prefix, fits) in [
        ("p".repeat(255) + ":", true),
        ("p".repeat(256) + ":", false),
        ("p".repeat(256), true),
        ("p".repeat(257), false),
        ("é".repeat(42), true),
        ("é".repeat(43), false),
    ] {
        let long = Issuer { prefix: prefix.clone(), ..one("one", Kind::Users) };
        let expected = if fits { Ok(()) } else { Err(ConfigError::PrefixTooLong("one".into())) };
        let made = Authenticator::new(Hands::at_now(), vec![long], none()).map(|_| ());
        assert_eq!(made, expected, "{prefix}");
    }
    let unnamed = Issuer { prefix: ":".into(), ..one("one", Kind::Users) };
    assert_eq!(new(vec![unnamed], none()), ConfigError::PrefixUnnamed("one".into()));
    assert_eq!(new(Vec::new(), suite(&["shop"], Jwks::default())), ConfigError::HostedUnknown("shop".into()));
    let stranger = suite(&["space"], jwks(&key, "metering"));
    assert_eq!(new(Vec::new(), stranger), ConfigError::PeerUnknown("metering".into()));
}

#[test]
fn a_key_file_is_its_owners_and_made_once() {
    let folder = std::env::temp_dir().join(format!("devspaces-key-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("signing.pem");

    let racers: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn({
                let path = path.clone();
                move || SigningKey::load_or_generate(&path).expect("a key").public_jwks("k")
            })
        })
        .collect();
    let mut keys: Vec<_> = racers.into_iter().map(|racer| racer.join().expect("a racer")).collect();
    keys.dedup();
    assert_eq!(keys, [SigningKey::load(&path).expect("a key").public_jwks("k")]);
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
    let again = SigningKey::generate_to(&path).expect_err("a key is there");
    assert!(
        matches!(again, KeyFileError::Write { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
    );

    fs::write(&path, "-----BEGIN NOTHING-----").expect("a file");
    let corrupt = SigningKey::load_or_generate(&path).expect_err("no key").to_string();
    assert!(
        corrupt.contains("signing.pem") && corrupt.contains("Ed25519") && !corrupt.contains("NOTHING"),
        "{corrupt}"
    );
    fs::remove_dir_all(&folder).expect("a folder");
}
