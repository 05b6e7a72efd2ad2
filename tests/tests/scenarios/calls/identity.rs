//! Who is let in: tokens that are missing, expired, forged, meant for others or clever are refused alike.
use std::time::Duration;

use devspaces_kit::{clock::{Clock as _, SystemClock}, identity::{DevIssuer, SigningKey}, name::Principal};
use devspaces_tests::{Persona, Suite, refused};
use serde_json::{Value, json};
use tonic::Code;

use crate::acts::{
    members::{VIEWER, adds_members, lists_members},
    spaces::{NOWHERE, gets_space},
};

scenarios! {
    both engines:
        calls_without_a_good_token_are_refused,
        a_token_ends_when_it_says,
        a_clock_that_is_set_back_does_not_cut_the_services_off_from_one_another,
        a_users_token_whose_subject_names_a_service_is_a_users;
    everywhere:
        a_token_for_others_or_from_others_is_refused,
        a_service_that_is_called_like_one_of_the_suite_is_not_it;
}

fn bearer(suite: &Suite, token: &str) -> Persona {
    suite.bearer(&Principal::user("alice"), Some(token))
}

/// A token by the issuer's own key, in which these claims stand in place of what it would say.
fn with_claims(suite: &Suite, other: &Value) -> String {
    let now = suite.clock.now().seconds();
    let mut claims =
        json!({ "iss": "devspaces-dev/users", "sub": "alice", "aud": "devspaces", "exp": now + 3600 });
    for (name, value) in other.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    suite.issuer_key().sign("dev", "JWT", &claims)
}

/// Replaces one part of a token, of header, claims and signature.
fn with_part(token: &str, part: usize, text: &str) -> String {
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[part] = text;
    parts.join(".")
}

// Order of answers: who calls comes first.
async fn calls_without_a_good_token_are_refused(suite: Suite) {
    let alice = Principal::user("alice");
    let hour = Duration::from_hours(1);
    let good = suite.issuer().token(&alice, None, hour);
    let other = suite.issuer().token(&Principal::user("bob"), None, hour);
    let forged = DevIssuer::new(SigningKey::generate().expect("a key"), SystemClock::shared());
    let claims = other.as_str().split('.').nth(1).expect("claims").to_owned();
    // {"alg":"none","typ":"JWT"} and {"alg":"HS256","typ":"JWT","kid":"dev"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let hs256 = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImRldiJ9";
    let bad = [
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        forged.token(&alice, None, hour).as_str().to_owned(),
        with_part(good.as_str(), 1, &claims),
        with_part(good.as_str(), 2, ""),
        with_part(good.as_str(), 0, none),
        with_part(&with_part(good.as_str(), 0, none), 2, ""),
        with_part(good.as_str(), 0, hs256),
    ];
    for token in &bad {
        let refusal = refused(gets_space(&bearer(&suite, token), NOWHERE).await);
        assert_eq!(refusal.kind(), (Code::Unauthenticated, "CREDENTIALS_INVALID"), "{token}");
        assert!(token.is_empty() || !refusal.message.contains(token.as_str()), "a token is told to nobody");
    }
    let nobody = refused(gets_space(&suite.bearer(&alice, None), NOWHERE).await);
    assert_eq!(nobody.kind(), (Code::Unauthenticated, "CREDENTIALS_MISSING"));
    assert_eq!(
        refused(gets_space(&bearer(&suite, good.as_str()), NOWHERE).await).code,
        Code::PermissionDenied
    );
}

// The signature alone does not let anybody in: a token must be for this suite, and from an issuer of its users.
async fn a_token_for_others_or_from_others_is_refused(suite: Suite) {
    let ports = async |claims: Value| {
        let alice = bearer(&suite, &with_claims(&suite, &claims));
        [refused(gets_space(&alice, NOWHERE).await), refused(lists_members(&alice, NOWHERE).await)]
    };
    for good in [json!({}), json!({ "aud": ["other", "devspaces"] })] {
        for refusal in ports(good.clone()).await {
            assert_eq!(refusal.code, Code::PermissionDenied, "{good}: they are let in, and see nothing");
        }
    }
    let bad = [
        json!({ "aud": "other" }),
        json!({ "aud": "" }),
        json!({ "aud": [] }),
        json!({ "aud": ["other", "devspaces2"] }),
        json!({ "aud": null }),
        json!({ "aud": "space" }),
        json!({ "iss": "https://stranger.example" }),
        json!({ "iss": "" }),
        json!({ "iss": "devspaces-dev" }),
        json!({ "iss": "devspaces-dev/Users" }),
        json!({ "iss": null }),
        // The suite's own services are known by their own keys.
        json!({ "iss": "devspaces:space", "sub": "space", "aud": "membership" }),
        json!({ "iss": "devspaces:membership", "sub": "membership", "aud": "space" }),
    ];
    for claims in bad {
        for refusal in ports(claims.clone()).await {
            assert_eq!(refusal.kind(), (Code::Unauthenticated, "CREDENTIALS_INVALID"), "{claims}");
        }
    }
}

// Order of answers
async fn a_token_ends_when_it_says(suite: Suite) {
    let token = suite.issuer().token(&Principal::user("alice"), None, Duration::from_mins(10));
    let alice = bearer(&suite, token.as_str());
    assert_eq!(refused(gets_space(&alice, NOWHERE).await).code, Code::PermissionDenied);
    suite.clock.advance(Duration::from_secs(700));
    assert_eq!(
        refused(gets_space(&alice, NOWHERE).await).kind(),
        (Code::Unauthenticated, "CREDENTIALS_INVALID")
    );
    assert!(suite.clock.now() > SystemClock.now());
}

// The services' own tokens begin when they are signed. A clock that was ahead and is put right must not leave them with
// tokens whose time has not come.
async fn a_clock_that_is_set_back_does_not_cut_the_services_off_from_one_another(suite: Suite) {
    let before = suite.user("alice");
    let space = before.creates_space("Team").await;
    for back in [60, 3600] {
        suite.clock.set_back(Duration::from_secs(back));
        // A person's token begins when it is issued, too.
        let alice = suite.user("alice");
        gets_space(&alice, &space).await.expect("space asks membership");
        lists_members(&alice, &space).await.expect("membership asks space");
    }
}

// R-P7: the kind of a caller comes from the issuer and never from the subject.
async fn a_users_token_whose_subject_names_a_service_is_a_users(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let clever = suite.user("services/auditor");
    assert_eq!(clever.name, "users/services%2Fauditor");
    assert!(!clever.may("authz.check_others", "").await);
    adds_members(&alice, &space, &[(&clever, VIEWER)]).await.expect("a person like any other");
    assert!(clever.may("space.get", &space).await);
    assert!(!suite.persona("services/auditor").may("space.get", &space).await);
}

// R-P7: only the suite's own services call internal methods.
async fn a_service_that_is_called_like_one_of_the_suite_is_not_it(suite: Suite) {
    let impostor = suite.persona("services/membership");
    assert_eq!(
        refused(gets_space(&impostor, NOWHERE).await).kind(),
        (Code::Unauthenticated, "CREDENTIALS_INVALID")
    );
}
