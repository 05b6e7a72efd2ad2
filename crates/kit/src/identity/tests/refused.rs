//! Each refusal has its own reason, which the answer tells.
use std::{
    fmt::{Debug, Write as _},
    sync::Mutex,
};

use tonic::Status;
use tonic_types::StatusExt as _;
use tracing::{Event, Subscriber, field::Field, subscriber::with_default};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

use super::*;
use crate::identity::MAX_TOKEN;

/// The cause that the answer gives, and the claim that it is about.
fn cause(refused: Result<Caller, Fault>) -> (String, Option<String>) {
    let status = Status::from(refused.expect_err("a refusal"));
    let details = status.get_error_details();
    let metadata = &details.error_info().expect("an ErrorInfo").metadata;
    (metadata["cause"].clone(), metadata.get("claim").cloned())
}

/// A token by the issuer's key with this header.
fn with_header(world: &World, header: &Value) -> String {
    world.signed(header, &json!({}))
}

#[test]
fn each_refusal_has_its_own_cause() {
    let world = World::new();
    let forged = World::new().token(&json!({}));
    let header = |alg: &str| with_header(&world, &json!({ "alg": alg, "kid": "k1" }));
    let with = |claims: Value| world.token(&claims);
    let cases = [
        (format!("a.b.{}", "c".repeat(MAX_TOKEN)), "too_long"),
        ("opaque".to_owned(), "not_jwt"),
        ("v2.local.opaque".to_owned(), "not_jwt"),
        ("e30.e30.e30.e30.e30".to_owned(), "not_jwt"),
        ("W10.W10.".to_owned(), "malformed"),
        (with_header(&world, &json!({ "alg": 1, "kid": "k1" })), "malformed"),
        (with_header(&world, &json!({ "alg": "EdDSA", "kid": 1 })), "malformed"),
        (header("ES512"), "algorithm"),
        (header("PS256"), "key_algorithm"),
        (header("ES384"), "key_algorithm"),
        (header("HS256"), "algorithm"),
        (header("none"), "algorithm"),
        (header("RS256"), "key_algorithm"),
        (with_header(&world, &json!({ "alg": "EdDSA", "kid": "k2" })), "key"),
        (with_header(&world, &json!({ "alg": "EdDSA", "kid": "k1", "crit": ["b64"] })), "critical"),
        (forged, "signature"),
        (with(json!({ "iss": "https://evil.example" })), "issuer"),
        (with(json!({ "aud": "other" })), "audience"),
        (with(json!({ "aud": [] })), "audience"),
        (with(json!({ "sub": "" })), "subject"),
        (with(json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } })), "bound"),
        (with(json!({ "exp": NOW - 30 })), "expired"),
        (with(json!({ "nbf": NOW + 31 })), "not_yet_valid"),
    ];
    for (token, expected) in cases {
        assert_eq!(cause(world.ask(&token)), (expected.to_owned(), None), "{token}");
    }
    for claim in ["iss", "sub", "aud", "exp"] {
        let missing = world.ask(&with(json!({ claim: null })));
        assert_eq!(cause(missing), ("claim_missing".to_owned(), Some(claim.to_owned())));
        let sentence = world.refused(&with(json!({ claim: null })));
        assert_eq!(sentence, format!("The bearer token has no claim '{claim}'"));
        let mistyped = world.ask(&with(json!({ claim: { "a": 1 } })));
        assert_eq!(cause(mistyped), ("claim_mistyped".to_owned(), Some(claim.to_owned())));
    }
    let mut twice = bearer(&with(json!({})));
    twice.append(AUTHORIZATION, "Bearer x".parse().expect("a header"));
    assert_eq!(cause(world.authenticator.authenticate_now(&twice)), ("header".to_owned(), None));
}

/// What the log says, field by field.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<String>>);

impl<S: Subscriber> Layer<S> for Said {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut |field: &Field, value: &dyn Debug| {
            let _ = writeln!(self.0.lock().expect("a text"), "{field}={value:?}");
        });
    }
}

#[test]
fn an_issuer_that_is_not_configured_is_named_in_the_log_and_nowhere_else() {
    let world = World::new();
    let said = Said::default();
    let refused = with_default(tracing_subscriber::registry().with(said.clone()), || {
        world.ask(&world.token(&json!({ "iss": "https://evil.example" }))).expect_err("a refusal")
    });
    let said = said.0.lock().expect("a text");
    assert!(said.lines().any(|line| line == "named=https://evil.example"), "{said}");
    assert!(said.contains("issuer=\"unknown\""), "{said}");
    assert!(!format!("{:?}", Status::from(refused)).contains("evil"));
}

// Two whose clocks differ find out by what they tell each other.
#[test]
fn a_refusal_that_depends_on_the_time_tells_it() {
    let world = World::new();
    let time = |claims| {
        let status = Status::from(world.ask(&world.token(&claims)).expect_err("a refusal"));
        status.get_error_details().error_info().expect("an ErrorInfo").metadata.get("time").cloned()
    };
    for claims in [json!({ "exp": NOW - 30 }), json!({ "nbf": NOW + 31 })] {
        assert_eq!(time(claims).as_deref(), Some("2027-01-15T08:00:00.000000Z"));
    }
    assert_eq!(time(json!({ "aud": "other" })), None);
}

