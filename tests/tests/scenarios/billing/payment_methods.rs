//! How an account is paid: what is taken, what is shown to whom, and what is told to nobody.
use devspaces::Service;
use devspaces_proto::{
    billing::v1::{
        Address, Addresses, GetPaymentMethodRequest, PaymentMethod, RemovePaymentMethodRequest,
        SetBudgetRequest, SetPaymentMethodRequest, UpdateAddressesRequest,
    },
    journal::v1::ListEntriesRequest,
    space::v1::{App, CreateAppRequest, CreateSpaceRequest, Space, UpdateSpaceRequest},
};
use devspaces_tests::{
    Suite, refused,
    sql::{pairs, texts},
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::acts::{
    accounts::{
        TOKEN, account_of, address, adds_billing_admins, billing_address_only, budget, consents_to_invoicing,
        gets_account, gets_addresses, gets_budget, gets_payment_method, payment_method,
        removes_billing_admin, removes_payment_method, run_by_bob, sets_budget, sets_payment_method,
        updates_addresses,
    },
    journal::lists_entries,
    refusals::{DENIED, INVALID, NOT_FOUND, status_with_details},
    spaces::{archives_space, restores_space},
};

scenarios! {
    both engines:
        no_token_and_no_card_number_is_told_or_recorded;
    everywhere:
        a_payment_method_is_shown_whole_to_billing_admins_and_its_last_four_digits_to_admins,
        what_is_shown_follows_the_role_at_once,
        a_payment_method_is_replaced_and_removed,
        a_card_number_is_refused_in_every_text_field,
        names_and_descriptions_hold_no_card_number,
        every_bad_field_of_a_payment_method_is_told_at_once,
        in_an_archived_space_only_the_payment_method_changes,
        the_same_request_id_answers_with_the_first_result;
}

const ARCHIVED: (Code, &str) = (Code::FailedPrecondition, "SPACE_ARCHIVED");

/// A number for tests that card schemes publish, in the ways in which people write it.
const CARD: [&str; 4] =
    ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "Visa 4111111111111111 ok"];

/// An answer refuses one field, and repeats nothing of a card number.
#[track_caller]
fn refuses_card<T: std::fmt::Debug>(answer: Result<T, Status>, field: &str) {
    let status = answer.expect_err("a refusal");
    assert!(!status_with_details(&status).contains("1111"), "{field}: {}", status_with_details(&status));
    let refusal = refused(Err::<(), _>(status));
    assert_eq!(refusal.kind(), INVALID, "{field}");
    assert_eq!(refusal.fields, [field]);
}

/// Puts a text into a field of an address.
type Change = fn(&mut Address, String);

/// Whether a text holds neither the token nor a card's number. Digits in a row alone are nothing: hashes have them, too.
fn tells_nothing(text: &str) -> bool {
    !text.contains(TOKEN) && CARD.iter().all(|number| !text.contains(number))
}

// R-B3
async fn a_payment_method_is_shown_whole_to_billing_admins_and_its_last_four_digits_to_admins(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    for reader in [&alice, &bob] {
        assert_eq!(refused(gets_payment_method(reader, &space).await).kind(), NOT_FOUND);
    }
    let before = gets_account(&bob, &space).await.expect("the account");
    let set = sets_payment_method(&bob, &space, payment_method()).await.expect("set");
    let shown = PaymentMethod {
        token: String::new(),
        update_time: set.update_time,
        etag: set.etag.clone(),
        ..payment_method()
    };
    assert_eq!(set, shown, "all but the token");
    assert!(set.token.is_empty() && set.update_time.is_some() && !set.etag.is_empty());
    assert_eq!(gets_payment_method(&bob, &space).await.expect("shown"), shown);
    let digits = PaymentMethod { last_four: "4242".into(), ..PaymentMethod::default() };
    assert_eq!(gets_payment_method(&alice, &space).await.expect("shown"), digits, "and nothing else");
    let account = gets_account(&bob, &space).await.expect("the account");
    assert_eq!(account.payment_method, Some(shown));
    assert!(account.etag != before.etag && account.update_time != before.update_time);
    assert_eq!(gets_account(&alice, &space).await.expect("the account").payment_method, Some(digits));
    assert_eq!(refused(gets_payment_method(&mallory, &space).await).kind(), DENIED);
    assert_eq!(refused(sets_payment_method(&alice, &space, payment_method()).await).kind(), DENIED);
    assert_eq!(refused(removes_payment_method(&alice, &space, "").await).kind(), DENIED);
}

