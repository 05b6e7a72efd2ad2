//! What one caller may have, and what becomes of the rest: spaces that one made, streams that outlive a role or a token.
use std::time::Duration;

use devspaces::Service;
use devspaces_kit::name::Principal;
use devspaces_proto::{
    billing::v1::{ExportInvoiceRequest, UsageEvent},
    membership::v1::{
        LeaveSpaceRefusal, LeaveSpacesRequest, LeaveSpacesResponse, leave_space_result::Outcome,
    },
    space::v1::{CreateSpaceRequest, Space},
};
use devspaces_tests::{Persona, Suite, refused, sql, suite::eventually};
use futures::{StreamExt as _, future::join};
use tokio::time::timeout;
use tonic::{Code, Status, transport::Endpoint};

use crate::acts::{
    accounts::{adds_billing_admins, removes_billing_admin},
    invoices::{Customer, runs_billing},
    journal::{after_cursor, next_entry, watches_entries},
    marketplace::creation_of_profile,
    members::{ADMIN, VIEWER, adds_members, leaves_space},
    people::deactivates,
    spaces::{archives_space, deletes_space},
    usage::{ACCEPTED, METERS, begins_mid_month, new_usage_event, outcomes},
};

scenarios! {
    both engines:
        a_person_makes_no_more_spaces_than_allowed_until_one_is_purged,
        a_person_creates_no_more_vendor_profiles_than_allowed,
        a_follower_is_ended_with_its_token,
        an_export_ends_when_its_readers_role_is_gone,
        an_export_ends_when_its_reader_is_deactivated;
    everywhere:
        many_spaces_are_left_in_one_call_and_each_result_is_told,
        bad_names_of_spaces_to_leave_are_told_at_once_and_none_is_left,
        leaving_many_spaces_can_be_tried_out;
}

async fn creates(who: &Persona) -> Result<String, Status> {
    let space = Space { display_name: "Team".to_owned(), ..Space::default() };
    let request = CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() };
    who.spaces().create_space(request).await.map(|space| space.into_inner().name)
}

async fn leaves_all(who: &Persona, spaces: &[&str], request_id: &str) -> Result<LeaveSpacesResponse, Status> {
    let request = LeaveSpacesRequest {
        names: spaces.iter().map(ToString::to_string).collect(),
        request_id: request_id.to_owned(),
        validate_only: false,
    };
    who.members().leave_spaces(request).await.map(tonic::Response::into_inner)
}

/// Of each space the reason for which it was not left; nothing of one that was.
fn reasons(response: &LeaveSpacesResponse) -> Vec<Option<&'static str>> {
    let outcome = |outcome: &Option<Outcome>| match outcome.as_ref().expect("an outcome") {
        Outcome::Left(_) => None,
        Outcome::Refused(LeaveSpaceRefusal { reason, .. }) => {
            let reason = devspaces_kit::status::Reason::try_from(*reason).expect("a reason");
            Some(reason.as_str_name().strip_prefix("REASON_").expect("a prefix"))
        }
    };
    response.results.iter().map(|result| outcome(&result.outcome)).collect()
}

// R-S10: this suite lets `maker` have made three spaces.
async fn a_person_makes_no_more_spaces_than_allowed_until_one_is_purged(suite: Suite) {
    let [maker, alice] = ["maker", "alice"].map(|id| suite.user(id));
    creates(&maker).await.expect("the first");
    let counted = async || {
        let count = "SELECT COUNT(*) FROM space_creator WHERE person = 'maker'";
        sql::count(&suite.pool(Service::Space).await, count).await
    };
    for round in 0..5 {
        let second = creates(&maker).await.expect("the second");
        // One place is left for two.
        let (one, other) = join(creates(&maker), creates(&maker)).await;
        let (third, refusal) = match (one, other) {
            (Ok(made), Err(status)) | (Err(status), Ok(made)) => (made, refused::<()>(Err(status))),
            both => panic!("round {round}: {both:?}"),
        };
        assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "TOO_MANY_SPACES", vec!["TOO_MANY_SPACES"]));
        assert!(refusal.message.contains('3') && !refusal.retry, "{refusal:?}");
        creates(&alice).await.expect("others are not concerned");
        for space in [&second, &third] {
            archives_space(&maker, space).await.expect("archived");
            deletes_space(&maker, space).await.expect("deleted");
        }
        let reason = refused(creates(&maker).await).reason;
        assert_eq!(reason, "TOO_MANY_SPACES", "what is deleted still exists, and can be had back");
        suite.clock.advance(Duration::from_hours(24 * 31));
        eventually(async || (counted().await == 1).then_some(())).await;
    }
}

