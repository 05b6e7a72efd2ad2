use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use futures::FutureExt as _;
use http::{HeaderMap, header::AUTHORIZATION};
use ring::hmac;
use serde_json::{Value, json};
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use super::{
    Authenticator, Caller, ClaimNames, ConfigError, DevIssuer, Issuer, Jwks, JwksError, KeyFileError, Kind,
    Kinds, ServiceSigner, SigningKey, SuiteCaller, Trust,
};
use crate::{
    clock::{Clock, Timestamp},
    name::Principal,
    status::{Fault, Reason},
};

mod config;
mod keys;
mod names;
mod refused;
mod suite;

/// 2027-01-15T08:00:00Z, ten minutes before the tokens in testdata expire.
const NOW: i64 = 1_800_000_000;

/// A clock that tests move.
struct Hands(AtomicI64);

impl Hands {
    fn at_now() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(NOW)))
    }

    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed) * 1_000_000)
    }

    fn new_id(&self) -> Uuid {
        Uuid::nil()
    }
}

fn key() -> SigningKey {
    SigningKey::generate().expect("randomness")
}

fn jwks(key: &SigningKey, kid: &str) -> Jwks {
    Jwks::parse(&key.public_jwks(kid)).expect("a key set")
}

fn issuer(iss: &str, kind: Kind, prefix: &str, keys: Jwks) -> Issuer {
    Issuer {
        iss: vec![iss.into()],
        kinds: Kinds::always(kind),
        prefix: prefix.into(),
        audiences: vec!["devspaces".into()],
        keys: keys.into(),
        claims: ClaimNames::STANDARD,
        required: Vec::new(),
        names_anybody: false,
    }
}

fn suite(hosted: &[&str], peers: Jwks) -> Trust {
    let names = ["space", "membership", "billing", "marketplace"].map(str::to_owned);
    Trust {
        names: names.into(),
        hosted: hosted.iter().copied().map(str::to_owned).collect(),
        peers: peers.into(),
    }
}

/// Two issuers that sign with one key, `https://id.example` of users and `https://sa.example` of services.
struct World {
    clock: Arc<Hands>,
    key: SigningKey,
    authenticator: Authenticator,
}

impl World {
    fn new() -> Self {
        Self::with_suite(Trust::default())
    }

    fn with_suite(suite: Trust) -> Self {
        let (clock, key) = (Hands::at_now(), key());
        let users = issuer("https://id.example", Kind::Users, "", jwks(&key, "k1"));
        let services = issuer("https://sa.example", Kind::Services, "", jwks(&key, "k1"));
        let authenticator =
            Authenticator::new(clock.clone(), vec![users, services], suite).expect("a configuration");
        Self { clock, key, authenticator }
    }

    /// A user's token, with these claims in place of the usual ones; null takes a claim out.
    fn token(&self, changes: &Value) -> String {
        self.signed(&json!({ "alg": "EdDSA", "kid": "k1" }), changes)
    }

    fn signed(&self, header: &Value, changes: &Value) -> String {
        signed(&self.key, header, &claims(changes))
    }

    fn ask(&self, token: &str) -> Result<Caller, Fault> {
        self.authenticator.authenticate_now(&bearer(token))
    }

    fn refused(&self, token: &str) -> String {
        let fault = self.ask(token).expect_err("a refusal");
        assert_eq!(fault.reason(), Reason::CredentialsInvalid);
        assert!(!format!("{fault:?}").contains(token) || token.is_empty(), "{fault:?}");
        fault.message().to_owned()
    }
}

fn claims(changes: &Value) -> Value {
    let mut claims =
        json!({ "iss": "https://id.example", "sub": "alice", "aud": "devspaces", "exp": NOW + 600 });
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    claims
}

/// A token by this key, whatever its header says.
fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    let signature = key.pair().sign(message.as_bytes()).to_bytes();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn message(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
}

/// Keys that never change are waited for by nobody.
trait AtOnce {
    fn authenticate_now(&self, headers: &HeaderMap) -> Result<Caller, Fault>;
}

impl AtOnce for Authenticator {
    fn authenticate_now(&self, headers: &HeaderMap) -> Result<Caller, Fault> {
        self.authenticate(headers).now_or_never().expect("an answer at once")
    }
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().expect("a header"));
    headers
}

#[test]
fn a_token_names_its_bearer() {
    let world = World::new();
    let caller = world.ask(&world.token(&json!({}))).expect("a caller");
    assert_eq!((caller.principal, caller.email, caller.suite), (Principal::user("alice"), None, None));
    let several = world.ask(&world.token(&json!({ "aud": ["other", "devspaces"] }))).expect("a caller");
    assert_eq!(several.principal, Principal::user("alice"));
}

