//! What becomes of a person 30 days after the deactivation.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::membership::v1::{InvitationState, user_standing::State};
use devspaces_tests::{Persona, Suite, refused, suite::eventually};
use tonic::Code;

use crate::acts::{
    accounts::{adds_billing_admins, consents_to_invoicing, lists_billing_admins},
    app_groups::{creates_app_group, grant, grants_app_group_role, lists_app_group_roles},
    apps::{creates_app, deletes_app, undeletes_app},
    contributors::{DEPLOYER, adds_contributors, lists_contributors},
    invitations::{invites, of_user, state_of_invitation},
    journal::{entries_of, lists_entries},
    marketplace::{accepts_terms, adds_marketplace_admins, lists_marketplace_admins},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, keeps_only_app_roles, lists_members},
    people::{deactivates, offboarding, reactivates, standing_of},
};

scenarios! {
    both engines:
        after_30_days_all_that_was_held_is_removed_on_every_plane,
        what_granted_nothing_as_things_were_is_removed_too,
        within_30_days_nothing_is_removed,
        nobody_is_removed_while_the_clock_is_doubted,
        a_removal_goes_on_when_a_service_is_back,
        a_space_whose_only_admin_is_removed_is_left_without;
}

const DAY: Duration = Duration::from_hours(24);

async fn is_removed(suite: &Suite, whom: &Persona) {
    let removed = async || {
        let entries = lists_entries(&offboarding(suite), Service::Membership, entries_of("people")).await;
        let last = entries.into_iter().rfind(|it| it.resources == [whom.name.clone()])?;
        format!("{:?}", last.after).contains("REMOVED").then_some(())
    };
    eventually(removed).await;
    assert_eq!(standing_of(suite, whom).await.expect("a standing").state(), State::Removed);
}

// R-M12, R-M5
async fn after_30_days_all_that_was_held_is_removed_on_every_plane(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&carol, VIEWER)]).await.expect("added");
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    let profile = accepts_terms(&alice, &space).await.expect("a profile").name;
    adds_marketplace_admins(&alice, &profile, &[&bob]).await.expect("added");
    let owned = creates_app(&bob, &space).await.expect("an app").name;
    let by_bob = invites(&bob, &space, of_user(&suite.user("dora"), VIEWER)).await.expect("invited");
    // Where bob is a contributor and nothing else, and where bob is only invited.
    let other = alice.creates_space("Other").await;
    adds_members(&alice, &other, &[(&bob, DEVELOPER)]).await.expect("added");
    let theirs = creates_app(&bob, &other).await.expect("an app").name;
    keeps_only_app_roles(&alice, &other, &bob).await;
    let third = alice.creates_space("Third").await;
    let of_bob = invites(&alice, &third, of_user(&bob, VIEWER)).await.expect("invited");

    deactivates(&suite, &bob).await.expect("deactivated");
    suite.clock.advance(30 * DAY + Duration::from_secs(1));
    is_removed(&suite, &bob).await;
    let expected = [(alice.name.clone(), ADMIN), (carol.name.clone(), VIEWER)];
    assert_eq!(lists_members(&alice, &space).await.expect("a list"), expected);
    assert_eq!(lists_billing_admins(&alice, &space).await.expect("a list"), [alice.id()]);
    let admins = lists_marketplace_admins(&alice, &profile, 10).await.expect("a list");
    assert_eq!(admins, [alice.name.as_str()]);
    for app in [&owned, &theirs] {
        let contributors = lists_contributors(&alice, app, 10).await.expect("a list");
        assert!(contributors.iter().all(|it| it.user != bob.name), "{contributors:?}");
    }
    assert!(alice.may("app.delete", &owned).await, "it passes to whoever has been Admin longest");
    for (invitation, of) in [(&by_bob, &space), (&of_bob, &third)] {
        // Both had expired, and are void for good.
        let state = state_of_invitation(&alice, &invitation.name).await.expect("a state");
        assert_eq!(state, InvitationState::Void, "{of}");
    }
    for port in [Service::Membership, Service::Space, Service::Billing, Service::Marketplace] {
        let entries = lists_entries(&alice, port, entries_of(&space)).await;
        let removed = entries.iter().filter(|it| it.method == "devspaces.membership/remove").count();
        assert_eq!(removed, 1, "{port}");
    }
    reactivates(&suite, &bob).await.expect("reactivated");
    assert!(!bob.may("space.get", &space).await && !bob.may("billing.invoices.get", &space).await);
    bob.creates_space("New").await;
}

