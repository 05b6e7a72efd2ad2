//! Invitations under concurrency: each race is run many times.
use devspaces_proto::membership::v1::InvitationState;
use devspaces_tests::{Suite, refused};
use futures::future::{join, join_all};

use crate::{
    acts::{
        invitations::{
            accepts_invitation, declines_invitation, invites, of_email, of_user, revokes_invitation,
            state_of_invitation,
        },
        members::{ADMIN, VIEWER, adds_members, demotes_member, lists_members},
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        one_invitation_is_accepted_once,
        acceptance_against_revocation,
        acceptance_against_the_inviters_demotion,
        two_invitations_of_one_person;
}

// R-M9: by two people who share an address, and twice by each.
async fn one_invitation_is_accepted_once(suite: Suite) {
    for round in 0..rounds(20) {
        let alice = suite.user(&format!("alice{round}"));
        let address = format!("{}{round}@example.com", suite.own("team"));
        let [bob, carol] = ["bob", "carol"].map(|id| suite.user_at(&format!("{id}{round}"), &address));
        let space = alice.creates_space("Team").await;
        let invitation = invites(&alice, &space, of_email(&address, VIEWER)).await.expect("invited");
        let accept = |who| accepts_invitation(who, &invitation.name, &invitation.token);
        let answers = join_all([&bob, &carol, &bob, &carol].map(accept)).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        assert_eq!(lists_members(&alice, &space).await.expect("a list").len(), 2);
    }
}

// R-M9
async fn acceptance_against_revocation(suite: Suite) {
    for round in 0..rounds(20) {
        let [alice, bob] = ["alice", "bob"].map(|id| suite.user(&format!("{id}{round}")));
        let space = alice.creates_space("Team").await;
        let invitation = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
        let (name, token) = (&invitation.name, &invitation.token);
        let (accepted, ended) = if round % 2 == 0 {
            join(accepts_invitation(&bob, name, token), revokes_invitation(&alice, name)).await
        } else {
            join(accepts_invitation(&bob, name, token), declines_invitation(&bob, name, token)).await
        };
        assert!(accepted.is_ok() != ended.is_ok(), "round {round}: {accepted:?} {ended:?}");
        assert_eq!(bob.may("space.get", &space).await, accepted.is_ok());
        let lost = if accepted.is_err() { refused(accepted) } else { refused(ended) };
        assert_eq!(lost.reason, "INVITATION_ENDED");
    }
}

// R-M9: accepted before the inviter's demotion, or not at all.
async fn acceptance_against_the_inviters_demotion(suite: Suite) {
    for round in 0..rounds(20) {
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(&format!("{id}{round}")));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let invitation = invites(&bob, &space, of_user(&carol, VIEWER)).await.expect("invited");
        let (accepted, demoted) = join(
            accepts_invitation(&carol, &invitation.name, &invitation.token),
            demotes_member(&alice, &space, &bob),
        )
        .await;
        demoted.expect("nothing keeps an Admin from demoting another");
        let state = state_of_invitation(&alice, &invitation.name).await.expect("there");
        let expected = if accepted.is_ok() { InvitationState::Accepted } else { InvitationState::Void };
        assert_eq!(state, expected);
        assert_eq!(carol.may("space.get", &space).await, accepted.is_ok());
    }
}

// R-M9
async fn two_invitations_of_one_person(suite: Suite) {
    for round in 0..rounds(20) {
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(&format!("{id}{round}")));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let (one, other) = join(
            invites(&alice, &space, of_user(&carol, VIEWER)),
            invites(&bob, &space, of_user(&carol, VIEWER)),
        )
        .await;
        assert!(one.is_ok() != other.is_ok(), "round {round}: {one:?} {other:?}");
    }
}
