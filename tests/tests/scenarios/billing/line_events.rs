//! R-B16: each line of an invoice leads to its events.
use std::time::Duration;

use devspaces::Service;
use devspaces_kit::clock::{Clock as _, Timestamp};
use devspaces_ledger::db::Pool;
use devspaces_proto::billing::v1::{LineEvent, UsageEvent};
use devspaces_tests::{
    Suite, refused,
    sql::{execute, tamper},
};
use tonic::Code;

use crate::acts::{
    accounts::consents_to_invoicing,
    invoices::{Customer, gets_invoice, runs_billing},
    proofs::{exported, line_events_of, lists_line_events, verifies},
    transfers::initiates_transfer,
    usage::{
        KVS_READ_GB, LOGS_GB, begins_mid_month, month_ahead, new_usage_event, reports_accepted, voids_usage,
    },
};

scenarios! {
    both engines:
        a_line_leads_to_what_was_taken_and_voided_since_the_invoice_before,
        a_draft_leads_to_what_it_is_made_of_so_far,
        an_invoice_is_found_in_a_journal_whose_clock_was_ahead,
        what_another_space_used_of_an_allowance_is_not_listed;
    everywhere:
        a_line_that_there_is_not_and_a_page_of_another_are_refused;
}

async fn used(suite: &Suite, app: &str, meter: &str, quantity: &str) -> UsageEvent {
    let event = new_usage_event(suite, app, meter, quantity);
    reports_accepted(suite, event.clone()).await;
    event
}

/// Advances to the time at which invoices of a month so far ahead are issued.
async fn issues(suite: &Suite, ahead: u32) {
    suite.clock.advance_to(&format!("{}-03T00:00:00Z", month_ahead(suite, ahead)));
    runs_billing(suite).await;
}

/// What matters of an event: its id, how much, and whether it is the voiding.
fn told(event: &LineEvent) -> (&str, &str, bool) {
    (&event.id, &event.quantity, event.voiding)
}