// R-B3, R-P4: whoever is no billing admin any more sees the last four digits, from the reply on.
async fn what_is_shown_follows_the_role_at_once(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    sets_payment_method(&bob, &space, payment_method()).await.expect("set");
    updates_addresses(&bob, &space, billing_address_only(address("Erika")), &[]).await.expect("set");
    for _ in 0..5 {
        adds_billing_admins(&bob, &space, &[&alice]).await.expect("added");
        let account = gets_account(&alice, &space).await.expect("the account");
        assert_eq!(account.payment_method.map(|method| method.brand), Some("Visa".into()));
        assert!(account.addresses.is_some());
        removes_billing_admin(&bob, &space, &alice).await.expect("removed");
        let account = gets_account(&alice, &space).await.expect("the account");
        assert_eq!(account.payment_method.map(|method| method.brand), Some(String::new()));
        assert!(account.addresses.is_none());
    }
}

// R-B3
async fn a_payment_method_is_replaced_and_removed(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    assert_eq!(refused(removes_payment_method(&bob, &space, "").await).kind(), NOT_FOUND);
    let first = sets_payment_method(&bob, &space, payment_method()).await.expect("set");
    let amex =
        PaymentMethod { brand: "American Express".into(), last_four: "0005".into(), ..payment_method() };
    let second = sets_payment_method(&bob, &space, amex).await.expect("replaced");
    assert_ne!(first.etag, second.etag);
    assert_eq!(gets_payment_method(&bob, &space).await.expect("shown"), second);
    assert_eq!(
        refused(removes_payment_method(&bob, &space, &first.etag).await).kind(),
        (Code::Aborted, "ETAG_STALE")
    );
    let preview =
        RemovePaymentMethodRequest { name: account_of(&space), validate_only: true, ..Default::default() };
    bob.accounts().remove_payment_method(preview).await.expect("a preview");
    gets_payment_method(&bob, &space).await.expect("it changes nothing");
    removes_payment_method(&bob, &space, &second.etag).await.expect("removed");
    assert_eq!(refused(gets_payment_method(&bob, &space).await).kind(), NOT_FOUND);
    assert_eq!(gets_account(&bob, &space).await.expect("the account").payment_method, None);
    if let Some(pool) = suite.inside(Service::Billing).await {
        let stored = texts(&pool, "SELECT token FROM payment_method").await;
        assert!(stored.is_empty(), "the token goes with it");
    }
}

// R-B3, R-J1: neither a token nor a card number leaves by any way.
async fn no_token_and_no_card_number_is_told_or_recorded(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let request_id = Uuid::from_u128(1).to_string();
    let set = SetPaymentMethodRequest {
        parent: account_of(&space),
        payment_method: Some(payment_method()),
        request_id,
    };
    for _ in 0..2 {
        let reply = bob.accounts().set_payment_method(set.clone()).await.expect("set").into_inner();
        assert!(reply.token.is_empty(), "R-J5: also when replayed");
    }
    let bad = PaymentMethod { brand: CARD[1].into(), last_four: CARD[0].into(), ..payment_method() };
    let refusal = status_with_details(&sets_payment_method(&bob, &space, bad).await.expect_err("a refusal"));
    assert!(tells_nothing(&refusal), "{refusal}");
    let long = PaymentMethod { token: TOKEN.repeat(100), ..payment_method() };
    assert!(
        !status_with_details(&sets_payment_method(&bob, &space, long).await.expect_err("a refusal"))
            .contains(TOKEN)
    );
    sets_payment_method(&bob, &space, PaymentMethod { token: format!("{TOKEN}2"), ..payment_method() })
        .await
        .expect("replaced");
    removes_payment_method(&bob, &space, "").await.expect("removed");
    sets_payment_method(&bob, &space, payment_method()).await.expect("set again");

    let request =
        ListEntriesRequest { parent: space.clone(), service: "billing".into(), ..Default::default() };
    let entries = lists_entries(&bob, Service::Billing, request).await;
    // One consent, two changes of billing admins, four of the payment method: each of them is there.
    assert_eq!(entries.len(), 1 + 2 + 4);
    let journal = format!("{entries:?}");
    assert!(journal.contains("4242") && journal.contains("Visa") && journal.contains("2099-04"));
    assert!(tells_nothing(&journal));
    let pool = suite.pool(Service::Billing).await;
    let stored = format!("{:?}", pairs(&pool, "SELECT content, personal FROM journal").await);
    assert!(tells_nothing(&stored));
    assert_eq!(
        texts(&pool, "SELECT token FROM payment_method").await,
        [TOKEN],
        "it is where payments need it"
    );
    assert!(!format!("{set:?}").contains(TOKEN), "a request does not print it");
}

