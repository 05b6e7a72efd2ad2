//! The recipes of docs/identity-providers.md, held against tokens of the shapes that the providers document.
use std::sync::Arc;

use devspaces_kit::{
    clock::{Clock as _, SystemClock},
    identity::{Authenticator, Jwks, SigningKey, Trust},
};
use futures::FutureExt as _;
use http::{HeaderMap, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::IssuerSettings;

const PAGE: &str = include_str!("../../../../../docs/identity-providers.md");

/// The recipe below a heading of the page.
fn recipe(provider: &str) -> &'static str {
    let (_, section) = PAGE.split_once(&format!("\n## {provider}\n")).expect(provider);
    section.lines().find_map(|line| line.strip_prefix("    ")).expect("a recipe")
}

/// Who bears a token with these claims by the recipe: the name, and the address after it if it counts.
fn bearer(provider: &str, claims: &Value) -> Result<String, String> {
    let settings: IssuerSettings = recipe(provider).parse().expect(provider);
    let key = SigningKey::generate().expect("a key");
    let keys = Jwks::parse(&key.public_jwks("k")).expect("a key set");
    let issuer = settings.issuer(keys.into());
    let authenticator =
        Authenticator::new(Arc::new(SystemClock), vec![issuer], Trust::default()).expect(provider);
    let mut claims = claims.clone();
    claims["exp"] = json!(SystemClock.now().seconds() + 60);
    let token = key.sign("k", "JWT", &claims);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().expect("a header"));
    let caller = authenticator.authenticate(&headers).now_or_never().expect("an answer at once");
    let caller = caller.map_err(|fault| fault.message().to_owned())?;
    let email = caller.email.map(|email| format!(" {email}")).unwrap_or_default();
    Ok(format!("{}{email}", caller.principal))
}

fn is(provider: &str, claims: &Value, expected: &str) {
    assert_eq!(bearer(provider, claims), Ok(expected.to_owned()), "{provider}: {claims}");
}

fn is_refused(provider: &str, claims: &Value, why: &str) {
    let refused = bearer(provider, claims).expect_err(provider);
    assert!(refused.contains(why), "{provider}: {refused}");
}

#[test]
fn every_recipe_is_one_that_a_service_starts_with() {
    let recipes: Vec<_> = PAGE.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(recipes.len(), 12, "{recipes:?}");
    for recipe in recipes {
        assert!(recipe.parse::<IssuerSettings>().is_ok(), "{recipe}: {:?}", recipe.parse::<IssuerSettings>());
    }
}

#[test]
fn people_of_entra_are_named_by_oid_and_its_apps_are_services() {
    let iss = "https://login.microsoftonline.com/TENANT/v2.0";
    let person = json!({ "iss": iss, "aud": "CLIENT", "sub": "HKZpfaHy", "oid": "90c5-1", "ver": "2.0", "email": "a@b.c" });
    is("Microsoft Entra ID", &person, "users/90c5-1");
    let app =
        json!({ "iss": iss, "aud": "CLIENT", "sub": "7f1", "oid": "7f1", "idtyp": "app", "azp": "7f0" });
    is("Microsoft Entra ID", &app, "services/7f1");
    let other = json!({ "iss": "https://sts.windows.net/TENANT/", "aud": "CLIENT", "sub": "x", "oid": "y" });
    is_refused("Microsoft Entra ID", &other, "issuer that is not trusted");
}

#[test]
fn people_of_okta_have_a_uid_and_machines_none() {
    let iss = "https://ORG.okta.com/oauth2/default";
    let person = json!({ "iss": iss, "aud": "api://devspaces", "sub": "ada@example.com", "uid": "00u1", "cid": "0oa1" });
    is("Okta", &person, "users/ada%40example.com");
    is(
        "Okta",
        &json!({ "iss": iss, "aud": "api://devspaces", "sub": "0oa1", "cid": "0oa1" }),
        "services/0oa1",
    );
}

#[test]
fn people_and_machines_of_auth0_are_told_apart_by_gty() {
    let iss = "https://TENANT.auth0.com/";
    let aud = json!(["https://devspaces", "https://TENANT.auth0.com/userinfo"]);
    is("Auth0", &json!({ "iss": iss, "aud": aud, "sub": "auth0|5f7c" }), "users/auth0%7C5f7c");
    let machine =
        json!({ "iss": iss, "aud": "https://devspaces", "sub": "Q1b@clients", "gty": "client-credentials" });
    is("Auth0", &machine, "services/Q1b%40clients");
}

