use serde_json::{Value, json};

use super::*;

// R-P7: no other way leads to being a service of the suite.
#[test]
fn a_service_of_the_suite_is_known_by_its_own_key_alone() {
    let (own, other) = (key(), key());
    let peers = json!({ "keys": [own.public_jwk("membership"), other.public_jwk("billing")] });
    let peers = Jwks::parse(&peers.to_string()).expect("two keys");
    let world = World::with_suite(suite(&["space"], peers));
    let signer = |name: &str, key: &SigningKey| ServiceSigner::new(name, key.clone(), world.clock.clone());

    let caller = world.ask(signer("membership", &own).token_for("space").as_str()).expect("a caller");
    let expected = SuiteCaller { name: "membership".into(), audience: "space".into() };
    assert_eq!((caller.principal, caller.suite), (Principal::service("membership"), Some(expected)));

    world.refused(signer("membership", &own).token_for("billing").as_str());
    world.refused(signer("membership", &other).token_for("space").as_str());
    world.refused(signer("marketplace", &own).token_for("space").as_str());
    for name in ["space", "membership", "billing", "marketplace"] {
        world.refused(&world.token(&json!({ "iss": "https://sa.example", "sub": name })));
    }
    let outsider = world
        .ask(&world.token(&json!({ "iss": "https://sa.example", "sub": "metering" })))
        .expect("a caller");
    assert_eq!((outsider.principal, outsider.suite), (Principal::service("metering"), None));
    assert!(
        world.ask(&world.token(&json!({ "sub": "membership" }))).is_ok_and(|caller| caller.suite.is_none())
    );
}

#[test]
fn a_suite_token_has_one_audience_and_its_signers_name() {
    let own = key();
    let world = World::with_suite(suite(&["space", "billing"], jwks(&own, "membership")));
    let token = |sub: &str, aud: Value| {
        let header = json!({ "alg": "EdDSA", "kid": "membership" });
        let claims = claims(&json!({ "iss": "devspaces:membership", "sub": sub, "aud": aud }));
        signed(&own, &header, &claims)
    };
    assert!(world.ask(&token("membership", json!("billing"))).is_ok());
    world.refused(&token("membership", json!(["space", "billing"])));
    world.refused(&token("billing", json!("space")));
}

#[test]
fn a_service_signs_anew_when_half_of_a_tokens_life_is_spent() {
    let clock = Hands::at_now();
    let signer = ServiceSigner::new("space", key(), clock.clone());
    let first = signer.token_for("billing");
    assert!(signer.token_for("membership") != first);
    clock.advance(149);
    assert!(signer.token_for("billing") == first);
    clock.advance(1);
    assert!(signer.token_for("billing") != first);
}

// Either way by three minutes, whatever is left of the token's life. Never for longer than the token lives.
#[test]
fn services_whose_clocks_differ_by_minutes_take_each_others_tokens() {
    let own = key();
    let world = World::with_suite(suite(&["space"], jwks(&own, "membership")));
    let theirs = Hands::at_now();
    let signer = ServiceSigner::new("membership", own, theirs.clone());
    for age in [0, 149] {
        let ask = |by: i64| {
            theirs.0.store(NOW, Ordering::Relaxed);
            let _ = signer.token_for("space");
            theirs.advance(age);
            world.clock.0.store(NOW + age + by, Ordering::Relaxed);
            world
                .ask(signer.token_for("space").as_str())
                .map(drop)
                .map_err(|fault| fault.message().to_owned())
        };
        for by in [-180, -60, 60, 180] {
            assert_eq!(ask(by), Ok(()), "{by} s ahead, {age} s old");
        }
        assert_eq!(ask(-181 - age), Err("The bearer token is not valid yet".to_owned()));
        assert_eq!(ask(330 - age), Err("The bearer token has expired".to_owned()));
    }
}

#[test]
fn a_service_signs_anew_when_its_clock_has_been_set_back_behind_its_token() {
    let own = key();
    let world = World::with_suite(suite(&["space"], jwks(&own, "membership")));
    let signer = ServiceSigner::new("membership", own, world.clock.clone());
    let first = signer.token_for("space");
    for step in [-60, -86_400, 31_536_000, -31_536_000] {
        world.clock.advance(step);
        let token = signer.token_for("space");
        assert!(token != first, "{step}");
        assert!(world.ask(token.as_str()).is_ok(), "{step}");
    }
}

#[test]
fn a_key_set_knows_whose_key_it_is() {
    let (space, billing) = (key(), key());
    let keys = json!({ "keys": [space.public_jwk("space"), billing.public_jwk("billing")] });
    let keys = Jwks::parse(&keys.to_string()).expect("a key set");
    assert!(keys.has("space", &space) && keys.has("billing", &billing));
    assert!(!keys.has("space", &billing) && !keys.has("membership", &space) && !keys.has("space", &key()));
}

// R-P7: so that one key takes the place of another without a moment in which neither is good.
#[test]
fn a_service_may_have_several_keys_and_signs_by_any() {
    let (old, new, other) = (key(), key(), key());
    let peers = json!({ "keys": [
        old.public_jwk("membership"), new.public_jwk("membership.next"), other.public_jwk("billing"),
    ] });
    let peers = Jwks::parse(&peers.to_string()).expect("keys");
    assert!(
        peers.has("membership", &old) && peers.has("membership", &new) && !peers.has("membership", &other)
    );
    let world = World::with_suite(suite(&["space"], peers));
    let token = |key: &SigningKey| {
        ServiceSigner::new("membership", key.clone(), world.clock.clone()).token_for("space")
    };
    for key in [&old, &new] {
        assert!(world.ask(token(key).as_str()).is_ok());
    }
    let refused = world.refused(token(&other).as_str());
    assert!(refused.contains("a key that its issuer is not known to have"), "{refused}");
}
