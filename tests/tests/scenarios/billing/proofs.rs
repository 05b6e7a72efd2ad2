//! R-B16: an invoice proves itself, and a proof that was changed in anything names what.
use std::time::Duration;

use devspaces::Service;
use devspaces_kit::{
    clock::{Clock as _, Timestamp},
    identity::SigningKey,
};
use devspaces_ledger::journal::{SignedCheckpoint, heads};
use devspaces_proto::billing::v1::{CreateCreditRequest, Credit, Invoice, UsageEvent, invoice::State};
use devspaces_tests::Suite;
use serde_json::{Value, json};

use crate::acts::{
    accounts::{account_of, consents_to_invoicing},
    egress::{card_with, egress, exemption, makes_egress, rate},
    invoices::{Customer, runs_billing, usd},
    proofs::{exported, exports_proof, verifies, verifies_text},
    rate_cards::{ANNOUNCED, creates},
    transfers::initiates_transfer,
    usage::{LOGS_GB, begins_mid_month, month_ahead, new_usage_event, reports_accepted, voids_usage},
};

scenarios! {
    both engines:
        every_invoice_of_a_space_that_had_everything_holds,
        whatever_is_changed_in_an_export_is_named,
        an_export_begins_before_all_that_counts,
        an_export_is_held_against_a_checkpoint,
        a_draft_is_not_exported_and_what_is_no_export_is_not_verified;
}

async fn takes(suite: &Suite, event: UsageEvent) -> UsageEvent {
    reports_accepted(suite, event.clone()).await;
    event
}

async fn logs(suite: &Suite, app: &str, quantity: &str) -> UsageEvent {
    takes(suite, new_usage_event(suite, app, LOGS_GB, quantity)).await
}

/// Advances to the time at which invoices of a month so far ahead are issued.
async fn issues(suite: &Suite, ahead: u32) {
    suite.clock.advance_to(&format!("{}-03T00:00:00Z", month_ahead(suite, ahead)));
    runs_billing(suite).await;
}

