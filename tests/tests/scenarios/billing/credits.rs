//! What accounts have to their credit, and how invoices use it up (R-B10).
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    billing::v1::{
        CreateCreditRequest, Credit, ListCreditsRequest, ListCreditsResponse, invoice::State,
        payment_attempt::Outcome,
    },
    r#type::v1::Money,
};
use devspaces_tests::{Persona, Suite, refused, sql::pairs};
use futures::future::join_all;
use tonic::{Code, Status};

use crate::acts::{
    accounts::account_of,
    invoices::{Customer, credits_invoice, previews_invoice, runs_billing, usd},
    payments::{payment_attempt, reports_as_payments},
    usage::{LOGS_GB, begins_mid_month, month_ahead, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
        granted_credit_is_used_up_by_the_next_invoices_the_oldest_first,
        a_credit_note_beyond_what_is_due_becomes_credit,
        what_is_credited_while_a_payment_is_under_way_becomes_credit,
        an_invoice_after_a_draft_uses_what_that_leaves_of_the_credit,
        credit_is_granted_by_accounting_and_seen_by_billing_admins,
        credits_are_listed_in_pages,
        credits_at_once_have_numbers_of_their_own;
}

fn grant(space: &str, cents: i64, reason: &str) -> CreateCreditRequest {
    let credit = Credit { amount: usd(cents), reason: reason.to_owned(), ..Credit::default() };
    CreateCreditRequest { parent: account_of(space), credit: Some(credit), request_id: String::new() }
}

async fn grants(suite: &Suite, request: CreateCreditRequest) -> Result<Credit, Status> {
    let accounting = suite.persona("services/accounting");
    accounting.invoices().create_credit(request).await.map(tonic::Response::into_inner)
}

async fn lists(who: &Persona, space: &str) -> Result<ListCreditsResponse, Status> {
    let request = ListCreditsRequest { parent: account_of(space), ..ListCreditsRequest::default() };
    who.invoices().list_credits(request).await.map(tonic::Response::into_inner)
}

/// What is left of each credit, the latest first, and of all.
async fn left(it: &Customer) -> (Vec<Option<Money>>, Option<Money>) {
    let listed = lists(&it.admin, &it.space).await.expect("credits");
    (listed.credits.into_iter().map(|credit| credit.remaining).collect(), listed.balance)
}

/// Uses so many GB beyond the one that is free, at 1.005 each, and has that billed.
async fn is_billed(suite: &Suite, it: &Customer, quantity: &str) {
    reports_accepted(suite, new_usage_event(suite, &it.app, LOGS_GB, quantity)).await;
    suite.clock.advance_to(&format!("{}-03T00:00:00Z", month_ahead(suite, 1)));
    runs_billing(suite).await;
}

// R-B10
async fn granted_credit_is_used_up_by_the_next_invoices_the_oldest_first(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    for (number, cents) in [(1, 500), (2, 1000)] {
        let credit = grants(&suite, grant(&it.space, cents, "Welcome")).await.expect("granted");
        assert_eq!((credit.number, &credit.amount, &credit.remaining), (number, &usd(cents), &usd(cents)));
        assert_eq!((credit.reason.as_str(), credit.invoice.as_str()), ("Welcome", ""));
    }
    is_billed(&suite, &it, "11").await;
    let invoice = it.latest().await;
    assert_eq!((&invoice.total, &invoice.credit_applied), (&usd(1005), &usd(1005)));
    assert_eq!((invoice.state(), invoice.amount_due), (State::Paid, usd(0)));
    assert_eq!((invoice.next_attempt_time, invoice.failed_attempts), (None, 0));
    assert_eq!(left(&it).await, (vec![usd(495), usd(0)], usd(495)));
    is_billed(&suite, &it, "11").await;
    let invoice = it.latest().await;
    assert_eq!((&invoice.total, &invoice.credit_applied), (&usd(1005), &usd(495)));
    assert_eq!((&invoice.amount_due, invoice.state()), (&usd(510), State::Open));
    let listed = it.invoices().await.remove(0);
    assert_eq!((listed.amount_due, listed.credit_applied), (usd(510), usd(495)));
    // What comes later is for later invoices.
    grants(&suite, grant(&it.space, 100, "Sorry")).await.expect("granted");
    assert_eq!(it.latest().await.amount_due, usd(510));
    let attempt = payment_attempt(&suite, "a", Outcome::Succeeded);
    let paid = reports_as_payments(&suite, &invoice.name, attempt).await.expect("reported");
    assert_eq!((paid.state(), paid.amount_due, paid.credit_applied), (State::Paid, usd(0), usd(495)));
    assert_eq!(left(&it).await, (vec![usd(100), usd(0), usd(0)], usd(100)));
    // No method tells which credit an invoice has used. It is kept for who has to find out.
    let uses = "SELECT CAST(credit AS TEXT), amount FROM credit_use ORDER BY credit, amount";
    let uses = pairs(&suite.pool(Service::Billing).await, uses).await;
    let of = |credit: &str, amount: &str| (credit.to_owned(), amount.to_owned());
    assert_eq!(uses, [of("1", "5"), of("2", "4.95"), of("2", "5.05")]);
}

// R-B10, R-B7: of a paid invoice all of it; of one that credit was applied to what was not to be paid.
async fn a_credit_note_beyond_what_is_due_becomes_credit(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    is_billed(&suite, &it, "11").await;
    let first = it.latest().await.name;
    let attempt = payment_attempt(&suite, "a", Outcome::Succeeded);
    reports_as_payments(&suite, &first, attempt).await.expect("reported");
    credits_invoice(&suite, &first, 605).await.expect("credited");
    let listed = lists(&it.admin, &it.space).await.expect("credits");
    assert_eq!((listed.credits.len(), listed.balance), (1, usd(605)));
    let credit = &listed.credits[0];
    assert_eq!((credit.reason.as_str(), credit.invoice.as_str()), ("A mistake", first.as_str()));

    is_billed(&suite, &it, "11").await;
    let second = it.latest().await;
    assert_eq!((&second.credit_applied, &second.amount_due), (&usd(605), &usd(400)));
    // 1.00 is no longer to be paid; then the rest, and 2.00 go back.
    credits_invoice(&suite, &second.name, 100).await.expect("credited");
    assert_eq!((it.latest().await.amount_due, left(&it).await.1), (usd(300), usd(0)));
    credits_invoice(&suite, &second.name, 500).await.expect("credited");
    let settled = it.latest().await;
    assert_eq!((settled.state(), settled.amount_due), (State::Paid, usd(0)));
    assert_eq!(left(&it).await.1, usd(200));
    let refusal = refused(credits_invoice(&suite, &second.name, 406).await);
    assert_eq!(refusal.reason, "CREDIT_EXCEEDS_INVOICE");
    credits_invoice(&suite, &second.name, 405).await.expect("credited");
    assert_eq!(left(&it).await.1, usd(605));
}

// R-B10: the payment service charges what is due, and reports when it is done.
async fn what_is_credited_while_a_payment_is_under_way_becomes_credit(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    is_billed(&suite, &it, "11").await;
    let name = it.latest().await.name;
    credits_invoice(&suite, &name, 105).await.expect("credited");
    suite.clock.advance(Duration::from_secs(1));
    // 9.00 are charged.
    let attempt = payment_attempt(&suite, "a", Outcome::Succeeded);
    suite.clock.advance(Duration::from_secs(1));
    credits_invoice(&suite, &name, 300).await.expect("credited");
    let paid = reports_as_payments(&suite, &name, attempt.clone()).await.expect("reported");
    assert_eq!((paid.state(), paid.amount_due), (State::Paid, usd(0)));
    let listed = lists(&it.admin, &it.space).await.expect("credits");
    assert_eq!((listed.credits.len(), &listed.credits[0].invoice, &listed.balance), (1, &name, &usd(300)));
    reports_as_payments(&suite, &name, attempt).await.expect("the same");
    assert_eq!(left(&it).await.1, usd(300), "told twice, credited once");
}

// R-B10: on the 2nd there is a draft of the month before, which uses the credit up first.
async fn an_invoice_after_a_draft_uses_what_that_leaves_of_the_credit(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    grants(&suite, grant(&it.space, 1200, "Welcome")).await.expect("granted");
    reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "11")).await;
    suite.clock.advance_to(&format!("{next}-02T00:00:00Z"));
    runs_billing(&suite).await;
    reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "11")).await;
    let draft = it.latest().await;
    assert_eq!((draft.state(), draft.credit_applied, draft.amount_due), (State::Draft, usd(1005), usd(0)));
    let preview = previews_invoice(&it.admin, &it.space).await.expect("an invoice");
    assert_eq!((preview.credit_applied, preview.amount_due), (usd(195), usd(810)));
}