#[test]
fn a_token_of_sixteen_kilobytes_is_read() {
    let world = World::new();
    // 220 groups by UUID.
    let groups: Vec<String> = (0..220).map(|n| format!("0190a8d0-7b1c-7def-8000-{n:012}")).collect();
    let token = world.token(&json!({ "groups": groups }));
    assert!(token.len() > 11_000, "{}", token.len());
    assert!(world.ask(&token).is_ok());
    let padded = |length: usize| world.token(&json!({ "pad": "x".repeat(length) }));
    let (mut fits, mut length) = (padded(12_080), 12_080);
    while padded(length + 1).len() <= MAX_TOKEN {
        length += 1;
        fits = padded(length);
    }
    // Base64 has not every length.
    assert!(fits.len() > MAX_TOKEN - 3, "{}", fits.len());
    assert!(world.ask(&fits).is_ok());
    assert_eq!(cause(world.ask(&padded(length + 1))).0, "too_long");
}

#[test]
fn the_kind_of_a_caller_is_told_by_the_claim_that_the_operator_names() {
    let world = World::new();
    let ask = |users_if: Option<&str>, services_if: Option<&str>, otherwise, claims: Value| {
        let condition = |text: Option<&str>| text.map(|text| text.parse().expect("a condition"));
        let kinds = Kinds::new(otherwise, condition(users_if), condition(services_if)).expect("kinds");
        let one = Issuer { kinds, ..issuer("https://id.example", Kind::Users, "", jwks(&world.key, "k1")) };
        let authenticator = Authenticator::new(world.clock.clone(), vec![one], Trust::default());
        let caller = authenticator.expect("a configuration").authenticate_now(&bearer(&world.token(&claims)));
        caller.map(|caller| caller.principal.to_string())
    };
    let (user, service) = (Ok("users/alice".to_owned()), Ok("services/alice".to_owned()));
    for (condition, claims, expected) in [
        ("gty=client-credentials", json!({ "gty": "client-credentials" }), &service),
        ("gty=client-credentials", json!({ "gty": ["a", "client-credentials"] }), &service),
        ("gty=client-credentials", json!({ "gty": "password" }), &user),
        ("gty=client-credentials", json!({ "gty": "client-credentials2" }), &user),
        ("gty=client-credentials", json!({ "gty": "Client-Credentials" }), &user),
        ("gty=client-credentials", json!({ "gty": [] }), &user),
        ("gty=client-credentials", json!({}), &user),
        ("username=service-account-*", json!({ "username": "service-account-web" }), &service),
        ("username=service-account-*", json!({ "username": "alice" }), &user),
        ("sub=*lice", json!({}), &service),
        ("sub=*@clients", json!({}), &user),
        ("cid=*", json!({ "cid": { "a": 1 } }), &service),
        ("machine=true", json!({ "machine": true }), &service),
        ("machine=true", json!({ "machine": false }), &user),
        ("https://id.example/kind=app", json!({ "https://id.example/kind": "app" }), &service),
    ] {
        let asked =
            ask(None, Some(condition), Some(Kind::Users), claims.clone()).map_err(|fault| fault.to_string());
        assert_eq!(&asked, expected, "{condition} {claims}");
    }
    // What leaves the kind open is refused.
    for claims in [
        json!({ "gty": { "a": 1 } }),
        json!({ "gty": [null] }),
        json!({ "gty": ["client-credentials", [1]] }),
    ] {
        let open = ask(None, Some("gty=client-credentials"), Some(Kind::Users), claims.clone());
        assert_eq!(cause_of(open), "ambiguous", "{claims}");
    }
    let both = |claims| ask(Some("uid=*"), Some("cid=*"), None, claims);
    assert_eq!(both(json!({ "uid": "1" })).ok(), user.clone().ok());
    assert_eq!(both(json!({ "cid": "1" })).ok(), service.clone().ok());
    assert_eq!(cause_of(both(json!({ "uid": "1", "cid": "1" }))), "ambiguous");
    assert_eq!(cause_of(both(json!({}))), "condition");
    // A service's name of the suite is no provider's to give, whichever way it vouches for services.
    let suites = Issuer {
        kinds: Kinds::new(Some(Kind::Users), None, Some("gty=m".parse().expect("a condition")))
            .expect("kinds"),
        ..issuer("https://id.example", Kind::Users, "", jwks(&world.key, "k1"))
    };
    let suite = suite(&["space"], Jwks::default());
    let authenticator =
        Authenticator::new(world.clock.clone(), vec![suites], suite).expect("a configuration");
    let space = authenticator.authenticate_now(&bearer(&world.token(&json!({ "sub": "space", "gty": "m" }))));
    assert_eq!(cause(space).0, "subject");
}

fn cause_of(refused: Result<String, Fault>) -> String {
    cause(refused.map(|_| unreachable!("a refusal"))).0
}
