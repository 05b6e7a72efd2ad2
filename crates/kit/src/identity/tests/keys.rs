//! What is used of a key set, and what is left aside.
use super::*;

fn parse(keys: &Value) -> Jwks {
    Jwks::parse(&json!({ "keys": keys }).to_string()).expect("a key set")
}

/// A key of the issuer's, changed.
fn with(good: &Value, name: &str, value: Value) -> Value {
    let mut jwk = good.clone();
    jwk[name] = value;
    jwk
}

/// Keys by real issuers and broken ones, none of which is used; and a word of why.
fn odd_keys(good: &Value) -> Vec<(Value, &'static str)> {
    let rsa = |bytes: Vec<u8>| json!({ "kty": "RSA", "kid": "odd", "n": URL_SAFE_NO_PAD.encode(bytes), "e": "AQAB" });
    let odd = |name, value| with(&with(good, "kid", json!("odd")), name, value);
    let zero = [vec![0], vec![255; 256]].concat();
    let p256 = json!({ "kty": "EC", "crv": "P-256", "kid": "odd", "x": "AAAA", "y": "AAAA" });
    vec![
        (rsa(vec![255; 128]), "2048"),
        (rsa(vec![255; 1025]), "8192"),
        (rsa(zero), "zero byte"),
        (with(&rsa(vec![255; 256]), "e", json!(null)), "lacks a number"),
        (with(&rsa(vec![255; 256]), "e", json!("AQ")), "exponent"),
        (with(&rsa(vec![255; 256]), "e", json!("AAE")), "exponent"),
        (with(&rsa(vec![255; 256]), "e", json!("AQAA")), "exponent"),
        (with(&rsa(vec![255; 256]), "e", json!("")), "exponent"),
        (json!({ "kty": "oct", "kid": "odd", "k": "AAAA" }), "private or secret"),
        (odd("d", json!("AA")), "private or secret"),
        (with(good, "kid", json!(7)), "id that is not a text"),
        (odd("x", json!("AAAA")), "32 bytes"),
        (p256.clone(), "no key of its kind"),
        (with(&p256, "crv", json!("P-384")), "no key of its kind"),
        (with(&p256, "crv", json!("P-521")), "of a kind that is not accepted"),
        (
            json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "odd", "pub": "AAAA" }),
            "of a kind that is not accepted",
        ),
        (json!({ "kid": "odd" }), "of a kind that is not accepted"),
        (odd("use", json!("enc")), "not for signatures"),
        (odd("alg", json!("ES256")), "algorithm"),
        (odd("alg", json!("ES512")), "algorithm"),
        (with(&rsa(vec![255; 256]), "alg", json!("RSA-OAEP")), "algorithm"),
        (json!("a text"), "not a JSON object"),
    ]
}

// RFC 7517, 5: what is not understood or not fit is ignored.
#[test]
fn an_odd_key_takes_nothing_from_the_good_one_beside_it() {
    let world = World::new();
    let good = world.key.public_jwk("k1");
    for (odd, why) in odd_keys(&good) {
        for keys in [json!([good, odd]), json!([odd, good])] {
            let keys = parse(&keys);
            assert!(keys.left_aside().contains(why), "{odd}: {}", keys.left_aside());
            let users = issuer("https://id.example", Kind::Users, "", keys);
            let authenticator = Authenticator::new(world.clock.clone(), vec![users], Trust::default());
            let authenticator = authenticator.expect("a configuration");
            assert!(authenticator.authenticate_now(&bearer(&world.token(&json!({})))).is_ok(), "{odd}");
        }
        let users = issuer("https://id.example", Kind::Users, "", parse(&json!([odd])));
        let alone = Authenticator::new(world.clock.clone(), vec![users], Trust::default());
        let error = alone.expect_err("nobody could sign in").to_string();
        assert!(error.contains("no usable key") && error.contains(why), "{error}");
    }
}

/// Every encoding of a point of small order: eight of them, in all the ways in which they can be written down. Those of
/// which a number is not below 2^255 - 19 are other ways to write one.
const SMALL_ORDER: [&str; 14] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