#[test]
fn rsa_and_ecdsa_issuers_are_understood() {
    let foreign: Value = serde_json::from_str(include_str!("../testdata/foreign.json")).expect("JSON");
    let keys = Jwks::parse(&foreign["jwks"].to_string()).expect("a key set");
    let users = issuer("https://id.example", Kind::Users, "corp|", keys);
    let authenticator =
        Authenticator::new(Hands::at_now(), vec![users], Trust::default()).expect("a configuration");
    let all = foreign.as_object().expect("an object").keys().filter(|name| *name != "jwks");
    // Signed in RS256 by a key that is for PS256.
    for algorithm in all.filter(|name| *name != "rs256-pss") {
        let token = foreign[algorithm].as_str().expect("a token");
        let caller = authenticator.authenticate_now(&bearer(token)).expect(algorithm);
        assert_eq!(caller.principal.to_string(), "users/corp%7Calice");
        let (signed, signature) = token.rsplit_once('.').expect("a signature");
        let altered = format!("{signed}.{}", signature.chars().rev().collect::<String>());
        assert!(authenticator.authenticate_now(&bearer(&altered)).is_err(), "{algorithm}");
    }
    let token = foreign["rs256-pss"].as_str().expect("a token");
    let refused = authenticator.authenticate_now(&bearer(token)).expect_err("another algorithm");
    assert!(refused.message().contains("not its key's"), "{}", refused.message());
}

#[test]
fn no_header_and_a_bad_header_are_told_apart() {
    let world = World::new();
    let missing = world.authenticator.authenticate_now(&HeaderMap::new()).expect_err("no credentials");
    assert_eq!(missing.reason(), Reason::CredentialsMissing);
    let token = world.token(&json!({}));
    for value in ["Bearer", "Bearer ", &token, &format!("Basic {token}"), "Bearer a.b", "Bearer a.b.c.d"] {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().expect("a header"));
        let fault = world.authenticator.authenticate_now(&headers).expect_err(value);
        assert_eq!(fault.reason(), Reason::CredentialsInvalid, "{value}");
    }
    let mut twice = bearer(&token);
    twice.append(AUTHORIZATION, format!("bearer {token}").parse().expect("a header"));
    assert!(world.authenticator.authenticate_now(&twice).is_err());
    twice.remove(AUTHORIZATION);
    twice.append(AUTHORIZATION, format!("bearer {token}").parse().expect("a header"));
    assert!(world.authenticator.authenticate_now(&twice).is_ok());
}

#[test]
fn times_are_the_injected_clocks_with_half_a_minute_of_leeway() {
    let world = World::new();
    assert!(world.ask(&world.token(&json!({ "exp": NOW - 29, "nbf": NOW + 30 }))).is_ok());
    assert_eq!(world.refused(&world.token(&json!({ "exp": NOW - 30 }))), "The bearer token has expired");
    assert_eq!(world.refused(&world.token(&json!({ "nbf": NOW + 31 }))), "The bearer token is not valid yet");
    assert!(world.ask(&world.token(&json!({ "exp": 1_800_000_600.5, "nbf": 0 }))).is_ok());
    for exp in [json!(null), json!("2100-01-01"), json!(-1), json!(i64::MIN), json!([])] {
        world.refused(&world.token(&json!({ "exp": exp })));
    }
}

#[test]
fn a_remembered_token_still_expires() {
    let world = World::new();
    let token = world.token(&json!({}));
    assert!(world.ask(&token).is_ok() && world.ask(&token).is_ok());
    world.clock.advance(629);
    assert!(world.ask(&token).is_ok());
    world.clock.advance(1);
    assert_eq!(world.refused(&token), "The bearer token has expired");
}

#[test]
fn only_the_issuers_key_and_algorithm_will_do() {
    let world = World::new();
    let other = World::new();
    let forged = other.token(&json!({}));
    assert_eq!(world.refused(&forged), "The bearer token has a signature that does not match");
    world.refused(&world.signed(&json!({ "alg": "EdDSA", "kid": "k2" }), &json!({})));
    world.refused(&world.signed(&json!({ "alg": "EdDSA", "kid": "k1", "crit": ["b64"] }), &json!({})));
    for alone in ["EdDSA", "Ed25519"] {
        let token = world.signed(&json!({ "alg": alone }), &json!({}));
        assert!(world.ask(&token).is_ok(), "{alone}: a single key needs no kid");
    }

    let public = world.key.pair().verifying_key().to_bytes();
    let message = message(&json!({ "alg": "HS256", "kid": "k1" }), &claims(&json!({})));
    let secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message.as_bytes());
    let confused = format!("{message}.{}", URL_SAFE_NO_PAD.encode(secret));
    let algorithm = "The bearer token is signed in an algorithm that is not accepted: RS256, PS256, ES256, ES384, EdDSA \
                     and the like are";
    assert_eq!(world.refused(&confused), algorithm);

    for algorithm in ["none", "None", "ES256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm, "kid": "k1" }).to_string());
        let token = world.token(&json!({}));
        let (_, rest) = token.split_once('.').expect("a header");
        let (payload, _) = rest.split_once('.').expect("a payload");
        world.refused(&format!("{header}.{rest}"));
        world.refused(&format!("{header}.{payload}."));
    }
}

