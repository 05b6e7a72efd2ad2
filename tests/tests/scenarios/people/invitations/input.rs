//! Bad input of invitations, and their limits.
use devspaces_proto::membership::v1::{CreateInvitationRequest, Invitation, invitation::Invitee};
use devspaces_tests::{Suite, refused};
use futures::{StreamExt as _, stream};
use tonic::Code;

use crate::acts::{
    invitations::{accepts_invitation, invites, of_email, of_user, revokes_invitation, state_of_invitation},
    members::{DEVELOPER, VIEWER},
};

scenarios! {
    everywhere:
        each_bad_field_is_named,
        an_invitation_can_not_offer_what_a_member_can_not_be;
    both engines:
        one_inviter_has_at_most_a_hundred_pending;
}

// R-M9
async fn each_bad_field_is_named(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let of = |invitee| Invitation { invitee: Some(invitee), role: VIEWER.into(), ..Default::default() };
    let bad = [
        (of(Invitee::User("bob".to_owned())), vec!["invitation.user"]),
        (of(Invitee::User("services/x".to_owned())), vec!["invitation.user"]),
        (of(Invitee::Email("bob".to_owned())), vec!["invitation.email"]),
        (of(Invitee::Email("Bob <bob@example.com>".to_owned())), vec!["invitation.email"]),
        (Invitation::default(), vec!["invitation.user", "invitation.role"]),
        (Invitation { role: 9, ..of_user(&bob, VIEWER) }, vec!["invitation.role"]),
        (
            Invitation { role_expire_time: Some(suite.clock_in(-1)), ..of_user(&bob, VIEWER) },
            vec!["invitation.role_expire_time"],
        ),
    ];
    for (invitation, fields) in bad {
        let refusal = refused(invites(&alice, &space, invitation).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", fields));
    }
    let nothing = CreateInvitationRequest { parent: space.clone(), ..Default::default() };
    assert_eq!(refused(alice.invitations().create_invitation(nothing).await).code, Code::InvalidArgument);
    let name = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited").name;
    for token in ["", "x", &"A".repeat(42), &format!("{}\n", "A".repeat(43))] {
        let refusal = refused(accepts_invitation(&bob, &name, token).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["token"]));
    }
    for name in ["", "x", &space, &format!("{space}/invitations/x"), &format!("{space}/members/bob")] {
        let refusals = [
            refused(state_of_invitation(&alice, name).await),
            refused(revokes_invitation(&alice, name).await),
            refused(accepts_invitation(&bob, name, &"A".repeat(43)).await),
        ];
        for refusal in refusals {
            assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["name"]));
        }
    }
}

// R-M6
async fn an_invitation_can_not_offer_what_a_member_can_not_be(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let add_on = |role| Invitation { view_all_apps: true, ..of_user(&bob, role) };
    let refusal = refused(invites(&alice, &space, add_on(VIEWER)).await);
    let field = vec!["invitation.view_all_apps"];
    assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", field));
    invites(&alice, &space, add_on(DEVELOPER)).await.expect("a Developer has it");
}

// R-M9
async fn one_inviter_has_at_most_a_hundred_pending(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let address = |n: usize| format!("{}{n}@example.com", suite.own("p"));
    let made: Vec<_> = stream::iter(0..100)
        .map(|n| invites(&alice, &space, of_email(&address(n), VIEWER)))
        .buffered(8)
        .collect()
        .await;
    let first = made.into_iter().map(|it| it.expect("invited").name).next().expect("one");
    let refusal = refused(invites(&alice, &space, of_email(&address(100), VIEWER)).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "TOO_MANY_INVITATIONS"));
    revokes_invitation(&alice, &first).await.expect("revoked");
    invites(&alice, &space, of_email(&address(100), VIEWER)).await.expect("there is room");
}