// R-S10: this suite lets `maker` have created three vendor profiles. The spaces made by hand are counted for themselves.
async fn a_person_creates_no_more_vendor_profiles_than_allowed(suite: Suite) {
    let [maker, alice] = ["maker", "alice"].map(|id| suite.user(id));
    let create = |who: Persona| async move {
        who.profiles().create_vendor_profile(creation_of_profile("Vendor")).await
    };
    for _ in 0..2 {
        create(maker.clone()).await.expect("a profile");
    }
    // One place is left for two.
    let (one, other) = join(create(maker.clone()), create(maker.clone())).await;
    let refusal = match (one, other) {
        (Ok(_), Err(status)) | (Err(status), Ok(_)) => refused::<()>(Err(status)),
        both => panic!("{both:?}"),
    };
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "TOO_MANY_SPACES", vec!["TOO_MANY_SPACES"]));
    assert!(refusal.message.contains('3') && !refusal.retry, "{refusal:?}");
    create(alice).await.expect("others are not concerned");
    creates(&maker).await.expect("spaces are counted for themselves");
}

// R-J4: a token is good for a time, and so is what it opened.
async fn a_follower_is_ended_with_its_token(suite: Suite) {
    let principal = Principal::service("observer");
    let token = suite.issuer().token(&principal, None, Duration::from_hours(1));
    let observer = suite.bearer(&principal, Some(token.as_str()));
    suite.user("alice").creates_space("Team").await;
    let mut stream = watches_entries(&observer, Service::Space, after_cursor("")).await.expect("a stream");
    next_entry(&mut stream).await;
    suite.clock.advance(Duration::from_hours(2));
    let end = timeout(Duration::from_secs(30), stream.next()).await.expect("an end within 30 s");
    assert_eq!(
        refused(end.expect("an end that says why")).kind(),
        (Code::Unauthenticated, "CREDENTIALS_INVALID")
    );
}

// R-B11, R-P4: what is read after the role is gone is what was on its way.
async fn an_export_ends_when_its_readers_role_is_gone(suite: Suite) {
    let remove = async |it: &Customer, bob: &Persona| {
        removes_billing_admin(&it.admin, &it.space, bob).await.expect("removed");
    };
    reads_until(&suite, remove).await;
}

// R-M12: so it is when the reader is deactivated.
async fn an_export_ends_when_its_reader_is_deactivated(suite: Suite) {
    let deactivate = async |_: &Customer, bob: &Persona| {
        deactivates(&suite, bob).await.expect("deactivated");
    };
    reads_until(&suite, deactivate).await;
}