// R-M12: roles on an app group without apps and on a deleted app, where the person holds nothing else.
async fn what_granted_nothing_as_things_were_is_removed_too(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let [grouped, deleted] = [alice.creates_space("Team").await, alice.creates_space("Other").await];
    let set = creates_app_group(&alice, &grouped, "Set").await.expect("an app group").name;
    grants_app_group_role(&alice, grant(&set, &bob.name, DEPLOYER)).await.expect("granted");
    let app = alice.creates_app(&deleted).await;
    adds_contributors(&alice, &app, &[(&bob, DEPLOYER)]).await.expect("added");
    deactivates(&suite, &bob).await.expect("deactivated");
    suite.clock.advance(29 * DAY);
    deletes_app(&alice, &app).await.expect("deleted");
    suite.clock.advance(DAY + Duration::from_secs(1));
    is_removed(&suite, &bob).await;
    assert_eq!(lists_app_group_roles(&alice, &set).await.expect("a list"), []);
    undeletes_app(&alice, &app).await.expect("undeleted");
    reactivates(&suite, &bob).await.expect("reactivated");
    assert!(!bob.may("app.deploy", &app).await);
    let contributors = lists_contributors(&alice, &app, 10).await.expect("a list");
    assert!(contributors.iter().all(|it| it.user != bob.name), "{contributors:?}");
}

// R-M12
async fn within_30_days_nothing_is_removed(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&carol, ADMIN)]).await.expect("added");
    deactivates(&suite, &carol).await.expect("deactivated");
    suite.clock.advance(DAY);
    deactivates(&suite, &bob).await.expect("deactivated");
    suite.clock.advance(29 * DAY + Duration::from_secs(1));
    // Whoever is due later waits, when the earlier one has been seen to.
    is_removed(&suite, &carol).await;
    reactivates(&suite, &bob).await.expect("reactivated");
    assert!(bob.may("members.add", &space).await);
    // The days count anew.
    deactivates(&suite, &bob).await.expect("deactivated");
    suite.clock.advance(29 * DAY);
    reactivates(&suite, &bob).await.expect("reactivated");
    assert!(bob.may("members.add", &space).await);
}

// R-M12, R-M10: a clock that was put forward removes nobody for good.
async fn nobody_is_removed_while_the_clock_is_doubted(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    deactivates(&suite, &bob).await.expect("deactivated");
    suite.clock.put_forward(365 * DAY);
    reactivates(&suite, &bob).await.expect("reactivated");
    assert!(bob.may("members.add", &space).await);
    suite.clock.put_right();
    assert_eq!(lists_members(&bob, &space).await.expect("a list").len(), 2);
}

// R-M12: what is done is done, and the rest follows.
async fn a_removal_goes_on_when_a_service_is_back(suite: Suite) {
    let mut suite = suite;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let mut spaces = Vec::new();
    for _ in 0..3 {
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        consents_to_invoicing(&alice, &space).await.expect("an account");
        adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
        let app = creates_app(&alice, &space).await.expect("an app").name;
        adds_contributors(&alice, &app, &[(&bob, DEPLOYER)]).await.expect("added");
        spaces.push((space, app));
    }
    deactivates(&suite, &bob).await.expect("deactivated");
    suite.stop(Service::Billing).await;
    suite.clock.advance(31 * DAY);
    let begun = async || {
        let state = standing_of(&suite, &bob).await.expect("a standing").state();
        (state == State::Removed).then_some(())
    };
    eventually(begun).await;
    let refusal = refused(reactivates(&suite, &bob).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "PERSON_BEING_REMOVED"));
    suite.restart(Service::Billing).await;
    is_removed(&suite, &bob).await;
    for (space, app) in &spaces {
        assert_eq!(lists_members(&alice, space).await.expect("a list").len(), 1);
        assert_eq!(lists_billing_admins(&alice, space).await.expect("a list"), [alice.id()]);
        let contributors = lists_contributors(&alice, app, 10).await.expect("a list");
        assert!(contributors.iter().all(|it| it.user != bob.name));
    }
    reactivates(&suite, &bob).await.expect("reactivated");
}

// R-M12, R-M4: no last Admin keeps a person.
async fn a_space_whose_only_admin_is_removed_is_left_without(suite: Suite) {
    let [alice, vic] = ["alice", "vic"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&vic, VIEWER)]).await.expect("added");
    deactivates(&suite, &alice).await.expect("deactivated");
    suite.clock.advance(31 * DAY);
    is_removed(&suite, &alice).await;
    assert_eq!(lists_members(&vic, &space).await.expect("a list"), [(vic.name.clone(), VIEWER)]);
}
