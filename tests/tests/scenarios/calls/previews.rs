//! What is asked for with `validate_only` is answered as the change would be, and changes nothing.
use devspaces_proto::{
    billing::v1::{
        ListMetersRequest, RetireMeterRequest, SetBudgetRequest, VoidUsageRequest, void_usage_result::Outcome,
    },
    membership::v1::{ConsoleRole, DeactivateUserRequest, Member, UpdateMemberRequest},
    space::v1::{SuspendAppRequest, SuspendSpaceRequest, standing::Reason},
};
use devspaces_tests::{Suite, refused};

use crate::acts::{
    budgets::{budget_of_space, capping, gets_budget_named},
    invoices::Customer,
    mask,
    members::{ADMIN, VIEWER, adds_members, lists_members},
    people::{deactivation, offboarding},
    refusals::{DENIED, NOT_FOUND},
    suspensions::{RUNS, STANDS, operator, runs, suspended_for, suspension},
    usage::{DUPLICATE, LOGS_GB, begins_mid_month, new_usage_event, outcomes, reports_accepted, usage_sums},
};

scenarios! {
    both engines:
        a_preview_of_a_void_or_a_retirement_leaves_all_as_it_was,
        a_preview_of_a_cap_says_whether_it_would_suspend,
        a_preview_of_a_suspension_or_a_departure_takes_nothing;
    everywhere:
        a_preview_of_a_demotion_demotes_nobody;
}

// R-B12, R-E4
async fn a_preview_of_a_cap_says_whether_it_would_suspend(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "2")).await;
    let preview = |cents| SetBudgetRequest { validate_only: true, ..capping(&it.space, cents, "") };
    for (cents, suspends) in [(100, true), (1000, false)] {
        let budget = it.admin.accounts().set_budget(preview(cents)).await.expect("a preview").into_inner();
        assert_eq!(budget.suspends, suspends, "{cents}");
        assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    }
    let none = refused(gets_budget_named(&it.admin, &budget_of_space(&it.space)).await);
    assert_eq!(none.kind(), NOT_FOUND);
    let set = SetBudgetRequest { validate_only: false, ..preview(100) };
    it.admin.accounts().set_budget(set).await.expect("set");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
}

// R-B15, R-B6: what can't be undone above all.
async fn a_preview_of_a_void_or_a_retirement_leaves_all_as_it_was(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let event = new_usage_event(&suite, &it.app, LOGS_GB, "2");
    reports_accepted(&suite, event.clone()).await;
    // The same key then makes the change: a preview leaves no first result.
    let request_id = suite.request_id();
    let void = |validate_only| VoidUsageRequest {
        event_ids: vec![event.id.clone()],
        reason: "Measured twice".to_owned(),
        request_id: request_id.clone(),
        validate_only,
    };
    let metering = suite.persona("services/metering");
    for (validate_only, left) in [(true, vec![("2".to_owned(), 1)]), (false, vec![])] {
        let results = metering.usage().void_usage(void(validate_only)).await.expect("results").into_inner();
        assert_eq!(results.results[0].outcome(), Outcome::Voided);
        assert_eq!(usage_sums(&it.admin, &it.space).await, left);
    }
    assert_eq!(outcomes(&suite, std::slice::from_ref(&event)).await, [DUPLICATE]);
    let retire =
        RetireMeterRequest { name: LOGS_GB.to_owned(), validate_only: true, ..RetireMeterRequest::default() };
    let catalogue = suite.persona("services/catalogue");
    let retired = catalogue.usage().retire_meter(retire).await.expect("a preview").into_inner();
    let meters =
        it.admin.usage().list_meters(ListMetersRequest::default()).await.expect("meters").into_inner();
    let logs = meters.meters.iter().find(|meter| meter.name == LOGS_GB).expect("logs");
    assert!(retired.retire_time.is_some() && logs.retire_time.is_none());
}

// R-A12, R-M12
async fn a_preview_of_a_suspension_or_a_departure_takes_nothing(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let preview = SuspendAppRequest { validate_only: true, ..suspension(&app, Reason::Legal) };
    let of_space = SuspendSpaceRequest {
        name: space.clone(),
        reason: preview.reason,
        note: preview.note.clone(),
        validate_only: true,
        ..SuspendSpaceRequest::default()
    };
    let denied = refused(alice.spaces().suspend_space(of_space.clone()).await);
    assert_eq!(denied.kind(), DENIED);
    let operator = operator(&suite);
    let standing = operator.apps().suspend_app(preview).await.expect("a preview").into_inner();
    assert_eq!(standing, suspended_for(&[Reason::Legal]));
    let standing = operator.spaces().suspend_space(of_space).await.expect("a preview").into_inner();
    assert_eq!(standing, suspended_for(&[Reason::Legal]));
    let preview = DeactivateUserRequest { validate_only: true, ..deactivation(&alice) };
    offboarding(&suite).people().deactivate_user(preview).await.expect("a preview");
    assert_eq!(runs(&suite, &alice, &app).await, RUNS);
}

// R-M2, R-M4: and it is refused as the change would be.
async fn a_preview_of_a_demotion_demotes_nobody(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let preview = |whom: &devspaces_tests::Persona| UpdateMemberRequest {
        member: Some(Member {
            name: whom.member_of(&space),
            role: ConsoleRole::Viewer.into(),
            ..Member::default()
        }),
        update_mask: mask(&["role"]),
        validate_only: true,
        ..UpdateMemberRequest::default()
    };
    let last = refused(alice.members().update_member(preview(&alice)).await);
    assert_eq!(last.kind().1, "LAST_ADMIN");
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    let shown = alice.members().update_member(preview(&bob)).await.expect("a preview").into_inner();
    assert_eq!(shown.role(), VIEWER);
    let listed = lists_members(&alice, &space).await.expect("a list");
    assert!(listed.iter().all(|(_, role)| *role == ADMIN), "{listed:?}");
}
