//! Credit notes: the only correction of what is issued.
use devspaces_proto::billing::v1::{CreateCreditNoteRequest, CreditNote, invoice::State};
use devspaces_tests::{Suite, refused};
use futures::future::join_all;
use tonic::Code;
use uuid::Uuid;

use crate::acts::{
    accounts::account_of,
    invoices::{
        Customer, creates_credit_note, credit_note_request, credits_invoice, gets_invoice, lists_invoices,
        runs_billing, usd,
    },
    usage::{LOGS_GB, begins_mid_month, month_ahead, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
        credit_notes_lower_what_is_due_and_settle_an_invoice,
        an_invoice_has_no_more_credit_notes_than_one_answer_tells,
        a_draft_is_not_credited_and_a_note_is_checked_as_a_whole,
        credit_notes_at_once;
}

/// A customer whose invoice of the month before comes to 10.05.
async fn billed(suite: &Suite) -> Customer {
    let (_, next) = begins_mid_month(suite);
    let it = Customer::new(suite, "alice").await;
    reports_accepted(suite, new_usage_event(suite, &it.app, LOGS_GB, "11")).await;
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(suite).await;
    assert_eq!(it.latest().await.total, usd(1005));
    it
}

// R-B7, R-B10
async fn credit_notes_lower_what_is_due_and_settle_an_invoice(suite: Suite) {
    let it = billed(&suite).await;
    let issued = it.latest().await;
    let first = credits_invoice(&suite, &issued.name, 505).await.expect("credited");
    assert_eq!((first.number, first.amount.clone(), first.reason.as_str()), (1, usd(505), "A mistake"));
    let less = it.latest().await;
    assert_eq!((less.state(), &less.total, &less.amount_due), (State::Open, &usd(1005), &usd(500)));
    assert_eq!((&less.lines, &less.credit_notes), (&issued.lines, &vec![first]));
    let listed = lists_invoices(&it.admin, &it.space).await.expect("a list").remove(0);
    assert_eq!((listed.amount_due, listed.credit_notes, listed.lines), (usd(500), vec![], vec![]));
    let refusal = refused(credits_invoice(&suite, &issued.name, 501).await);
    assert_eq!(
        refusal.blocked(),
        (Code::FailedPrecondition, "CREDIT_EXCEEDS_INVOICE", vec!["CREDIT_EXCEEDS_INVOICE"])
    );
    assert_eq!(credits_invoice(&suite, &issued.name, 500).await.expect("credited").number, 2);
    let settled = it.latest().await;
    assert_eq!((settled.state(), settled.amount_due, settled.next_attempt_time), (State::Paid, usd(0), None));
    assert!(settled.pay_time.is_some());
    assert_eq!(refused(credits_invoice(&suite, &issued.name, 1).await).reason, "CREDIT_EXCEEDS_INVOICE");
}

// R-B7: at once, and each with as long a reason as there can be.
async fn an_invoice_has_no_more_credit_notes_than_one_answer_tells(suite: Suite) {
    let it = billed(&suite).await;
    let issued = it.latest().await.name;
    let notes = (0..105).map(|_| {
        let reason = "\u{1D49C}".repeat(1000);
        let note = CreditNote { amount: usd(1), reason, ..CreditNote::default() };
        creates_credit_note(
            &suite,
            CreateCreditNoteRequest { credit_note: Some(note), ..credit_note_request(&issued, 1) },
        )
    });
    let (credited, refusals): (Vec<_>, Vec<_>) = join_all(notes).await.into_iter().partition(Result::is_ok);
    assert_eq!((credited.len(), refusals.len()), (100, 5));
    for refusal in refusals {
        let refusal = refused(refusal);
        assert_eq!(
            refusal.blocked(),
            (Code::FailedPrecondition, "TOO_MANY_CREDIT_NOTES", vec!["TOO_MANY_CREDIT_NOTES"])
        );
    }
    let whole = it.latest().await;
    assert_eq!((whole.credit_notes.len(), whole.amount_due.clone()), (100, usd(905)));
    assert!(prost::Message::encoded_len(&whole) < 1024 * 1024);
}

// R-B7, R-J5
async fn a_draft_is_not_credited_and_a_note_is_checked_as_a_whole(suite: Suite) {
    let it = billed(&suite).await;
    let issued = it.latest().await.name;
    let bad = |cents, reason: &str| {
        let note = CreditNote { amount: usd(cents), reason: reason.to_owned(), ..CreditNote::default() };
        CreateCreditNoteRequest { credit_note: Some(note), ..credit_note_request(&issued, 1) }
    };
    let refusal = refused(creates_credit_note(&suite, bad(0, "")).await);
    let fields = vec!["credit_note.amount", "credit_note.reason"];
    assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", fields));
    // R-B3
    let refusal = refused(creates_credit_note(&suite, bad(1, "Card 4111 1111 1111 1111")).await);
    assert_eq!(refusal.fields, ["credit_note.reason"]);
    assert!(!refusal.message.contains("4111"));
    let mut foreign = credit_note_request(&issued, 1);
    let note = foreign.credit_note.as_mut().expect("a note");
    let amount = note.amount.as_mut().expect("an amount");
    (amount.currency_code, amount.nanos) = ("EUR".to_owned(), 1);
    let refusal = refused(creates_credit_note(&suite, foreign).await);
    assert_eq!(refusal.fields, ["credit_note.amount.currency_code", "credit_note.amount.nanos"]);
    let nowhere = format!("{}/invoices/{}", account_of(&it.space), Uuid::nil());
    assert_eq!(refused(credits_invoice(&suite, &nowhere, 1).await).code, Code::NotFound);
    for who in [&it.admin, &suite.persona("services/billing-run")] {
        let answer = who.invoices().create_credit_note(credit_note_request(&issued, 1)).await;
        assert_eq!(refused(answer).kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
    let once =
        CreateCreditNoteRequest { request_id: Uuid::max().to_string(), ..credit_note_request(&issued, 1) };
    let first = creates_credit_note(&suite, once.clone()).await.expect("credited");
    assert_eq!(creates_credit_note(&suite, once).await.expect("the same"), first);
    assert_eq!(gets_invoice(&it.admin, &issued).await.expect("the invoice").credit_notes, [first]);

    let after = month_ahead(&suite, 1);
    suite.clock.advance_to(&format!("{after}-01T00:00:00Z"));
    runs_billing(&suite).await;
    let draft = it.latest().await;
    assert_eq!(draft.state(), State::Draft);
    let refusal = refused(credits_invoice(&suite, &draft.name, 1).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "INVOICE_NOT_ISSUED"));
}

// R-B7: never more than the total, and numbers without a gap, however many come at once.
async fn credit_notes_at_once(suite: Suite) {
    let it = billed(&suite).await;
    let name = it.latest().await.name;
    // Ten times 2.01 is more than 10.05: five fit.
    let answers = join_all((0..10).map(|_| credits_invoice(&suite, &name, 201))).await;
    let mut numbers: Vec<i64> =
        answers.iter().filter_map(|it| it.as_ref().ok().map(|it| it.number)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    for refusal in answers.into_iter().filter(Result::is_err) {
        assert_eq!(refused(refusal).reason, "CREDIT_EXCEEDS_INVOICE");
    }
    let settled = it.latest().await;
    assert_eq!((settled.state(), settled.credit_notes.len()), (State::Paid, 5));
}