// R-B16, R-B8, R-B15
async fn a_line_leads_to_what_was_taken_and_voided_since_the_invoice_before(suite: Suite) {
    let (this, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let billed = used(&suite, &it.app, LOGS_GB, "10").await;
    let wrong = used(&suite, &it.app, LOGS_GB, "900.5").await;
    let read = used(&suite, &it.app, KVS_READ_GB, "0.25").await;
    voids_usage(&suite, &[&wrong]).await.expect("results");
    let last = used(&suite, &it.app, LOGS_GB, "1.5").await;
    // In the next month, and in time for this invoice: it is on no other.
    suite.clock.advance_to(&format!("{next}-02T00:00:00Z"));
    let in_time = UsageEvent { time: last.time, ..new_usage_event(&suite, &it.app, LOGS_GB, "0.5") };
    reports_accepted(&suite, in_time.clone()).await;
    issues(&suite, 0).await;
    let invoice = it.latest().await;
    let [reads, logs] = &invoice.lines[..] else { panic!("{:?}", invoice.lines) };
    assert_eq!((reads.meter.as_str(), logs.quantity.as_str()), (KVS_READ_GB, "12"));

    let all = lists_line_events(&it.admin, &invoice.name, "").await.expect("events");
    let of_logs = [
        (billed.id.as_str(), "10", false),
        (&wrong.id, "900.5", false),
        (&wrong.id, "900.5", true),
        (&last.id, "1.5", false),
        (&in_time.id, "0.5", false),
    ];
    let mut expected = of_logs.to_vec();
    expected.insert(2, (&read.id, "0.25", false));
    assert_eq!(all.iter().map(told).collect::<Vec<_>>(), expected);
    let voided: Vec<_> = all.iter().map(|event| event.voided).collect();
    assert_eq!(voided, [false, true, false, true, false, false]);
    assert!(all.iter().all(|event| event.billable && event.usage_month == this && event.app == it.app));
    assert!(all.is_sorted_by_key(|event| event.sequence) && all[0].sequence > 0);
    assert_eq!((all[2].line.as_str(), all[2].time), (reads.id.as_str(), read.time));
    let of_line = lists_line_events(&it.admin, &invoice.name, &logs.id).await.expect("events");
    assert_eq!(of_line.iter().map(told).collect::<Vec<_>>(), of_logs);

    // What comes late, and what is voided of what was billed, is of the next invoice; this one stays what it was.
    voids_usage(&suite, &[&billed]).await.expect("results");
    let late = UsageEvent { time: last.time, ..new_usage_event(&suite, &it.app, LOGS_GB, "2") };
    reports_accepted(&suite, late.clone()).await;
    let own = used(&suite, &it.app, LOGS_GB, "3").await;
    issues(&suite, 1).await;
    let later = it.latest().await;
    let lines: Vec<_> = later.lines.iter().map(|line| line.quantity.as_str()).collect();
    assert_eq!(lines, ["-8", "3"]);
    assert_eq!((&later.lines[0].id, later.lines[1].id != logs.id), (&logs.id, true));
    for (line, expected) in [
        (&later.lines[0], vec![(billed.id.as_str(), "10", true), (&late.id, "2", false)]),
        (&later.lines[1], vec![(own.id.as_str(), "3", false)]),
    ] {
        let events = lists_line_events(&it.admin, &later.name, &line.id).await.expect("events");
        assert_eq!(events.iter().map(told).collect::<Vec<_>>(), expected);
    }
    let again = lists_line_events(&it.admin, &invoice.name, &logs.id).await.expect("events");
    assert_eq!(again.iter().map(told).collect::<Vec<_>>(), of_logs);
    assert!(again[0].voided, "by now");
}

// R-B16: and of its own month also what came while the invoice before was a draft.
async fn a_draft_leads_to_what_it_is_made_of_so_far(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    used(&suite, &it.app, LOGS_GB, "4").await;
    suite.clock.advance_to(&format!("{}-02T00:00:00Z", month_ahead(&suite, 1)));
    runs_billing(&suite).await;
    let early = used(&suite, &it.app, LOGS_GB, "5").await;
    issues(&suite, 0).await;
    let later = used(&suite, &it.app, LOGS_GB, "6").await;
    suite.clock.advance_to(&format!("{}-02T00:00:00Z", month_ahead(&suite, 1)));
    runs_billing(&suite).await;
    let draft = it.latest().await;
    assert_eq!((draft.number, draft.lines.len()), (0, 1));
    let listed = async |line: String| {
        let events = lists_line_events(&it.admin, &draft.name, &line).await.expect("events");
        events.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    let line = draft.lines[0].id.clone();
    assert_eq!(listed(line.clone()).await, [early.id.clone(), later.id.clone()]);
    let so_far = UsageEvent { time: later.time, ..new_usage_event(&suite, &it.app, LOGS_GB, "1") };
    reports_accepted(&suite, so_far.clone()).await;
    assert_eq!(listed(line).await, [early.id, later.id, so_far.id]);
    let draft = gets_invoice(&it.admin, &draft.name).await.expect("the draft");
    assert_eq!((draft.lines[0].quantity.as_str(), draft.lines.len()), ("12", 1));
}

// R-B16: the entry has a later time than the invoice then. Also if it was issued before its entry was kept.
async fn an_invoice_is_found_in_a_journal_whose_clock_was_ahead(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let billed = used(&suite, &it.app, LOGS_GB, "4").await;
    let pool = suite.pool(Service::Billing).await;
    tamper(&pool, &format!("UPDATE head SET time = '{next}-05T00:00:00.000000Z'")).await;
    issues(&suite, 1).await;
    let invoice = it.latest().await.name;
    let listed = async || {
        let page = it.admin.usage().list_line_events(line_events_of(&invoice, "")).await;
        let page = page.expect("events").into_inner();
        assert_eq!(page.events.iter().map(told).collect::<Vec<_>>(), [(billed.id.as_str(), "4", false)]);
        page.issue_sequence
    };
    let entry = listed().await;
    assert!(entry > 0);
    let records = exported(&suite, &it.admin, &invoice, &[]).await;
    assert_eq!(verifies(&records, &[]).await.0, 0);
    let open = match pool {
        Pool::Sqlite { .. } => "DROP TRIGGER issued_invoice_update",
        Pool::Postgres(_) => "ALTER TABLE issued_invoice DISABLE TRIGGER issued_invoice_stays",
    };
    execute(&pool, open).await;
    tamper(&pool, "UPDATE issued_invoice SET sequence = 0").await;
    assert_eq!(listed().await, entry);
}

// R-B16: of an app that moved, each space sees its own.
async fn what_another_space_used_of_an_allowance_is_not_listed(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let other = it.admin.creates_space("Other").await;
    consents_to_invoicing(&it.admin, &other).await.expect("an account");
    let first = used(&suite, &it.app, LOGS_GB, "0.75").await;
    suite.clock.advance(Duration::from_hours(1));
    let before = suite.clock.now();
    initiates_transfer(&it.admin, &it.app, &other).await.expect("moved");
    let moved = before..=suite.clock.now();
    suite.clock.advance(Duration::from_hours(1));
    let second = used(&suite, &it.app, LOGS_GB, "0.5").await;
    issues(&suite, 1).await;
    let invoice = it.latest().await;
    let of_first = lists_line_events(&it.admin, &invoice.name, "").await.expect("events");
    assert_eq!(of_first.iter().map(told).collect::<Vec<_>>(), [(first.id.as_str(), "0.75", false)]);
    let there = Customer { space: other, ..it };
    let invoice = there.latest().await;
    assert_eq!(invoice.lines[0].free_quantity, "0.25", "what the first space has left");
    let of_second = lists_line_events(&there.admin, &invoice.name, "").await.expect("events");
    assert_eq!(of_second.iter().map(told).collect::<Vec<_>>(), [(second.id.as_str(), "0.5", false)]);
    let held_from = of_second[0].held_from.and_then(|from| Timestamp::try_from(from).ok());
    assert!(held_from.is_some_and(|from| moved.contains(&from)), "{held_from:?}");
}

// R-B16
async fn a_line_that_there_is_not_and_a_page_of_another_are_refused(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    for meter in [LOGS_GB, KVS_READ_GB] {
        for _ in 0..3 {
            used(&suite, &it.app, meter, "1").await;
        }
    }
    issues(&suite, 1).await;
    let invoice = it.latest().await;
    let [reads, logs] = &invoice.lines[..] else { panic!("{:?}", invoice.lines) };
    let missing = refused(lists_line_events(&it.admin, &invoice.name, &"0".repeat(32)).await);
    assert_eq!((missing.code, missing.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    for line in ["0123".to_owned(), logs.id.to_uppercase(), format!("{} ", &logs.id[..31])] {
        let bad = refused(lists_line_events(&it.admin, &invoice.name, &line).await);
        assert_eq!((bad.code, bad.fields[0].as_str()), (Code::InvalidArgument, "line"), "{line}");
    }
    let mut request = line_events_of(&invoice.name, &logs.id);
    let page = it.admin.usage().list_line_events(request.clone()).await.expect("a page").into_inner();
    request.page_token = page.next_page_token;
    request.line.clone_from(&reads.id);
    let mixed = refused(it.admin.usage().list_line_events(request.clone()).await);
    assert_eq!((mixed.code, mixed.reason.as_str()), (Code::InvalidArgument, "PAGE_TOKEN_INVALID"));
    "spaces/x".clone_into(&mut request.parent);
    let malformed = refused(it.admin.usage().list_line_events(request).await);
    assert_eq!((malformed.code, malformed.fields[0].as_str()), (Code::InvalidArgument, "parent"));
    // R-P3: who may not see the invoice is not told whether it is there.
    let stranger = refused(lists_line_events(&suite.user("mallory"), &invoice.name, "").await);
    assert_eq!(stranger.code, Code::PermissionDenied);
}