// By such a key a signature of zeros fits one message in eight, if not all.
#[test]
fn a_key_by_which_anybody_could_sign_is_not_used() {
    let good = key().public_jwk("good");
    for point in SMALL_ORDER {
        let bytes = hex::decode(point).expect("hexadecimal");
        let weak = with(&with(&good, "kid", json!("weak")), "x", json!(URL_SAFE_NO_PAD.encode(bytes)));
        let keys = parse(&json!([good, weak]));
        assert_eq!(keys.used(), "good (EdDSA)", "{point}");
        let aside = keys.left_aside();
        // Some of the ways to write one are no key to begin with.
        assert!(aside.contains("small order") || aside.contains("no key of its kind"), "{point}: {aside}");
    }
}

#[test]
fn a_key_without_an_id_is_used_alone_and_beside_no_other() {
    let world = World::new();
    let nameless = with(&world.key.public_jwk("k1"), "kid", json!(null));
    let header = json!({ "alg": "EdDSA" });
    let ask = |keys: &Value, header: &Value| {
        let users = issuer("https://id.example", Kind::Users, "", parse(keys));
        let authenticator = Authenticator::new(world.clock.clone(), vec![users], Trust::default());
        authenticator.expect("keys").authenticate_now(&bearer(&world.signed(header, &json!({})))).is_ok()
    };
    for alone in [json!([nameless]), json!([nameless, nameless])] {
        assert!(ask(&alone, &header) && parse(&alone).left_aside().is_empty());
    }
    let other = key();
    for beside in [json!([nameless, other.public_jwk("k2")]), json!([other.public_jwk("k2"), nameless])] {
        assert!(!ask(&beside, &header));
        let keys = parse(&beside);
        assert_eq!(keys.used(), "k2 (EdDSA)");
        let aside = keys.left_aside();
        assert!(aside.starts_with("without id: it ") && aside.contains("give it a kid"), "{aside}");
    }
    let two = json!([nameless, with(&other.public_jwk("k2"), "kid", json!(null)), key().public_jwk("k3")]);
    assert_eq!(parse(&two).left_aside().matches("without id").count(), 2);
}

#[test]
fn of_keys_with_one_id_the_algorithm_chooses_or_none_is_used() {
    let foreign: Value = serde_json::from_str(include_str!("../testdata/foreign.json")).expect("JSON");
    let token = foreign["rs256"].as_str().expect("a token");
    let jwk = |kty: &str| {
        let keys = foreign["jwks"]["keys"].as_array().expect("keys");
        keys.iter().find(|key| key["kty"] == kty).expect("a key").clone()
    };
    let rsa = jwk("RSA");
    let ask = |keys: Value| {
        let users = issuer("https://id.example", Kind::Users, "", parse(&keys));
        let authenticator = Authenticator::new(Hands::at_now(), vec![users], Trust::default());
        authenticator.map(|it| it.authenticate_now(&bearer(token)).is_ok())
    };
    // Another kind of key by the same id.
    let other_kind = with(&jwk("EC"), "kid", rsa["kid"].clone());
    assert_eq!(ask(json!([other_kind, rsa])), Ok(true));
    // The same key twice.
    assert_eq!(ask(json!([rsa, rsa])), Ok(true));
    // Two keys that only the signature could tell apart: neither.
    let other = with(&rsa, "e", json!("Aw"));
    let good = key().public_jwk("good");
    for keys in [json!([other, rsa, good]), json!([rsa, other, good, rsa])] {
        assert_eq!(ask(keys.clone()), Ok(false));
        assert_eq!(parse(&keys).left_aside().matches("shares its id").count(), 1);
    }
}

#[test]
fn a_text_that_is_no_key_set_is_an_error_and_a_byte_order_mark_is_none() {
    let good = json!({ "keys": [key().public_jwk("k")] }).to_string();
    assert!(Jwks::parse(&format!("\u{feff}{good}")).is_ok_and(|keys| !keys.is_empty()));
    assert_eq!(Jwks::parse("[]").map(|_| ()), Err(JwksError::Malformed));
    assert_eq!(Jwks::parse("{}").map(|_| ()), Err(JwksError::Malformed));
    let discovery = json!({ "issuer": "https://id.example", "jwks_uri": "https://id.example/keys" });
    assert_eq!(Jwks::parse(&discovery.to_string()).map(|_| ()), Err(JwksError::Discovery));
}

#[test]
fn what_is_said_of_a_key_set_neither_ends_a_line_nor_grows_without_end() {
    let odd: Vec<Value> =
        (0..100).map(|n| json!({ "kty": "oct", "kid": format!("a\n\u{1b}{n}"), "k": "AA" })).collect();
    let said = parse(&json!(odd)).left_aside();
    assert!(
        said.ends_with("and 68 more") && said.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "{said}"
    );
}