/// Bob reads a long export, slowly, and can't read all of it after this has happened.
async fn reads_until(suite: &Suite, happens: impl AsyncFn(&Customer, &Persona)) {
    let (_, after) = begins_mid_month(suite);
    let it = Customer::new(suite, "alice").await;
    let bob = suite.user("bob");
    adds_billing_admins(&it.admin, &it.space, &[&bob]).await.expect("added");
    let mut events: Vec<UsageEvent> = Vec::new();
    for _ in 0..130 {
        let app = it.admin.creates_app(&it.space).await;
        events.extend(METERS.map(|meter| new_usage_event(suite, &app, meter, "1")));
    }
    for batch in events.chunks(500) {
        assert!(outcomes(suite, batch).await.iter().all(|outcome| *outcome == ACCEPTED));
    }
    suite.clock.advance_to(&format!("{after}-01T00:00:00Z"));
    runs_billing(suite).await;
    let name = it.latest().await.name;
    // A reader that takes a piece at a time.
    let window = 16 * 1024;
    let channel = Endpoint::from(suite.addresses(Service::Billing)[0].clone())
        .initial_stream_window_size(window)
        .connect_lazy();
    let principal = Principal::user("bob");
    let token = suite.issuer().token(&principal, None, Duration::from_hours(24 * 365));
    let slow = Persona::at_one_port(&principal, Some(token.as_str()), &channel);
    let mut pieces =
        slow.invoices().export_invoice(ExportInvoiceRequest { name }).await.expect("a stream").into_inner();
    let mut read = pieces.message().await.expect("a piece").expect("a piece").csv.len();
    happens(&it, &bob).await;
    let end = loop {
        match pieces.message().await {
            Ok(Some(piece)) => read += piece.csv.len(),
            Ok(None) => panic!("all of it was read: {read} bytes"),
            Err(status) => break refused::<()>(Err(status)),
        }
    };
    assert_eq!(end.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
}

// R-M8, R-M4, R-P3: each space by itself.
async fn many_spaces_are_left_in_one_call_and_each_result_is_told(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let mut spaces = Vec::new();
    for _ in 0..5 {
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        spaces.push(space);
    }
    let (own, strange) = (bob.creates_space("Own").await, alice.creates_space("Strange").await);
    let all: Vec<&str> =
        [&spaces[0], &own, &spaces[1], &strange, &spaces[2]].into_iter().map(String::as_str).collect();
    let id = suite.request_id();
    let first = leaves_all(&bob, &all, &id).await.expect("results");
    assert_eq!(reasons(&first), [None, Some("LAST_ADMIN"), None, Some("PERMISSION_DENIED"), None]);
    assert_eq!(first.results.iter().map(|result| result.name.as_str()).collect::<Vec<_>>(), all);
    for (space, may) in [(&spaces[0], false), (&own, true), (&spaces[2], false), (&spaces[3], true)] {
        assert_eq!(bob.may("space.get", space).await, may, "{space}");
    }
    // R-J5
    assert_eq!(leaves_all(&bob, &all, &id).await.expect("the first result"), first);
    let other = refused(leaves_all(&bob, &all[..2], &id).await);
    assert_eq!(other.bad_fields(), (Code::InvalidArgument, "REQUEST_ID_REUSED", vec!["request_id"]));
    adds_members(&bob, &own, &[(&alice, ADMIN)]).await.expect("added");
    assert_eq!(reasons(&leaves_all(&bob, &[&own], "").await.expect("results")), [None]);
    leaves_space(&bob, &spaces[3]).await.expect("as before");
}

// Order of answers, R-M8
async fn bad_names_of_spaces_to_leave_are_told_at_once_and_none_is_left(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let bad = refused(leaves_all(&bob, &[&space, "spaces/1", &space, "x"], "").await);
    let fields = vec!["names[1]", "names[2]", "names[3]"];
    assert_eq!(bad.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", fields));
    for number in [0, 101] {
        assert_eq!(refused(leaves_all(&bob, &vec![space.as_str(); number], "").await).fields, ["names"]);
    }
    assert!(bob.may("space.get", &space).await);
}

// R-M8: a call that only asks changes nothing.
async fn leaving_many_spaces_can_be_tried_out(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let own = bob.creates_space("Own").await;
    let request = LeaveSpacesRequest {
        names: vec![space.clone(), own],
        request_id: suite.request_id(),
        validate_only: true,
    };
    let told = bob.members().leave_spaces(request).await.expect("results").into_inner();
    assert_eq!(reasons(&told), [None, Some("LAST_ADMIN")]);
    assert!(bob.may("space.get", &space).await);
}