/// Exports the latest invoice, which must hold.
async fn holds(suite: &Suite, it: &Customer) -> (Invoice, Vec<Value>) {
    let invoice = it.latest().await;
    let records = exported(suite, &it.admin, &invoice.name, &[]).await;
    let (code, said) = verifies(&records, &[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with(&invoice.name) && said.contains("no checkpoint"), "{said}");
    (invoice, records)
}

/// A month of an app that was used before there was an account, that moved and came back, by rates, exemptions and allowances, with
/// something voided.
async fn a_month_of_everything(suite: &Suite) -> (Customer, UsageEvent) {
    makes_egress(suite).await;
    let biller = suite.persona("services/billing-run");
    let this = month_ahead(suite, ANNOUNCED);
    let rates = [rate("", "10", "1"), rate("eu", "5", "2.000000000001")];
    let card = card_with(&biller, &this, &rates, &[exemption("job", "backup")]).await;
    creates(&biller, card).await.expect("a card");
    let admin = suite.user("alice");
    let space = admin.creates_space("Team").await;
    let app = admin.creates_app(&space).await;
    // Months before: no invoice is of it.
    logs(suite, &app, "0.3").await;
    suite.clock.advance_to(&format!("{this}-10T12:00:00Z"));
    logs(suite, &app, "0.4").await;
    suite.clock.advance(Duration::from_hours(1));
    let other = admin.creates_space("Other").await;
    for space in [&space, &other] {
        consents_to_invoicing(&admin, space).await.expect("an account");
    }
    let it = Customer { admin, space, app };
    logs(suite, &it.app, "0.25").await;
    let wrong = takes(suite, egress(suite, &it.app, "7", &[("region", "eu"), ("job", "web")])).await;
    for (destination, quantity) in [(&other, "0.125"), (&it.space, "3")] {
        suite.clock.advance(Duration::from_hours(1));
        initiates_transfer(&it.admin, &it.app, destination).await.expect("moved");
        suite.clock.advance(Duration::from_hours(1));
        logs(suite, &it.app, quantity).await;
    }
    for (quantity, dimensions) in [
        ("12", &[][..]),
        ("1.5", &[("region", "eu")]),
        ("100", &[("region", "eu"), ("job", "backup")]),
        ("3.000000001", &[("region", "ap")]),
    ] {
        takes(suite, egress(suite, &it.app, quantity, dimensions)).await;
    }
    let twice = takes(suite, egress(suite, &it.app, "50", &[("region", "eu")])).await;
    voids_usage(suite, &[&twice]).await.expect("results");
    (it, wrong)
}

// R-B16, R-B6, R-B7, R-B8, R-B10, R-B15
async fn every_invoice_of_a_space_that_had_everything_holds(suite: Suite) {
    let (it, wrong) = a_month_of_everything(&suite).await;
    // In the next month, and in time for this invoice: the next invoice has its entry, and does not bill it.
    suite.clock.advance_to(&format!("{}-02T00:00:00Z", month_ahead(&suite, 1)));
    let in_time = UsageEvent { time: wrong.time, ..egress(&suite, &it.app, "0.5", &[("region", "ap")]) };
    takes(&suite, in_time).await;
    issues(&suite, 0).await;
    let (first, records) = holds(&suite, &it).await;
    let quantities: Vec<_> = first.lines.iter().map(|line| line.quantity.as_str()).collect();
    assert_eq!(quantities, ["15.500000001", "8.5", "100", "3.25"]);
    assert_eq!(first.lines[3].free_quantity, "0.475", "0.4 before the account, and 0.125 in the other space");
    // The entry of the issue has one digest of that, however many lines there are.
    let beside = first.lines[3].beside.as_ref().expect("what else uses up the allowance");
    let shares: Vec<_> = beside.shares.iter().map(|it| (it.quantity.as_str(), it.own)).collect();
    assert_eq!(shares[0], ("0.4", true));
    // Which of the two spaces a run comes to first is chance.
    let other_first = beside.issued_free_quantity_elsewhere == "0.125";
    let of_the_other = if other_first { &[][..] } else { &[("0.125", false)] };
    assert_eq!(&shares[1..], of_the_other);
    let issue = records.iter().rfind(|record| record["kind"] == "entry").expect("the issue");
    let issue: Value = serde_json::from_str(issue["content"].as_str().expect("content")).expect("JSON");
    assert_eq!(issue["after"]["proof"]["beside"].as_str().map(str::len), Some(64));
    // When the other space held the app is not told: its share goes before what this one used since the app is back.
    let back = records.iter().filter_map(|record| record["held_from"].as_str()).max();
    let told = beside.shares.get(1).map(|share| told_time(share.held_from).expect("a time"));
    assert!(other_first || told.as_deref() == back);
    let of_others = ["0.125", "0.3"].map(Value::from);
    assert!(
        records.iter().all(|record| record["kind"] != "event" || !of_others.contains(&record["quantity"]))
    );

    // Late usage, and the voiding of what was billed: the next comes to less than nothing.
    let late = UsageEvent { time: wrong.time, ..egress(&suite, &it.app, "2", &[]) };
    takes(&suite, late).await;
    voids_usage(&suite, &[&wrong]).await.expect("results");
    issues(&suite, 1).await;
    let (second, _) = holds(&suite, &it).await;
    assert_eq!((second.state(), second.total), (State::Paid, usd(-500)));
    assert!(second.lines.len() == 2 && second.lines.iter().all(|line| line.adjustment));
    // Credit of that, and of what is granted, pays a part of the next, and nothing is on the one after.
    let credit = Credit { amount: usd(100), reason: "An outage".to_owned(), ..Credit::default() };
    let request =
        CreateCreditRequest { parent: account_of(&it.space), credit: Some(credit), ..Default::default() };
    suite.persona("services/accounting").invoices().create_credit(request).await.expect("a credit");
    logs(&suite, &it.app, "11").await;
    issues(&suite, 1).await;
    let (third, _) = holds(&suite, &it).await;
    assert_eq!((third.total, third.credit_applied, third.amount_due), (usd(1005), usd(600), usd(405)));
    issues(&suite, 1).await;
    let (fourth, _) = holds(&suite, &it).await;
    assert_eq!((fourth.lines.len(), fourth.total), (0, usd(0)));
}

fn told_time(time: Option<prost_types::Timestamp>) -> Option<String> {
    time.and_then(|time| Timestamp::try_from(time).ok()).map(|time| time.to_string())
}

/// The place of the first record of a kind of which something holds.
fn place(records: &[Value], kind: &str, is: impl Fn(&Value) -> bool) -> usize {
    records.iter().position(|record| record["kind"] == kind && is(record)).expect("a record")
}

// R-B16: each change is named, by what it is in.
async fn whatever_is_changed_in_an_export_is_named(suite: Suite) {
    let (it, _) = a_month_of_everything(&suite).await;
    issues(&suite, 1).await;
    let (_, records) = holds(&suite, &it).await;
    let any = |_: &Value| true;
    let event = place(&records, "event", |it| it["voiding"] == false);
    let voiding = place(&records, "event", |it| it["voiding"] == true);
    let (line, entry) = (
        place(&records, "line", any),
        place(&records, "entry", |it| {
            it["content"].as_str().is_some_and(|content| content.contains("\"digest\""))
        }),
    );
    let set = |at: usize, field: &str, value: Value| {
        let mut changed = records.clone();
        assert_ne!(changed[at][field], value, "{field}");
        changed[at][field] = value;
        changed
    };
    let without = |at: usize| {
        let mut changed = records.clone();
        changed.remove(at);
        changed
    };
    let with = |at: usize, id: Option<&str>| {
        let mut changed = records.clone();
        let mut again = changed[at].clone();
        if let Some(id) = id {
            again["id"] = json!(id);
        }
        changed.insert(at + 1, again);
        changed
    };
    let mut dearer = records.clone();
    let card = place(&records, "rate_card", |it| it["version"] == 3);
    dearer[card]["rates"][0]["unit_price"] = json!("9");
    let mut younger = records.clone();
    younger[card]["effective_month"] = json!("2026-01");
    let changed_digest =
        records[entry]["content"].as_str().expect("content").replace("\"digest\":\"", "\"digest\":\"0");
    let id = records[event]["id"].as_str().expect("an id");
    let (of_entry, of_line) =
        (format!("entry {}", records[event]["sequence"]), records[line]["id"].as_str().expect("an id"));
    let voided_by = format!("entry {}", records[voiding]["sequence"]);
    let first_line = format!("line {of_line}");
    let shared = place(&records, "line", |it| {
        it["beside"]["shares"].as_array().is_some_and(|shares| !shares.is_empty())
    });
    let of_shared = format!("line {}", records[shared]["id"].as_str().expect("an id"));
    let mut beside = records[shared]["beside"].clone();
    beside["shares"][0]["quantity"] = json!("0.025");
    let unbilled = place(&records, "event", |it| it["billable"] == false);
    for (what, changed, named) in [
        ("a quantity", set(event, "quantity", json!("0.3")), of_entry.as_str()),
        ("a time", set(event, "time", records[voiding]["time"].clone()), &of_entry),
        ("an event removed", without(event), &of_entry),
        ("an event added", with(event, Some("another")), &of_entry),
        ("an event twice", with(event, None), id),
        ("a void left out", without(voiding), &voided_by),
        ("a price", dearer, "rate card 3"),
        ("a card's month", younger, "rate card 3"),
        ("a card removed", without(card), "rate card 3"),
        ("a line's price", set(line, "unit_price", json!("0.5")), &first_line),
        ("a line's amount", set(line, "amount", json!("0.5")), &first_line),
        ("a line's free quantity", set(line, "free_quantity", json!("15")), &first_line),
        ("what else used up an allowance", set(shared, "beside", beside), &of_shared),
        ("an event of before the account", set(unbilled, "billable", json!(true)), "billable"),
        ("a line removed", without(line), &first_line),
        ("a line twice", with(line, None), &first_line),
        ("the total", set(place(&records, "invoice", any), "total", json!("1.00")), "total"),
        (
            "the credit",
            set(place(&records, "invoice", any), "credit_applied", json!("1.00")),
            "credit_applied",
        ),
        ("the number", set(place(&records, "invoice", any), "number", json!(7)), "number"),
        ("a digest", set(entry, "content", json!(changed_digest)), "entry"),
        ("a hash", set(entry + 1, "hash", json!("00".repeat(32))), "entry"),
        ("an entry removed", without(entry + 1), "entry"),
    ] {
        let (code, said) = verifies(&changed, &[]).await;
        assert_eq!(code, 1, "{what}: {said}");
        assert!(said.contains(named) && said.contains("comes to"), "{what}: {said}");
    }
}

// R-B16: with its first entries left out, an export could have another in their place that vouches for whatever it likes.
async fn an_export_begins_before_all_that_counts(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    logs(&suite, &it.app, "10").await;
    issues(&suite, 1).await;
    logs(&suite, &it.app, "10").await;
    logs(&suite, &it.app, "11").await;
    issues(&suite, 1).await;
    let (_, records) = holds(&suite, &it).await;
    let before = place(&records, "before", |_| true);
    let entries: Vec<usize> = (0..records.len()).filter(|at| records[*at]["kind"] == "entry").collect();
    assert!(entries.len() > 4 && records[entries[0]]["sequence"] != 1);
    let [.., removed, first, _] = entries[..] else { panic!("{entries:?}") };
    // From so late on, after the true hash.
    let mut late = records.clone();
    late[before]["hash"] = records[removed]["hash"].clone();
    late.retain(|record| {
        record["kind"] != "entry" || record["sequence"].as_i64() >= records[first]["sequence"].as_i64()
    });
    let at = place(&late, "entry", |_| true);
    // And the first made to vouch for what never was, with the hash that it had.
    let mut forged = late.clone();
    forged[at]["content"] =
        json!({"after": {"events": 1, "digest": "00", "digest_format": 2}}).to_string().into();
    let mut unfounded = records.clone();
    unfounded.remove(before);
    let mut older = late.clone();
    older[at]["time"] = json!("2026-01-01T00:00:00.000000Z");
    let named = format!("entry {}", records[first]["sequence"]);
    let all = format!("entry {}", records[entries[0]]["sequence"]);
    for (what, changed, named) in [
        ("the first entries removed", &late, format!("{named}: ")),
        ("and the first of the others replaced", &forged, format!("{named}, hash")),
        ("or said to be older", &older, format!("{named}, hash")),
        ("the hash before removed", &unfounded, format!("{all}: ")),
    ] {
        let (code, said) = verifies(changed, &[]).await;
        assert!(code == 1 && said.starts_with(&named), "{what}: {said}");
    }
}

// R-B16, R-J2: whoever rewrote the journal together with the export is found by a checkpoint.
async fn an_export_is_held_against_a_checkpoint(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    logs(&suite, &it.app, "10").await;
    issues(&suite, 1).await;
    let invoice = it.latest().await.name;
    let key = SigningKey::generate().expect("a key");
    let signed = async || {
        let pool = suite.pool(Service::Billing).await;
        let checkpoint = heads(&mut pool.read().await.expect("a database")).await.expect("heads");
        SignedCheckpoint { service: Service::Billing.name().to_owned(), time: suite.clock.now(), checkpoint }
    };
    let at_issue = signed().await;
    suite.clock.advance(Duration::from_hours(1));
    logs(&suite, &it.app, "1").await;
    let later = signed().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("jwks"), key.public_jwks(Service::Billing.name())).expect("written");
    let mut rewritten = at_issue.clone();
    for (_, hash) in rewritten.checkpoint.heads.values_mut() {
        *hash = "00".repeat(32);
    }
    for (name, signed) in [("at_issue", at_issue), ("later", later), ("rewritten", rewritten)] {
        std::fs::write(path(name), signed.sign(&key)).expect("written");
    }
    let against = async |name: &str, more: &[&str]| {
        let records = exported(&suite, &it.admin, &invoice, more).await;
        let (checkpoint, jwks) = (path(name), path("jwks"));
        verifies(&records, &["--checkpoint", &checkpoint, "--suite-jwks", &jwks]).await
    };
    let (code, said) = against("at_issue", &[]).await;
    assert!(code == 0 && !said.contains("no checkpoint"), "{said}");
    let (code, said) = against("rewritten", &[]).await;
    assert!(code == 1 && said.contains("hash"), "{said}");
    let (code, said) = against("later", &[]).await;
    assert!(code == 1 && said.starts_with("checkpoint"), "{said}");
    let (code, said) = against("later", &["--entries-until", "9999-01-01T00:00:00Z"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(against("missing", &[]).await.0, 2);
}

// R-B16
async fn a_draft_is_not_exported_and_what_is_no_export_is_not_verified(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    suite.clock.advance_to(&format!("{}-02T00:00:00Z", month_ahead(&suite, 1)));
    runs_billing(&suite).await;
    let draft = it.latest().await.name;
    let output = exports_proof(&suite, &it.admin, &draft, &[]).await;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && complaint.contains("is a draft"), "{complaint}");
    let denied = exports_proof(&suite, &suite.user("mallory"), &draft, &[]).await;
    assert!(!denied.status.success() && String::from_utf8_lossy(&denied.stderr).contains("PermissionDenied"));
    for (text, says) in [("", "no record of an invoice"), ("{}\n", "line 1"), ("x", "line 1")] {
        let (code, said) = verifies_text(text, &[]).await;
        assert!(code == 2 && said.contains(says), "{said}");
    }
}