// R-B3
async fn a_card_number_is_refused_in_every_text_field(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    for number in CARD {
        let method = |change: fn(&mut PaymentMethod, String)| {
            let mut method = payment_method();
            change(&mut method, number.to_owned());
            sets_payment_method(&bob, &space, method)
        };
        refuses_card(method(|it, number| it.token = number.replace(' ', "_")).await, "payment_method.token");
        refuses_card(method(|it, number| it.brand = number).await, "payment_method.brand");
        refuses_card(method(|it, number| it.last_four = number).await, "payment_method.last_four");
        refuses_card(method(|it, number| it.expiry = number).await, "payment_method.expiry");
        let fields: [(&str, Change); 7] = [
            ("recipient", |it, number| it.recipient = number),
            ("lines[1]", |it, number| it.lines[1] = number),
            ("locality", |it, number| it.locality = number),
            ("administrative_area", |it, number| it.administrative_area = number),
            ("postal_code", |it, number| it.postal_code = number),
            ("country_code", |it, number| it.country_code = number),
            ("tax_id", |it, number| it.tax_id = number),
        ];
        for (field, change) in fields {
            let mut sold_to = address("Erika");
            change(&mut sold_to, number.to_owned());
            let both =
                Addresses { billing: Some(address("Erika")), sold_to: Some(sold_to), ..Default::default() };
            refuses_card(
                updates_addresses(&bob, &space, both, &["*"]).await,
                &format!("addresses.sold_to.{field}"),
            );
        }
        let mut amount = budget(1, 0, &[]);
        number.clone_into(&mut amount.amount.as_mut().expect("an amount").currency_code);
        refuses_card(sets_budget(&bob, &space, amount).await, "budget.amount.currency_code");
    }
    let split = Address { lines: vec!["4111 1111".into(), "1111 1111".into()], ..address("Erika") };
    refuses_card(
        updates_addresses(&bob, &space, billing_address_only(split), &[]).await,
        "addresses.billing.lines",
    );
    assert_eq!(refused(gets_payment_method(&bob, &space).await).kind(), NOT_FOUND, "nothing was stored");
    assert_eq!(gets_addresses(&bob, &space).await.expect("addresses").update_time, None);
}

// R-B3: free text of the other services too.
async fn names_and_descriptions_hold_no_card_number(suite: Suite) {
    let alice = suite.user("alice");
    let name = alice.creates_space("Team").await;
    for number in CARD {
        let space = Space { display_name: number.into(), ..Space::default() };
        let request = CreateSpaceRequest { space: Some(space), ..Default::default() };
        refuses_card(alice.spaces().create_space(request).await, "space.display_name");
        let space =
            Space { name: name.clone(), description: format!("pay with\n{number}\n"), ..Space::default() };
        let request = UpdateSpaceRequest { space: Some(space), ..Default::default() };
        refuses_card(alice.spaces().update_space(request).await, "space.description");
        let app = App {
            display_name: "App".into(),
            space: name.clone(),
            description: number.into(),
            ..App::default()
        };
        let request = CreateAppRequest { app: Some(app), ..Default::default() };
        refuses_card(alice.apps().create_app(request).await, "app.description");
    }
}

