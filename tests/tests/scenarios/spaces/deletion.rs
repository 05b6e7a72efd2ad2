//! A space's end: deleted, had back, purged (R-S6).
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    membership::v1::ListMembersRequest,
    space::v1::{GetSpaceSettingsRequest, space::State, space_settings::BillingStatus},
};
use devspaces_tests::{Persona, Suite, refused, sql::tamper, suite::eventually};
use tonic::{Code, Status};

use crate::acts::{
    accounts::consents_to_invoicing,
    apps::creates_app,
    marketplace::accepts_terms,
    members::{DEVELOPER, adds_members},
    spaces::{archives_space, deletes_space, gets_space, restores_space, space_names, undeletes_space},
};

scenarios! {
    both engines:
        a_deleted_space_can_be_had_back_as_it_was,
        a_space_in_use_is_not_deleted,
        a_space_is_purged_after_thirty_days_and_nobody_is_in_it_any_more,
        settings_show_how_it_stands_with_billing_and_are_whole_or_not_given;
}

const DAY: Duration = Duration::from_hours(24);

async fn billing_status(who: &Persona, name: &str) -> Result<BillingStatus, Status> {
    let request = GetSpaceSettingsRequest { name: name.to_owned() };
    who.spaces().get_space_settings(request).await.map(|settings| settings.into_inner().billing_status())
}

// R-S6, R-S5
async fn a_deleted_space_can_be_had_back_as_it_was(suite: Suite) {
    let (alice, dora) = (suite.user("alice"), suite.user("dora"));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER)]).await.expect("added");
    archives_space(&alice, &space).await.expect("archived");
    let denied = refused(deletes_space(&dora, &space).await);
    assert_eq!(
        (denied.kind(), denied.metadata[0].1.as_str()),
        ((Code::PermissionDenied, "PERMISSION_DENIED"), "space.delete")
    );

    let deleted = deletes_space(&alice, &space).await.expect("deleted");
    assert_eq!(deleted.state(), State::Deleted);
    let [since, until] = [deleted.delete_time, deleted.purge_time].map(|time| time.expect("a time").seconds);
    assert_eq!(until - since, 30 * 86_400);
    let again = refused(deletes_space(&alice, &space).await);
    assert_eq!(again.kind(), (Code::FailedPrecondition, "SPACE_DELETED"));
    assert_eq!(refused(restores_space(&alice, &space).await).reason, "SPACE_NOT_ARCHIVED");
    assert_eq!(refused(creates_app(&alice, &space).await).reason, "SPACE_ARCHIVED");
    assert_eq!(
        refused(adds_members(&alice, &space, &[(&suite.user("bob"), DEVELOPER)]).await).reason,
        "SPACE_ARCHIVED"
    );

    suite.clock.advance(DAY * 29);
    let back = undeletes_space(&alice, &space).await.expect("had back");
    assert_eq!((back.state(), back.delete_time, back.purge_time), (State::Archived, None, None));
    assert_eq!(refused(undeletes_space(&alice, &space).await).reason, "SPACE_NOT_DELETED");
    restores_space(&alice, &space).await.expect("restored");
    assert_eq!(space_names(&dora).await, [space]);
}

// R-S6: everything that stands in the way is told at once.
async fn a_space_in_use_is_not_deleted(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    alice.creates_app(&space).await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    accepts_terms(&alice, &space).await.expect("published");
    tamper(
        &suite.pool(Service::Billing).await,
        r#"INSERT INTO usage_sums (space, billed_month, app, usage_month, held_from, billable, sums)
               SELECT space, '2000-01', space, '2000-01', create_time, TRUE, '{"logs.gb":["1",1]}' FROM account"#,
    )
    .await;
    let refusal = refused(deletes_space(&alice, &space).await);
    let reasons: Vec<&str> = refusal.blockers.iter().map(String::as_str).collect();
    assert_eq!(refusal.code, Code::FailedPrecondition);
    for reason in ["SPACE_NOT_ARCHIVED", "SPACE_PUBLISHED", "SPACE_NOT_SETTLED", "SPACE_HAS_APPS"] {
        assert!(reasons.contains(&reason), "{reasons:?}");
    }
    assert_eq!(reasons.len(), 4);
    assert_eq!(gets_space(&alice, &space).await.expect("the space").state(), State::Active);
}

// R-S6, R-P3
async fn a_space_is_purged_after_thirty_days_and_nobody_is_in_it_any_more(suite: Suite) {
    let (alice, dora) = (suite.user("alice"), suite.user("dora"));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER)]).await.expect("added");
    archives_space(&alice, &space).await.expect("archived");
    deletes_space(&alice, &space).await.expect("deleted");
    suite.clock.advance(DAY * 30);
    let denied = refused(undeletes_space(&alice, &space).await);
    assert_eq!(denied.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "purged yet or not");
    eventually(async || space_names(&alice).await.is_empty().then_some(())).await;
    eventually(async || space_names(&dora).await.is_empty().then_some(())).await;
    let request = ListMembersRequest { parent: space.clone(), ..ListMembersRequest::default() };
    eventually(async || alice.members().list_members(request.clone()).await.err()).await;
    for port in Service::ALL {
        let question = devspaces_proto::authz::v1::CheckPermissionRequest {
            permission: "space.settings.get".to_owned(),
            resource: space.clone(),
            ..Default::default()
        };
        let answer = alice.authz_of(port).check_permission(question).await.expect("an answer").into_inner();
        assert!(!answer.allowed, "{port}");
    }
}

// R-S4, R-B10
async fn settings_show_how_it_stands_with_billing_and_are_whole_or_not_given(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    assert_eq!(billing_status(&alice, &space).await.expect("settings"), BillingStatus::NoAccount);
    consents_to_invoicing(&alice, &space).await.expect("an account");
    assert_eq!(billing_status(&alice, &space).await.expect("settings"), BillingStatus::Active);
    suite.stop(Service::Billing).await;
    assert_eq!(
        refused(billing_status(&alice, &space).await).kind(),
        (Code::Unavailable, "FACTS_UNAVAILABLE")
    );
    archives_space(&alice, &space).await.expect("archived");
    assert_eq!(refused(deletes_space(&alice, &space).await).kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
    suite.restart(Service::Billing).await;
    eventually(async || deletes_space(&alice, &space).await.ok()).await;
}
