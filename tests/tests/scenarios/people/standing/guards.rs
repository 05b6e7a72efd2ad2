//! Whoever is deactivated counts for no rule that asks for a last one, and no such rule keeps anybody from being deactivated.
use devspaces_proto::membership::v1::PreviewDepartureRequest;
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    accounts::{adds_billing_admins, consents_to_invoicing, lists_billing_admins, removes_billing_admin},
    apps::{creates_app, gets_app},
    contributors::{
        DEPLOYER, adds_contributors, lists_contributors, removes_contributor, transfers_ownership,
        updates_contributor,
    },
    marketplace::{
        accepts_terms, adds_marketplace_admins, lists_marketplace_admins, removes_marketplace_admin,
    },
    members::{
        ADMIN, DEVELOPER, VIEWER, adds_members, demotes_member, leaves_space, lists_members, removes_member,
    },
    people::{deactivates, reactivates},
};

scenarios! {
    everywhere:
        a_deactivated_admin_is_no_other_admin,
        nobody_passes_an_app_on_to_who_is_deactivated,
        a_deactivated_viewer_is_still_a_derived_one,
        what_somebody_keeps_who_is_deactivated_is_told,
        a_deactivated_billing_admin_is_no_other_billing_admin,
        a_deactivated_marketplace_admin_is_no_other_marketplace_admin,
        the_last_admin_is_deactivated_and_marketplace_admins_choose_anew,
        apps_pass_to_the_longest_standing_admin_who_is_active;
}

// R-M4, R-M12
async fn a_deactivated_admin_is_no_other_admin(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&carol, VIEWER)]).await.expect("added");
    deactivates(&suite, &bob).await.expect("deactivated");
    for refusal in [
        refused(leaves_space(&alice, &space).await),
        refused(removes_member(&alice, &space, &alice).await),
        refused(demotes_member(&alice, &space, &alice).await),
    ] {
        assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "LAST_ADMIN", vec!["LAST_ADMIN"]));
    }
    removes_member(&alice, &space, &bob).await.expect("who does not count can go");
    reactivates(&suite, &bob).await.expect("reactivated");
    assert!(!bob.may("space.get", &space).await, "what was removed meanwhile is not back");
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    leaves_space(&alice, &space).await.expect("left");
}

// R-A3, R-M12
async fn nobody_passes_an_app_on_to_who_is_deactivated(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    adds_contributors(&alice, &app, &[(&bob, DEPLOYER)]).await.expect("added");
    deactivates(&suite, &bob).await.expect("deactivated");
    let refusal = refused(transfers_ownership(&alice, &app, &bob).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "NEW_OWNER_INELIGIBLE"));
    reactivates(&suite, &bob).await.expect("reactivated");
    transfers_ownership(&alice, &app, &bob).await.expect("passed on");
}

// R-A4, R-M12: what is listed can't be removed here, and that is what is said of it.
async fn a_deactivated_viewer_is_still_a_derived_one(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER), (&carol, DEVELOPER)]).await.expect("added");
    let app = alice.creates_app(&space).await;
    for person in [&bob, &carol] {
        deactivates(&suite, person).await.expect("deactivated");
    }
    let listed = lists_contributors(&alice, &app, 0).await.expect("a list");
    let deactivated: Vec<_> = listed.iter().filter(|it| it.deactivated).map(|it| it.user.as_str()).collect();
    assert_eq!(deactivated, [bob.name.as_str()]);
    for refusal in [
        refused(removes_contributor(&alice, &app, &bob).await),
        refused(updates_contributor(&alice, &app, &bob, DEPLOYER).await),
    ] {
        assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "DERIVED_ROLE", vec!["DERIVED_ROLE"]));
    }
    assert_eq!(refused(removes_contributor(&alice, &app, &carol).await).code, Code::NotFound);
}

