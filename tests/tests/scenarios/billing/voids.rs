//! Events that are voided, and what that corrects (R-B15).
use std::time::Duration;

use devspaces::Service;
use devspaces_ledger::journal;
use devspaces_proto::billing::v1::{
    Invoice, ListUsageRequest, UsageEvent, VoidUsageRequest,
    invoice::State,
    void_usage_result::Outcome::{AlreadyVoided, Unknown, Voided},
};
use devspaces_tests::{
    Persona, Suite, refused,
    sql::{count, tamper, texts},
};
use futures::future::{join, join_all};
use tonic::Code;

use crate::{
    acts::{
        accounts::{account_of, consents_to_invoicing},
        budgets::{budget_of_space, caps, gets_budget_named},
        invoices::{Customer, gets_invoice, line_numbers, previews_invoice, runs_billing, usd},
        suspensions::{RUNS, STANDS, runs},
        transfers::initiates_transfer,
        usage::{
            ACCEPTED, DUPLICATE, LOGS_GB, begins_mid_month, lists_usage, month_ahead, new_usage_event,
            outcomes, pages_of_usage, reports_accepted, reports_usage, usage_event, usage_sums, voids_usage,
        },
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        what_is_voided_before_the_invoice_counts_no_longer_and_its_replacement_does,
        what_is_voided_later_is_taken_from_the_next_invoice,
        what_is_voided_long_after_is_taken_from_the_next_invoice,
        what_was_taken_before_holdings_were_kept_is_voided_all_the_same,
        usage_of_each_space_is_taken_from_the_space_that_was_billed,
        an_app_runs_again_if_it_has_used_up_no_allowance_without_what_is_voided,
        what_is_voided_lifts_the_cap_that_it_reached,
        an_app_runs_again_wherever_it_was_suspended_for_what_is_voided,
        each_id_is_answered_for_itself,
        a_voiding_is_checked_as_a_whole,
        voids_at_once_take_away_once,
        a_void_against_the_issue;
    two replicas:
        voids_at_once_take_away_once,
        a_void_against_the_issue;
}

/// An event of logs, which was accepted.
async fn used(suite: &Suite, app: &str, quantity: &str) -> UsageEvent {
    let event = new_usage_event(suite, app, LOGS_GB, quantity);
    reports_accepted(suite, event.clone()).await;
    event
}

/// Advances to the time at which invoices of a month so far ahead are issued.
async fn issues(suite: &Suite, ahead: u32) {
    suite.clock.advance_to(&format!("{}-03T00:00:00Z", month_ahead(suite, ahead)));
    runs_billing(suite).await;
}

// R-B15: and the id is used up.
async fn what_is_voided_before_the_invoice_counts_no_longer_and_its_replacement_does(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let wrong = used(&suite, &it.app, "900.5").await;
    used(&suite, &it.app, "3").await;
    assert_eq!(voids_usage(&suite, &[&wrong]).await.expect("results"), [Voided]);
    assert_eq!(usage_sums(&it.admin, &it.space).await, [("3".to_owned(), 1)]);
    let preview = previews_invoice(&it.admin, &it.space).await.expect("an invoice");
    assert_eq!((preview.lines.len(), preview.total), (1, usd(201)));
    let metering = suite.persona("services/metering");
    let again = reports_usage(&metering, std::slice::from_ref(&wrong)).await.expect("results").remove(0);
    assert_eq!((again.outcome(), again.rejection()), DUPLICATE);
    assert!(again.message.contains("voided"), "{}", again.message);
    used(&suite, &it.app, "9.005").await;
    issues(&suite, 1).await;
    let invoice = it.latest().await;
    let lines: Vec<_> = invoice.lines.iter().map(line_numbers).collect();
    assert_eq!(lines, [["12.005", "1", "11.005", "1.005", "11.060025"]]);
    // Both stand in the journal.
    let pool = suite.pool(Service::Billing).await;
    let entries = texts(&pool, "SELECT content FROM journal").await;
    let of = |method: &str| entries.iter().filter(|it| it.contains(method)).count();
    assert_eq!((of("/ReportUsage\""), of("/VoidUsage\"")), (3, 1));
    assert!(entries.iter().any(|it| it.contains("/VoidUsage\"") && it.contains("Measured twice")));
    // All of an app's usage is voided: nothing is listed, and there is no line.
    let all = used(&suite, &it.app, "5").await;
    voids_usage(&suite, &[&all]).await.expect("results");
    assert_eq!(lists_usage(&it.admin, &it.space).await.expect("usage"), []);
    issues(&suite, 1).await;
    let empty = it.latest().await;
    assert_eq!((empty.lines.len(), empty.state(), empty.total), (0, State::Paid, usd(0)));
}

// R-B15, R-B8, R-B10: what was billed goes back first, then what was free; the account is credited what nothing else is billed
// against, and the next invoices use it up.
async fn what_is_voided_later_is_taken_from_the_next_invoice(suite: Suite) {
    let (this, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let wrong = used(&suite, &it.app, "10").await;
    used(&suite, &it.app, "1.5").await;
    issues(&suite, 1).await;
    let issued = it.latest().await;
    assert_eq!(issued.total, usd(1055));
    assert_eq!(voids_usage(&suite, &[&wrong]).await.expect("results"), [Voided]);
    assert_eq!(it.latest().await, issued, "what is issued stays");
    let adjustment = previews_invoice(&it.admin, &it.space).await.expect("an invoice");
    let lines: Vec<_> = adjustment.lines.iter().map(line_numbers).collect();
    assert_eq!(lines, [["-10", "0", "-10", "1.005", "-10.05"]]);
    assert_eq!((adjustment.total, adjustment.amount_due), (usd(-1005), usd(0)));
    assert_eq!((adjustment.lines[0].usage_month.as_str(), adjustment.lines[0].adjustment), (&*this, true));
    // What comes late stands against it.
    let mut late = new_usage_event(&suite, &it.app, LOGS_GB, "2");
    late.time = wrong.time;
    reports_accepted(&suite, late).await;
    used(&suite, &it.app, "3").await;
    issues(&suite, 1).await;
    let second = it.latest().await;
    let lines: Vec<_> = second.lines.iter().map(line_numbers).collect();
    assert_eq!(
        lines,
        [["-8", "0", "-8", "1.005", "-8.04"], ["3", "1", "2", "1.005", "2.01"]],
        "of {this} and {next}"
    );
    assert_eq!((second.state(), second.total, second.amount_due), (State::Paid, usd(-603), usd(0)));
    // Credit of 6.03: the next of 4.02 takes as much of it, and the one after what is left.
    for (quantity, total, applied, due, state) in
        [("5", 402, 402, 0, State::Paid), ("5", 402, 201, 201, State::Open), ("2", 100, 0, 100, State::Open)]
    {
        used(&suite, &it.app, quantity).await;
        let preview = previews_invoice(&it.admin, &it.space).await.expect("an invoice");
        issues(&suite, 1).await;
        let invoice = it.latest().await;
        assert_eq!((invoice.state(), &invoice.total), (state, &usd(total)));
        assert_eq!((&invoice.credit_applied, &invoice.amount_due), (&usd(applied), &usd(due)));
        assert_eq!(
            (preview.credit_applied, preview.amount_due),
            (invoice.credit_applied, invoice.amount_due)
        );
    }
}

// R-B15: also when the month after is issued, when nothing could come late any more.
async fn what_is_voided_long_after_is_taken_from_the_next_invoice(suite: Suite) {
    let (this, _) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let wrong = used(&suite, &it.app, "11").await;
    for _ in 0..3 {
        issues(&suite, 1).await;
    }
    assert_eq!(voids_usage(&suite, &[&wrong]).await.expect("results"), [Voided]);
    issues(&suite, 1).await;
    let invoice = it.latest().await;
    let lines: Vec<_> = invoice.lines.iter().map(line_numbers).collect();
    assert_eq!(lines, [["-11", "-1", "-10", "1.005", "-10.05"]]);
    assert_eq!((invoice.lines[0].usage_month.as_str(), invoice.total), (&*this, usd(-1005)));
    // Nothing is left of the month.
    let of_month = ListUsageRequest { parent: account_of(&it.space), month: this, ..Default::default() };
    let left = pages_of_usage(&it.admin, of_month).await.expect("usage");
    assert_eq!(left, [(it.app.clone(), LOGS_GB.to_owned(), "0".to_owned(), 0)]);
}

// R-B15: in a database of before.
async fn what_was_taken_before_holdings_were_kept_is_voided_all_the_same(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let early = used(&suite, &it.app, "2").await;
    suite.clock.advance(Duration::from_hours(1));
    let other = it.admin.creates_space("Other").await;
    consents_to_invoicing(&it.admin, &other).await.expect("an account");
    for to in [&other, &it.space] {
        initiates_transfer(&it.admin, &it.app, to).await.expect("moved");
        suite.clock.advance(Duration::from_hours(1));
    }
    let later = used(&suite, &it.app, "3").await;
    let pool = suite.pool(Service::Billing).await;
    tamper(&pool, "UPDATE usage_event SET held_from = NULL, sequence = 0").await;
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM usage_sums").await, 2);
    for (event, left) in [(early, "3"), (later, "")] {
        assert_eq!(voids_usage(&suite, &[&event]).await.expect("results"), [Voided]);
        let sums = usage_sums(&it.admin, &it.space).await;
        assert_eq!(sums.first().map_or("", |(quantity, _)| quantity), left);
        let stored = texts(&pool, "SELECT sums FROM usage_sums").await;
        assert_eq!(stored.len(), usize::from(!left.is_empty()));
        assert!(stored.iter().all(|sums| sums.contains(left)), "{stored:?}");
    }
}

// R-B15, R-B6: of an app that moved twice in a day.
async fn usage_of_each_space_is_taken_from_the_space_that_was_billed(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let to = it.admin.creates_space("Other").await;
    consents_to_invoicing(&it.admin, &to).await.expect("an account");
    let mut events = Vec::new();
    for destination in [&to, &it.space, &to] {
        events.push(used(&suite, &it.app, "4").await);
        suite.clock.advance(Duration::from_mins(10));
        initiates_transfer(&it.admin, &it.app, destination).await.expect("moved");
        suite.clock.advance(Duration::from_mins(10));
    }
    // The first 4 of the space, of which 1 is free; 4 of the other; and 4 of the space again.
    assert_eq!(voids_usage(&suite, &[&events[0]]).await.expect("results"), [Voided]);
    let free = async |space: &str| {
        let preview = previews_invoice(&it.admin, space).await.expect("an invoice");
        preview
            .lines
            .iter()
            .map(|line| (line.quantity.clone(), line.free_quantity.clone()))
            .collect::<Vec<_>>()
    };
    let of = |quantity: &str, free: &str| [(quantity.to_owned(), free.to_owned())];
    assert_eq!((&free(&it.space).await[..], &free(&to).await[..]), (&of("4", "0")[..], &of("4", "1")[..]));
    assert_eq!(voids_usage(&suite, &[&events[1]]).await.expect("results"), [Voided]);
    assert_eq!((&free(&it.space).await[..], &free(&to).await[..]), (&of("4", "1")[..], &[][..]));
}

// R-E3, R-B15
async fn an_app_runs_again_if_it_has_used_up_no_allowance_without_what_is_voided(suite: Suite) {
    let alice = suite.user("alice");
    begins_mid_month(&suite);
    let space = alice.creates_space("Team").await;
    let [app, other] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    used(&suite, &app, "0.5").await;
    let [wrong, more] = [used(&suite, &app, "0.75").await, used(&suite, &app, "0.75").await];
    used(&suite, &other, "2").await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    voids_usage(&suite, &[&wrong]).await.expect("results");
    assert_eq!(runs(&suite, &alice, &app).await, STANDS, "1.25 of 1 are left");
    voids_usage(&suite, &[&more]).await.expect("results");
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
    assert_eq!(runs(&suite, &alice, &other).await, STANDS);
    used(&suite, &app, "0.5").await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
}

// R-E4, R-B15
async fn what_is_voided_lifts_the_cap_that_it_reached(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let other = it.admin.creates_app(&it.space).await;
    caps(&it.admin, &it.space, "", 1005).await;
    used(&suite, &it.app, "5").await;
    let [wrong, less] = [used(&suite, &it.app, "7").await, used(&suite, &it.app, "0.5").await];
    assert_eq!(runs(&suite, &it.admin, &other).await, STANDS);
    voids_usage(&suite, &[&less]).await.expect("results");
    assert_eq!(runs(&suite, &it.admin, &other).await, STANDS, "11 beyond what is free are left");
    voids_usage(&suite, &[&wrong]).await.expect("results");
    for app in [&it.app, &other] {
        assert_eq!(runs(&suite, &it.admin, app).await, RUNS);
    }
    assert!(!gets_budget_named(&it.admin, &budget_of_space(&it.space)).await.expect("a budget").suspends);
    used(&suite, &other, "8").await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
}

// R-E3, R-B15: the usage of one space had used up what the app needed in another, where nothing of it counts any more.
async fn an_app_runs_again_wherever_it_was_suspended_for_what_is_voided(suite: Suite) {
    let alice = suite.user("alice");
    begins_mid_month(&suite);
    let [one, two] = [alice.creates_space("One").await, alice.creates_space("Two").await];
    let app = alice.creates_app(&one).await;
    let first = used(&suite, &app, "2").await;
    suite.clock.advance(Duration::from_mins(10));
    initiates_transfer(&alice, &app, &two).await.expect("moved");
    suite.clock.advance(Duration::from_mins(10));
    let second = used(&suite, &app, "0.5").await;
    assert_eq!(runs(&suite, &alice, &app).await, STANDS);
    voids_usage(&suite, &[&second]).await.expect("results");
    assert_eq!(runs(&suite, &alice, &app).await, STANDS, "2 of 1 are used");
    voids_usage(&suite, &[&first]).await.expect("results");
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
}

// R-B15, R-J5
async fn each_id_is_answered_for_itself(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let [one, two] = [used(&suite, &it.app, "1").await, used(&suite, &it.app, "2").await];
    let never = usage_event(&suite, "never", &it.app, "1");
    let answers = voids_usage(&suite, &[&one, &never, &one, &two]).await.expect("results");
    assert_eq!(answers, [Voided, Unknown, AlreadyVoided, Voided]);
    assert_eq!(voids_usage(&suite, &[&two, &one]).await.expect("results"), [AlreadyVoided; 2]);
    // One that was not known then counts when it comes.
    assert_eq!(outcomes(&suite, &[never]).await, [ACCEPTED]);
    assert_eq!(usage_sums(&it.admin, &it.space).await, [("1".to_owned(), 1)]);
    // The same request again has the same answer.
    let three = used(&suite, &it.app, "3").await;
    let request = VoidUsageRequest {
        event_ids: vec![three.id],
        reason: "Measured twice".to_owned(),
        request_id: suite.request_id(),
        ..VoidUsageRequest::default()
    };
    let metering = suite.persona("services/metering");
    let first = metering.usage().void_usage(request.clone()).await.expect("results").into_inner();
    assert_eq!(first.results[0].outcome(), Voided);
    assert_eq!(metering.usage().void_usage(request).await.expect("results").into_inner(), first);
}

// R-B15, R-B3, R-P7
async fn a_voiding_is_checked_as_a_whole(suite: Suite) {
    let request = |ids: &[&str], reason: &str| VoidUsageRequest {
        event_ids: ids.iter().map(ToString::to_string).collect(),
        reason: reason.to_owned(),
        request_id: String::new(),
        ..VoidUsageRequest::default()
    };
    let metering = suite.persona("services/metering");
    let void = async |who: &Persona, request| refused(who.usage().void_usage(request).await);
    let long = "x".repeat(129);
    let bad = void(&metering, request(&["a", "", "b c", &long], "")).await;
    let fields = vec!["event_ids[1]", "event_ids[2]", "event_ids[3]", "reason"];
    assert_eq!(bad.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", fields));
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    for ids in [vec![], many.iter().map(String::as_str).collect()] {
        assert_eq!(void(&metering, request(&ids, "Twice")).await.fields, ["event_ids"]);
    }
    let card = void(&metering, request(&["a"], "Card 4111 1111 1111 1111")).await;
    assert_eq!(card.fields, ["reason"]);
    assert!(!card.message.contains("4111"));
    for who in [suite.user("alice"), suite.persona("services/payments")] {
        let denied = void(&who, request(&["a"], "Twice")).await;
        assert_eq!(denied.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
}

// R-B15: however many void the same.
async fn voids_at_once_take_away_once(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    for round in 0..rounds(20) {
        let [one, two, three] = [
            used(&suite, &it.app, "1").await,
            used(&suite, &it.app, "2").await,
            used(&suite, &it.app, "4").await,
        ];
        let answers = join_all([
            voids_usage(&suite, &[&one, &two]),
            voids_usage(&suite, &[&two, &one]),
            voids_usage(&suite, &[&two, &three]),
        ])
        .await;
        let all: Vec<_> = answers.into_iter().flat_map(|answer| answer.expect("results")).collect();
        assert_eq!(all.iter().filter(|it| **it == Voided).count(), 3, "round {round}");
        assert_eq!(usage_sums(&it.admin, &it.space).await, [], "round {round}");
    }
    if let Some(pool) = suite.inside(Service::Billing).await {
        assert_eq!(journal::verify(&pool, &[]).await.expect("a report").findings, []);
    }
}

// R-B15, R-B7: it is on neither invoice or on both.
async fn a_void_against_the_issue(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    for round in 0..rounds(12) {
        let event = used(&suite, &it.app, "11").await;
        suite.clock.advance_to(&format!("{}-03T00:00:00Z", month_ahead(&suite, 1)));
        let (answer, _) = join(voids_usage(&suite, &[&event]), runs_billing(&suite)).await;
        assert_eq!(answer.expect("results"), [Voided], "round {round}");
        let issued = it.latest().await;
        issues(&suite, 1).await;
        let next = it.latest().await;
        let cents = |invoice: &Invoice| {
            invoice.total.clone().map(|total| total.units * 100 + i64::from(total.nanos / 10_000_000))
        };
        let (first, second) = (cents(&issued).expect("a total"), cents(&next).expect("a total"));
        assert!([(0, 0), (1005, -1005)].contains(&(first, second)), "round {round}: {first} and {second}");
        assert_eq!(gets_invoice(&it.admin, &issued.name).await.expect("the invoice"), issued);
    }
}