#[test]
fn a_token_for_someone_else_or_from_someone_else_is_refused() {
    let world = World::new();
    for changes in [
        json!({ "aud": "other" }),
        json!({ "aud": [] }),
        json!({ "aud": null }),
        json!({ "iss": "https://evil.example" }),
        json!({ "iss": null }),
        json!({ "iss": ["https://id.example"] }),
        json!({ "sub": "" }),
        json!({ "sub": null }),
        json!({ "sub": "a\0b" }),
        json!({ "sub": "é".repeat(100) }),
    ] {
        world.refused(&world.token(&changes));
    }
}

#[test]
fn an_issuers_prefix_alone_names_nobody() {
    let world = World::new();
    let users = issuer("https://id.example", Kind::Users, "corp|", jwks(&world.key, "k1"));
    let authenticator =
        Authenticator::new(world.clock.clone(), vec![users], Trust::default()).expect("a configuration");
    let ask = |sub: &str| authenticator.authenticate_now(&bearer(&world.token(&json!({ "sub": sub }))));
    assert_eq!(ask("alice").expect("a caller").principal, Principal::user("corp|alice"));
    assert!(ask("").is_err());
}

#[test]
fn the_issuer_decides_the_kind_and_never_the_subject() {
    let world = World::new();
    let user = world.ask(&world.token(&json!({ "sub": "services/x" }))).expect("a caller");
    assert_eq!(user.principal.to_string(), "users/services%2Fx");
    let service = world
        .ask(&world.token(&json!({ "iss": "https://sa.example", "sub": "users/alice" })))
        .expect("a caller");
    assert_eq!(service.principal.to_string(), "services/users%2Falice");
}

// As at Amazon Cognito, whose access tokens have no `aud`.
#[test]
fn an_issuers_claims_have_the_names_that_the_operator_gives() {
    let world = World::new();
    let claims = ClaimNames {
        audience: "client_id".into(),
        subject: "oid".into(),
        email: "mail".into(),
        email_verified: "emailVerified".into(),
    };
    let named = Issuer {
        claims,
        required: vec![
            "token_use=access".parse().expect("a condition"),
            "tid=t1".parse().expect("a condition"),
        ],
        ..issuer("https://id.example", Kind::Users, "", jwks(&world.key, "k1"))
    };
    let authenticator =
        Authenticator::new(world.clock.clone(), vec![named], Trust::default()).expect("a configuration");
    let ask = |changes: &Value| {
        let mut all = json!({
            "aud": null, "client_id": "devspaces", "oid": "o1", "token_use": "access", "tid": "t1",
            "mail": "a@b.c", "emailVerified": true, "email": "x@y.z", "email_verified": true,
        });
        for (name, value) in changes.as_object().expect("an object") {
            all[name] = value.clone();
        }
        authenticator.authenticate_now(&bearer(&world.token(&all)))
    };
    let caller = ask(&json!({})).expect("a caller");
    assert_eq!((caller.principal, caller.email), (Principal::user("o1"), Some("a@b.c".to_owned())));
    assert_eq!(ask(&json!({ "emailVerified": "true" })).expect("a caller").email, None);
    for (changes, said) in [
        (json!({ "token_use": "id" }), "meets no condition"),
        (json!({ "tid": null }), "meets no condition"),
        (json!({ "client_id": "other", "aud": "devspaces" }), "not meant for this service"),
        (json!({ "client_id": null, "aud": "devspaces" }), "no claim 'client_id'"),
        (json!({ "oid": null }), "no claim 'oid'"),
    ] {
        let refused = ask(&changes).expect_err(said);
        assert!(refused.message().contains(said), "{changes}: {}", refused.message());
    }
}

#[test]
fn only_a_verified_email_counts() {
    let world = World::new();
    let email = |changes: Value| world.ask(&world.token(&changes)).expect("a caller").email;
    assert_eq!(email(json!({ "email": "a@b.c", "email_verified": true })), Some("a@b.c".to_owned()));
    for verified in [json!(null), json!(false), json!("true"), json!(1)] {
        assert_eq!(email(json!({ "email": "a@b.c", "email_verified": verified })), None);
    }
    assert_eq!(email(json!({ "email": "a@b.c", "email_verified": true, "iss": "https://sa.example" })), None);
    let caller =
        world.ask(&world.token(&json!({ "email": "a@b.c", "email_verified": true }))).expect("a caller");
    assert!(!format!("{caller:?}").contains("a@b.c"));
}

#[test]
fn a_development_token_is_whom_it_was_made_for() {
    let clock = Hands::at_now();
    let dev = DevIssuer::new(key(), clock.clone());
    let authenticator =
        Authenticator::new(clock, dev.issuers().expect("issuers"), Trust::default()).expect("configuration");
    for name in ["users/alice", "users/auth0%7Calice", "services/metering"] {
        let principal: Principal = name.parse().expect("a name");
        let token = dev.token(&principal, Some("a@b.c"), Duration::from_mins(1));
        let mut metadata = MetadataMap::new();
        token.authorize(&mut metadata);
        assert!(!format!("{token:?}{metadata:?}").contains(token.as_str()));
        let caller = authenticator.authenticate_now(&metadata.into_headers()).expect(name);
        assert_eq!(caller.principal, principal);
        assert_eq!(caller.email.is_some(), name.starts_with("users/"));
    }
}
