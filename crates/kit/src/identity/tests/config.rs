use std::{fs, io, os::unix::fs::PermissionsExt as _, thread};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;

#[test]
fn issuers_that_could_share_a_name_are_a_configuration_error() {
    let key = key();
    let pair = |kinds: [Kind; 2], prefixes: [&str; 2]| {
        let issuers = vec![
            issuer("one", kinds[0], prefixes[0], jwks(&key, "k")),
            issuer("two", kinds[1], prefixes[1], jwks(&key, "k")),
        ];
        Authenticator::new(Hands::at_now(), issuers, Suite::default()).map(|_| ())
    };
    let overlap = Err(ConfigError::PrefixesOverlap("one".into(), "two".into()));
    for prefixes in [["", ""], ["", "a"], ["a", ""], ["a", "a"], ["a", "ab"], ["ab", "a"]] {
        assert_eq!(pair([Kind::Users; 2], prefixes), overlap, "{prefixes:?}");
        assert_eq!(pair([Kind::Users, Kind::Services], prefixes), Ok(()), "{prefixes:?}");
    }
    assert_eq!(pair([Kind::Services; 2], ["a|", "b|"]), Ok(()));
}

#[test]
fn a_configuration_that_is_ambiguous_or_of_no_use_is_an_error() {
    let key = key();
    let new = |issuers, suite| {
        Authenticator::new(Hands::at_now(), issuers, suite).map(|_| ()).expect_err("an error")
    };
    let one = |iss: &str, kind| issuer(iss, kind, "", jwks(&key, "k"));
    let none = Suite::default;
    let twice = vec![one("one", Kind::Users), one("one", Kind::Services)];
    assert_eq!(new(twice, none()), ConfigError::IssuerTwice("one".into()));
    assert_eq!(new(vec![one("", Kind::Users)], none()), ConfigError::IssuerUnnamed);
    let reserved = new(vec![one("devspaces:space", Kind::Services)], none());
    assert_eq!(reserved, ConfigError::IssuerReserved("devspaces:space".into()));
    let deaf = Issuer { audiences: Vec::new(), ..one("one", Kind::Users) };
    assert_eq!(new(vec![deaf], none()), ConfigError::NoAudience("one".into()));
    let keyless = Issuer { keys: Jwks::default(), ..one("one", Kind::Users) };
    assert_eq!(new(vec![keyless], none()), ConfigError::NoKey("one".into()));
    assert_eq!(new(Vec::new(), suite(&["shop"], Jwks::default())), ConfigError::HostedUnknown("shop".into()));
    let stranger = suite(&["space"], jwks(&key, "metering"));
    assert_eq!(new(Vec::new(), stranger), ConfigError::PeerUnknown("metering".into()));
}

#[test]
fn a_key_set_holds_public_keys_of_known_kinds_only() {
    let parse = |keys: Value| Jwks::parse(&json!({ "keys": keys }).to_string());
    let good = key().public_jwk("k");
    let with = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        jwk
    };
    assert!(parse(json!([good])).is_ok_and(|set| !set.is_empty()));
    assert_eq!(parse(json!([good, good])).map(|_| ()), Err(JwksError::Twice("k".into())));
    assert_eq!(parse(json!([with("d", json!("AA"))])).map(|_| ()), Err(JwksError::Secret("k".into())));
    let symmetric = json!([{ "kty": "oct", "kid": "k", "k": "AAAA" }]);
    assert_eq!(parse(symmetric).map(|_| ()), Err(JwksError::Secret("k".into())));
    let tiny = json!([{ "kty": "RSA", "kid": "k", "n": URL_SAFE_NO_PAD.encode([255; 128]), "e": "AQAB" }]);
    assert_eq!(parse(tiny).map(|_| ()), Err(JwksError::Invalid("k".into())));
    for invalid in [
        with("x", json!("AAAA")),
        json!({ "kty": "EC", "crv": "P-256", "kid": "k", "x": "AAAA", "y": "AAAA" }),
    ] {
        assert_eq!(parse(json!([invalid])).map(|_| ()), Err(JwksError::Invalid("k".into())));
    }
    for unused in [
        with("use", json!("enc")),
        with("alg", json!("ES256")),
        json!({ "kty": "EC", "crv": "P-384", "x": "", "y": "" }),
    ] {
        assert!(parse(json!([unused])).is_ok_and(|set| set.is_empty()));
    }
    assert_eq!(Jwks::parse("[]").map(|_| ()), Err(JwksError::Malformed));
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