// R-B10, R-B11, R-P7, R-B3
async fn credit_is_granted_by_accounting_and_seen_by_billing_admins(suite: Suite) {
    let it = Customer::new(&suite, "alice").await;
    let bob = suite.user("bob");
    let other = bob.creates_space("Other").await;
    assert_eq!(refused(grants(&suite, grant(&other, 100, "Welcome")).await).code, Code::NotFound);
    for who in [&it.admin, &suite.persona("services/billing-run")] {
        let answer = who.invoices().create_credit(grant(&it.space, 100, "Welcome")).await;
        assert_eq!(refused(answer).kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
    assert_eq!(refused(lists(&bob, &it.space).await).kind().0, Code::PermissionDenied);
    let bad = refused(grants(&suite, grant(&it.space, 0, "")).await);
    let fields = vec!["credit.amount", "credit.reason"];
    assert_eq!(bad.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", fields));
    let bad = refused(grants(&suite, grant(&it.space, 100, "4111 1111 1111 1111")).await);
    assert_eq!(bad.fields, ["credit.reason"]);
    let bad = refused(grants(&suite, grant(&it.space, 100_000_000_001, "Much")).await);
    assert_eq!(bad.fields, ["credit.amount.units"]);
    let once = CreateCreditRequest { request_id: suite.request_id(), ..grant(&it.space, 100, "Welcome") };
    let first = grants(&suite, once.clone()).await.expect("granted");
    assert_eq!(grants(&suite, once).await.expect("the same"), first);
    assert_eq!(left(&it).await, (vec![usd(100)], usd(100)));
}

async fn credits_are_listed_in_pages(suite: Suite) {
    let it = Customer::new(&suite, "alice").await;
    for cents in 1..=5 {
        grants(&suite, grant(&it.space, cents, "Welcome")).await.expect("granted");
    }
    let (mut numbers, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListCreditsRequest { parent: account_of(&it.space), page_size: 2, page_token };
        let page = it.admin.invoices().list_credits(request).await.expect("a page").into_inner();
        assert_eq!(page.balance, usd(15));
        numbers.extend(page.credits.iter().map(|credit| credit.number));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
}

// R-B10
async fn credits_at_once_have_numbers_of_their_own(suite: Suite) {
    let it = Customer::new(&suite, "alice").await;
    let granted = join_all((0..10).map(|_| grants(&suite, grant(&it.space, 100, "Welcome")))).await;
    let mut numbers: Vec<_> = granted.into_iter().map(|it| it.expect("granted").number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    assert_eq!(left(&it).await.1, usd(1000));
}