// Order of answers, R-B3
async fn every_bad_field_of_a_payment_method_is_told_at_once(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let all =
        ["payment_method.token", "payment_method.brand", "payment_method.last_four", "payment_method.expiry"];
    let nothing = SetPaymentMethodRequest { parent: account_of(&space), ..Default::default() };
    assert_eq!(refused(bob.accounts().set_payment_method(nothing).await).fields, all);
    let bad = PaymentMethod {
        token: "a b".into(),
        brand: "x".repeat(41),
        last_four: "12345".into(),
        expiry: "2099-13".into(),
        ..Default::default()
    };
    assert_eq!(refused(sets_payment_method(&bob, &space, bad).await).fields, all);
    for (field, method) in [
        (all[0], PaymentMethod { token: "x".repeat(256), ..payment_method() }),
        (all[0], PaymentMethod { token: "é".into(), ..payment_method() }),
        (all[1], PaymentMethod { brand: "a\nb".into(), ..payment_method() }),
        (all[2], PaymentMethod { last_four: "12a4".into(), ..payment_method() }),
        (all[2], PaymentMethod { last_four: "١٢٣٤".into(), ..payment_method() }),
        (all[3], PaymentMethod { expiry: "2026-10".into(), ..payment_method() }),
        (all[3], PaymentMethod { expiry: "04/29".into(), ..payment_method() }),
    ] {
        let refusal = refused(sets_payment_method(&bob, &space, method).await);
        assert_eq!((refusal.code, refusal.fields), (INVALID.0, vec![field.to_owned()]));
    }
    sets_payment_method(&bob, &space, PaymentMethod { token: "x".repeat(255), ..payment_method() })
        .await
        .expect("the longest");
    for name in ["", &space] {
        let request =
            SetPaymentMethodRequest { parent: name.to_owned(), request_id: "x".into(), ..Default::default() };
        assert_eq!(
            refused(bob.accounts().set_payment_method(request).await).fields,
            ["parent", "request_id"]
        );
        let request = RemovePaymentMethodRequest {
            name: name.to_owned(),
            request_id: "x".into(),
            ..Default::default()
        };
        assert_eq!(
            refused(bob.accounts().remove_payment_method(request).await).fields,
            ["name", "request_id"]
        );
        let request = GetPaymentMethodRequest { name: name.to_owned() };
        assert_eq!(refused(bob.accounts().get_payment_method(request).await).fields, ["name"]);
    }
}

// R-S5
async fn in_an_archived_space_only_the_payment_method_changes(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    archives_space(&alice, &space).await.expect("archived");
    assert_eq!(
        refused(updates_addresses(&bob, &space, billing_address_only(address("E")), &[]).await).kind(),
        ARCHIVED
    );
    assert_eq!(refused(sets_budget(&bob, &space, budget(1, 0, &[])).await).kind(), ARCHIVED);
    sets_payment_method(&bob, &space, payment_method()).await.expect("set");
    removes_payment_method(&bob, &space, "").await.expect("removed");
    gets_addresses(&bob, &space).await.expect("reading goes on");
    restores_space(&alice, &space).await.expect("restored");
    updates_addresses(&bob, &space, billing_address_only(address("E")), &[]).await.expect("all goes on");
    sets_budget(&bob, &space, budget(1, 0, &[])).await.expect("all goes on");
}

// R-J5
async fn the_same_request_id_answers_with_the_first_result(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    let (parent, request_id) = (account_of(&space), Uuid::from_u128(7).to_string());
    let set = SetBudgetRequest {
        parent: parent.clone(),
        budget: Some(budget(1, 0, &[])),
        request_id: request_id.clone(),
        ..SetBudgetRequest::default()
    };
    let first = bob.accounts().set_budget(set.clone()).await.expect("set").into_inner();
    sets_budget(&bob, &space, budget(2, 0, &[])).await.expect("replaced");
    assert_eq!(bob.accounts().set_budget(set.clone()).await.expect("replayed").into_inner(), first);
    assert_eq!(gets_budget(&bob, &space).await.expect("the budget").amount, budget(2, 0, &[]).amount);
    let addresses = Some(Addresses { name: parent.clone(), ..billing_address_only(address("E")) });
    let update = UpdateAddressesRequest { addresses, request_id: request_id.clone(), ..Default::default() };
    let first = bob.accounts().update_addresses(update.clone()).await.expect("set").into_inner();
    assert_eq!(bob.accounts().update_addresses(update).await.expect("replayed").into_inner(), first);
    sets_payment_method(&bob, &space, payment_method()).await.expect("set");
    let remove = RemovePaymentMethodRequest {
        name: parent.clone(),
        request_id: request_id.clone(),
        ..Default::default()
    };
    bob.accounts().remove_payment_method(remove.clone()).await.expect("removed");
    bob.accounts().remove_payment_method(remove).await.expect("replayed");
    let set = |token: &str| SetPaymentMethodRequest {
        parent: parent.clone(),
        payment_method: Some(PaymentMethod { token: token.into(), ..payment_method() }),
        request_id: request_id.clone(),
    };
    bob.accounts().set_payment_method(set("a")).await.expect("set");
    let other = refused(bob.accounts().set_payment_method(set("b")).await);
    assert_eq!(other.reason, "REQUEST_ID_REUSED", "the token is part of the content");
}