#[test]
fn google_has_two_names_and_says_which_addresses_are_verified() {
    for iss in ["https://accounts.google.com", "accounts.google.com"] {
        let person = json!({
            "iss": iss, "aud": "CLIENT.apps.googleusercontent.com", "sub": "1101694", "email": "a@b.c", "email_verified": true,
        });
        is("Google", &person, "users/1101694 a@b.c");
    }
}

#[test]
fn access_tokens_of_cognito_have_the_client_in_place_of_an_audience() {
    let iss = "https://cognito-idp.REGION.amazonaws.com/POOL";
    let access = json!({ "iss": iss, "client_id": "CLIENT", "token_use": "access", "sub": "aaaa-1", "username": "ada" });
    is("Amazon Cognito", &access, "users/aaaa-1");
    let id =
        json!({ "iss": iss, "aud": "CLIENT", "client_id": "CLIENT", "token_use": "id", "sub": "aaaa-1" });
    is_refused("Amazon Cognito", &id, "meets no condition");
    let others = json!({ "iss": iss, "client_id": "OTHER", "token_use": "access", "sub": "aaaa-1" });
    is_refused("Amazon Cognito", &others, "not meant for this service");
}

#[test]
fn service_accounts_of_keycloak_are_services() {
    let iss = "https://id.example/realms/REALM";
    let person = json!({
        "iss": iss, "aud": ["devspaces", "account"], "sub": "f1-2", "typ": "Bearer", "preferred_username": "ada",
        "email": "a@b.c", "email_verified": true,
    });
    is("Keycloak", &person, "users/f1-2 a@b.c");
    let machine =
        json!({ "iss": iss, "aud": "devspaces", "sub": "f1-3", "preferred_username": "service-account-web" });
    is("Keycloak", &machine, "services/f1-3");
    is_refused("Keycloak", &json!({ "iss": iss, "sub": "f1-2" }), "no claim 'aud'");
    is_refused("Keycloak", &json!({ "iss": iss, "aud": "devspaces" }), "no claim 'sub'");
}

#[test]
fn workloads_are_services_by_what_their_platform_calls_them() {
    let pod = json!({
        "iss": "https://kubernetes.default.svc.cluster.local", "aud": ["devspaces"],
        "sub": "system:serviceaccount:platform:metering", "kubernetes.io": { "namespace": "platform" },
    });
    is("Kubernetes", &pod, "services/system%3Aserviceaccount%3Aplatform%3Ametering");
    let workflow = json!({
        "iss": "https://token.actions.githubusercontent.com", "aud": "devspaces",
        "sub": "repo:octo-org/web:ref:refs/heads/main", "repository_owner": "ORGANISATION",
    });
    is("GitHub Actions", &workflow, "services/github:repo%3Aocto-org%2Fweb%3Aref%3Arefs%2Fheads%2Fmain");
    let mut elsewhere = workflow;
    elsewhere["repository_owner"] = json!("mallory");
    is_refused("GitHub Actions", &elsewhere, "meets no condition");
    let svid = json!({ "iss": "https://oidc.example", "aud": ["devspaces"], "sub": "spiffe://example.org/metering" });
    is("SPIFFE", &svid, "services/spiffe:spiffe%3A%2F%2Fexample.org%2Fmetering");
    is_refused(
        "SPIFFE",
        &json!({ "aud": ["devspaces"], "sub": "spiffe://example.org/metering" }),
        "no claim 'iss'",
    );
}

#[test]
fn the_others_are_as_the_standards_have_them() {
    is(
        "Hydra and Zitadel",
        &json!({ "iss": "https://id.example/", "aud": ["devspaces"], "sub": "1700" }),
        "users/1700",
    );
    is_refused(
        "Hydra and Zitadel",
        &json!({ "iss": "https://id.example/", "aud": [], "sub": "a" }),
        "not meant for",
    );
    let better = json!({
        "iss": "https://app.example", "aud": "https://app.example", "sub": "Xy12", "email": "a@b.c", "emailVerified": true,
    });
    is("better-auth", &better, "users/Xy12 a@b.c");
    is(
        "oidc-provider",
        &json!({ "iss": "https://id.example", "aud": "devspaces", "sub": "ada" }),
        "users/ada",
    );
}