// R-M5, R-M12: it is there again when the person is back.
async fn what_somebody_keeps_who_is_deactivated_is_told(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    let profile = accepts_terms(&alice, &space).await.expect("a profile").name;
    adds_marketplace_admins(&alice, &profile, &[&bob]).await.expect("added");
    deactivates(&suite, &bob).await.expect("deactivated");
    let planes = async || {
        let request = PreviewDepartureRequest { space: space.clone(), user: bob.name.clone() };
        let preview = alice.reviews().preview_departure(request).await.expect("a preview").into_inner();
        let removal = preview.removal.expect("what would be answered");
        removal.remaining_roles.into_iter().map(|it| it.plane).collect::<Vec<_>>()
    };
    assert_eq!(planes().await, ["billing", "marketplace"]);
    let removed = removes_member(&alice, &space, &bob).await.expect("removed");
    assert_eq!(removed.remaining_roles.len(), 2);
    reactivates(&suite, &bob).await.expect("reactivated");
    assert!(
        bob.may("billing.invoices.get", &space).await && bob.may("marketplace.profile.get", &space).await
    );
}

// R-B2, R-M12
async fn a_deactivated_billing_admin_is_no_other_billing_admin(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    deactivates(&suite, &bob).await.expect("deactivated");
    let refusal = refused(removes_billing_admin(&alice, &space, &alice).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "LAST_BILLING_ADMIN"));
    removes_billing_admin(&alice, &space, &bob).await.expect("who does not count can go");
    assert_eq!(lists_billing_admins(&alice, &space).await.expect("a list"), [alice.id()]);
}

// R-K4, R-M12
async fn a_deactivated_marketplace_admin_is_no_other_marketplace_admin(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let profile = accepts_terms(&alice, &space).await.expect("a profile").name;
    adds_marketplace_admins(&alice, &profile, &[&bob]).await.expect("added");
    deactivates(&suite, &bob).await.expect("deactivated");
    let refusal = refused(removes_marketplace_admin(&alice, &profile, &alice).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "LAST_MARKETPLACE_ADMIN"));
    removes_marketplace_admin(&alice, &profile, &bob).await.expect("who does not count can go");
    let left = lists_marketplace_admins(&alice, &profile, 10).await.expect("a list");
    assert_eq!(left, [alice.name.as_str()]);
}

// R-M12, R-M3: no rule keeps the last Admin from being deactivated. The bootstrap is open as long as that lasts, also to
// checks at other services, which have the space's facts in memory.
async fn the_last_admin_is_deactivated_and_marketplace_admins_choose_anew(suite: Suite) {
    let [alice, mona, carol] = ["alice", "mona", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let profile = accepts_terms(&alice, &space).await.expect("a profile").name;
    adds_marketplace_admins(&alice, &profile, &[&mona]).await.expect("added");
    for _ in 0..3 {
        assert!(!mona.may("members.add", &space).await);
        deactivates(&suite, &alice).await.expect("deactivated");
        assert!(mona.may("members.add", &space).await);
        reactivates(&suite, &alice).await.expect("reactivated");
    }
    assert_eq!(refused(adds_members(&mona, &space, &[(&carol, ADMIN)]).await).code, Code::PermissionDenied);
    deactivates(&suite, &alice).await.expect("deactivated");
    adds_members(&mona, &space, &[(&carol, ADMIN)]).await.expect("chosen");
    assert!(!mona.may("members.add", &space).await);
    reactivates(&suite, &alice).await.expect("reactivated");
    let members = lists_members(&carol, &space).await.expect("a list");
    assert_eq!(members, [(alice.name.clone(), ADMIN), (carol.name.clone(), ADMIN)]);
}

// R-M8, R-M12
async fn apps_pass_to_the_longest_standing_admin_who_is_active(suite: Suite) {
    let [alice, bob, carol, dora] = ["alice", "bob", "carol", "dora"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    for admin in [&bob, &carol, &dora] {
        adds_members(&alice, &space, &[(admin, ADMIN)]).await.expect("added");
    }
    let app = creates_app(&dora, &space).await.expect("an app").name;
    deactivates(&suite, &alice).await.expect("deactivated");
    deactivates(&suite, &bob).await.expect("deactivated");
    leaves_space(&dora, &space).await.expect("left");
    assert!(carol.may("app.delete", &app).await);
    assert_eq!(gets_app(&carol, &app).await.expect("an app").name, app);
}
