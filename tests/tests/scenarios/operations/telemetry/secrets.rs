//! What no line of a log, no span and no metric holds, however much is logged: tokens, payment tokens, card numbers,
//! e-mail addresses, keys and passwords.
use std::{collections::BTreeSet, fs, time::Duration};

use devspaces::{Service, keys};
use devspaces_kit::{identity::SigningKey, name::Principal};
use devspaces_proto::{
    billing::v1::{GetAddressesRequest, PaymentMethod},
    journal::v1::ListEntriesRequest,
    marketplace::v1::{AcceptTermsRequest, VendorProfile},
    space::v1::{App, CreateAppRequest, CreateSpaceRequest, GetSpaceRequest, ListSpacesRequest, Space},
};
use devspaces_tests::{
    Engine, Persona,
    engine::temporary_folder,
    process::binary,
    reflection::Raw,
    sql::{tamper, texts},
    suite::eventually,
};
use prost::bytes::Bytes;
use serde_json::json;
use tokio::process::Command;
use tonic::{Code, Request, Status, client::Grpc, codegen::http::uri::PathAndQuery};

use super::{Observed, Said};
use crate::acts::{
    accounts::{
        account_of, address, billing_address_only, consents_to_invoicing, gets_addresses, payment_method,
        sets_payment_method, updates_addresses,
    },
    http::http_answer,
    marketplace::{acceptance_of_terms, contact, creates_profile, gets_profile, updates_profile},
    members::{DEVELOPER, VIEWER, adds_members, demotes_member, lists_members, removes_member},
    refusals::status_with_details,
};

scenarios! {
    both engines:
        however_much_is_logged_no_secret_and_no_address_is;
}

/// Where everybody here has an address, in whatever way the rest of it is written.
const DOMAIN: &str = "mail.example";
const CARD: &str = "4111111111111111";
const PASSWORD: &str = "k33p-th1s-t0-y0urself";

/// What must not be told, each with what it is.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    /// Those that are known before anything is called.
    fn of(suite: &Observed) -> Self {
        let mut secrets = Self(vec![
            ("an e-mail address", DOMAIN.to_owned()),
            ("a card number", CARD.to_owned()),
            ("a card number", "4111 1111 1111 1111".to_owned()),
            ("a payment token", payment_method().token),
            ("a password", PASSWORD.to_owned()),
            // {" in base64: how the header and the claims of every token begin, those of the services' own too.
            ("a token", "eyJ".to_owned()),
        ]);
        for file in fs::read_dir(suite.processes.keys()).expect("the keys") {
            let file = file.expect("a file").path();
            if file.extension().is_some_and(|extension| extension == "pem") {
                let pem = fs::read_to_string(&file).expect("a key");
                let key = pem.lines().filter(|line| !line.starts_with("-----"));
                secrets.0.extend(key.map(|line| ("a signing key", line.to_owned())));
            }
        }
        assert!(secrets.0.len() > 10, "the keys of four services and of an issuer");
        secrets
    }

    /// A token, of which no part may be told but the header, which is the same for all.
    fn token(&mut self, token: &str) {
        self.0.extend(token.split('.').skip(1).map(|part| ("a part of a token", part.to_owned())));
    }

    /// What a text tells that it must not.
    fn told_by<'a>(&self, text: &'a str) -> Vec<(&'static str, &'a str)> {
        let told = |line: &'a str| {
            let found = self.0.iter().filter(move |(_, secret)| line.contains(secret));
            found.map(move |(what, _)| (*what, line))
        };
        text.lines().flat_map(told).collect()
    }

    fn assert_untold(&self, by: &str, text: &str) {
        let told = self.told_by(text);
        assert!(told.is_empty(), "{by}: {told:#?}");
    }
}

/// People whose identity provider calls them by their addresses.
fn person(suite: &Observed, secrets: &mut Secrets, id: &str) -> Persona {
    let email = format!("{id}@{DOMAIN}");
    let principal = Principal::user(&email);
    let token = suite.processes.token(&principal, Some(&email));
    secrets.token(token.as_str());
    suite.processes.bearer(&principal, token.as_str())
}

/// What goes well.
async fn goes_well(erin: &Persona, bob: &Persona) -> (String, VendorProfile) {
    let space = erin.creates_space("Team").await;
    adds_members(erin, &space, &[(bob, DEVELOPER)]).await.expect("added");
    demotes_member(erin, &space, bob).await.expect("demoted");
    lists_members(bob, &space).await.expect("a list");
    consents_to_invoicing(erin, &space).await.expect("an account");
    sets_payment_method(erin, &space, payment_method()).await.expect("set");
    let recipient = address(&format!("Erin, erin@{DOMAIN}"));
    updates_addresses(erin, &space, billing_address_only(recipient), &[]).await.expect("addresses");
    let contacts = vec![contact("Erin", &format!("erin@{DOMAIN}"))];
    let own = VendorProfile { contacts, ..VendorProfile::default() };
    let request = AcceptTermsRequest { vendor_profile: Some(own), ..acceptance_of_terms(&space) };
    let profile = erin.profiles().accept_terms(request).await.expect("accepted").into_inner();
    erin.creates_app(&space).await;
    let all = ListEntriesRequest { parent: space.clone(), ..ListEntriesRequest::default() };
    erin.journal(Service::Membership).list_entries(all).await.expect("the journal");
    removes_member(erin, &space, bob).await.expect("removed");
    (space, profile)
}

