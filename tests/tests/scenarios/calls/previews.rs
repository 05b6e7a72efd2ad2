//! What is asked for with `validate_only` is answered as the change would be, and changes nothing.
use devspaces_proto::{
    billing::v1::SetBudgetRequest,
    membership::v1::{ConsoleRole, DeactivateUserRequest, Member, UpdateMemberRequest},
    space::v1::{SuspendAppRequest, standing::Reason},
};
use devspaces_tests::{Suite, refused};

use crate::acts::{
    budgets::{budget_of_space, capping, gets_budget_named},
    invoices::Customer,
    mask,
    members::{ADMIN, VIEWER, adds_members, lists_members},
    people::{deactivation, offboarding},
    refusals::NOT_FOUND,
    suspensions::{RUNS, STANDS, operator, runs, suspended_for, suspension},
    usage::{LOGS_GB, begins_mid_month, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
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

// R-A12, R-M12
async fn a_preview_of_a_suspension_or_a_departure_takes_nothing(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let preview = SuspendAppRequest { validate_only: true, ..suspension(&app, Reason::Legal) };
    let standing = operator(&suite).apps().suspend_app(preview).await.expect("a preview").into_inner();
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