/// Card numbers where they don't belong, and what is said to them.
async fn gives_card_numbers(erin: &Persona, space: &str) -> Vec<Status> {
    let mut refusals = Vec::new();
    for number in [CARD, "4111 1111 1111 1111", "Visa 4111111111111111"] {
        let method = |token: &str, brand: &str| PaymentMethod {
            token: token.into(),
            brand: brand.into(),
            ..payment_method()
        };
        refusals.push(sets_payment_method(erin, space, method(number, "Visa")).await.expect_err("a card"));
        refusals.push(
            sets_payment_method(erin, space, method(&payment_method().token, number))
                .await
                .expect_err("a card"),
        );
        let paid = billing_address_only(address(number));
        refusals.push(updates_addresses(erin, space, paid, &[]).await.expect_err("a card"));
        let app = App { display_name: number.into(), space: space.to_owned(), ..App::default() };
        let request = CreateAppRequest { app: Some(app), request_id: payment_method().token };
        refusals.push(erin.apps().create_app(request).await.expect_err("a card"));
        let request = Space { display_name: number.into(), ..Space::default() };
        let request = CreateSpaceRequest { space: Some(request), ..CreateSpaceRequest::default() };
        refusals.push(erin.spaces().create_space(request).await.expect_err("a card"));
    }
    refusals
}

/// What else is refused.
async fn is_refused(erin: &Persona, bob: &Persona, (space, profile): (&str, &VendorProfile)) {
    let named = format!("spaces/erin@{DOMAIN}");
    let get = GetSpaceRequest { name: named.clone() };
    let mut refused = vec![erin.spaces().get_space(get).await.map(drop)];
    refused.push(sets_payment_method(bob, space, payment_method()).await.map(drop));
    refused.push(lists_members(bob, space).await.map(drop));
    refused.push(adds_members(bob, space, &[(erin, VIEWER)]).await.map(drop));
    refused.push(erin.check("members.add", &named).await.map(drop));
    refused.push(erin.check(&format!("erin@{DOMAIN}"), space).await.map(drop));
    let page = ListSpacesRequest { page_token: payment_method().token, ..ListSpacesRequest::default() };
    refused.push(erin.spaces().list_spaces(page).await.map(drop));
    let actor = format!("users/erin@{DOMAIN}/");
    let entries = ListEntriesRequest { parent: space.to_owned(), actor, ..ListEntriesRequest::default() };
    refused.push(erin.journal(Service::Membership).list_entries(entries).await.map(drop));
    let contacts = vec![contact("Erin", &format!("erin@@{DOMAIN}"))];
    let changed = VendorProfile { contacts, ..profile.clone() };
    refused.push(updates_profile(erin, changed, &["contacts"]).await.map(drop));
    let mut stranger = bob.clone();
    stranger.name = format!("users/nobody%40{DOMAIN}");
    refused.push(removes_member(erin, space, &stranger).await.map(drop));
    assert!(refused.iter().all(Result::is_err), "{refused:#?}");
}

/// Who has no good token.
async fn is_unauthenticated(suite: &Observed, secrets: &mut Secrets) {
    let (erin, email) = (Principal::user(&format!("erin@{DOMAIN}")), format!("erin@{DOMAIN}"));
    let good = suite.processes.token(&erin, Some(&email));
    let claims =
        json!({ "iss": "devspaces-dev/users", "sub": email, "aud": "devspaces", "exp": 4_000_000_000_u64 });
    let forged = SigningKey::generate().expect("a key").sign("dev", "JWT", &claims);
    let own = SigningKey::load(&suite.processes.keys().join(keys::ISSUER)).expect("the issuer's key");
    let elsewhere = own.sign("dev", "JWT", &json!({ "iss": email, "sub": email, "aud": email, "exp": 1 }));
    let malformed = ["w1thout.d0ts-or-s3nse".to_owned(), format!("{}x", good.as_str()), forged, elsewhere];
    for token in &malformed {
        secrets.token(token);
        let nobody = suite.processes.bearer(&erin, token);
        let answer = nobody.spaces().list_spaces(ListSpacesRequest::default()).await;
        assert_eq!(answer.expect_err("refused").code(), Code::Unauthenticated, "{token}");
    }
}

/// Calls of what is no method, calls without time, and services that find what they can't read.
async fn fails(suite: &Observed, erin: &Persona, (space, profile): (&str, &VendorProfile)) {
    let mut client = Grpc::new(erin.authorized(Service::Space));
    client.ready().await.expect("a connection");
    let path = PathAndQuery::try_from(format!("/erin@{DOMAIN}/Get?token={}", payment_method().token))
        .expect("a path");
    let answer = client.unary(Request::new(Bytes::from_static(CARD.as_bytes())), path, Raw).await;
    assert_eq!(answer.expect_err("no method").code(), Code::Unimplemented);
    let mut hurried = Request::new(GetAddressesRequest { name: account_of(space) });
    hurried.set_timeout(Duration::from_micros(1));
    assert!(erin.accounts().get_addresses(hurried).await.is_err());

    let unreadable = format!("[\"erin@{DOMAIN}\"]");
    let marketplace = suite.processes.pool(Service::Marketplace).await;
    tamper(&marketplace, &format!("UPDATE vendor_profile SET contacts = '{unreadable}'")).await;
    let answer = gets_profile(erin, &profile.name).await;
    assert_eq!(answer.expect_err("unreadable").code(), Code::Internal);
    let accounts = suite.processes.pool(Service::Billing).await;
    tamper(&accounts, &format!("UPDATE address SET billing = '{unreadable}'")).await;
    assert_eq!(gets_addresses(erin, space).await.expect_err("unreadable").code(), Code::Internal);
}

/// What is said while a peer is gone.
async fn is_unavailable(suite: &mut Observed, erin: &Persona, bob: &Persona, space: &str) {
    suite.stop(Service::Membership).await;
    let app = App { display_name: "App".into(), space: space.to_owned(), ..App::default() };
    let request = CreateAppRequest { app: Some(app), ..CreateAppRequest::default() };
    assert_eq!(erin.apps().create_app(request).await.expect_err("gone").code(), Code::Unavailable);
    assert!(sets_payment_method(bob, space, payment_method()).await.is_err());
    creates_profile(erin, "Profile").await.expect("created");
}

// R-B3: neither a log nor a trace has what is nobody's business.
async fn however_much_is_logged_no_secret_and_no_address_is(engine: Engine) {
    let mut suite = Observed::start(engine, "trace").await;
    let mut secrets = Secrets::of(&suite);
    let [erin, bob] = ["erin", "bob"].map(|id| person(&suite, &mut secrets, id));
    let (space, profile) = goes_well(&erin, &bob).await;
    let refusals = gives_card_numbers(&erin, &space).await;
    is_refused(&erin, &bob, (&space, &profile)).await;
    is_unauthenticated(&suite, &mut secrets).await;
    fails(&suite, &erin, (&space, &profile)).await;
    for port in suite.metrics.values() {
        secrets.assert_untold("metrics", &http_answer(*port, "GET /metrics").await);
    }
    for refusal in refusals {
        secrets.assert_untold("a refusal", &status_with_details(&refusal));
    }
    for service in Service::ALL {
        let pool = suite.processes.pool(service).await;
        for text in texts(&pool, "SELECT content FROM journal").await {
            secrets.assert_untold("the journal", &text);
        }
    }
    is_unavailable(&mut suite, &erin, &bob, &space).await;
    let Said { spans, raw, logs, .. } = suite.end().await;
    let services: BTreeSet<_> = spans.iter().map(|it| it.service.as_str()).collect();
    assert_eq!(services, BTreeSet::from(Service::ALL.map(Service::name)), "spans of all");
    secrets.assert_untold("a span", &raw);
    for (service, log) in logs {
        // As much was said as could be, also of what went wrong.
        let says = |level: &str| log.contains(&format!("\"level\":\"{level}\""));
        assert!(says("DEBUG"), "{service}");
        let wrong = match service {
            Service::Space => says("WARN"),
            Service::Billing | Service::Marketplace => says("ERROR"),
            Service::Membership => true,
        };
        assert!(wrong, "{service}");
        secrets.assert_untold(service.name(), &log);
    }
}

/// A database's password is in its URL, which the process is given and tells nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_of_a_database_that_can_not_be_had_is_not_logged() {
    let folder = temporary_folder();
    keys::make(folder.path()).expect("keys");
    let file = |name: &str| folder.path().join(name).display().to_string();
    for url in [
        format!("postgres://devspaces:{PASSWORD}@127.0.0.1:1/space"),
        format!("postgres://devspaces:{PASSWORD}@[127.0.0.1/space"),
        format!("mysql://devspaces:{PASSWORD}@127.0.0.1/space"),
    ] {
        fs::write(folder.path().join("url"), &url).expect("a file");
        let log = folder.path().join("log");
        let arguments = [
            "serve",
            "--log",
            "trace",
            "--services",
            "space",
            "--listen",
            "127.0.0.1:0",
            "--database-url-file",
            &file("url"),
            "--jwks",
            &file(keys::ISSUER_JWKS),
            "--suite-jwks",
            &file(keys::SUITE_JWKS),
            "--service-key-file",
            &file("space.pem"),
        ];
        let output = fs::File::create(&log).expect("a file");
        let mut command = Command::new(binary());
        command.args(arguments).stdout(output.try_clone().expect("a file")).stderr(output).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        let said = eventually(async || {
            let said = fs::read_to_string(&log).expect("what it said");
            said.contains("database").then_some(said)
        });
        let said = said.await;
        let _ = child.kill().await;
        assert!(!said.contains(PASSWORD), "{said}");
    }
}
