//! How invitations end without being accepted (R-M5, R-M9).
use std::time::Duration;

use devspaces_proto::membership::v1::{InvitationState, Member, RevokeInvitationRequest};
use devspaces_tests::{Persona, Suite, refused};
use tonic::Code;

use crate::acts::{
    invitations::{
        accepts_invitation, declines_invitation, invites, of_email, of_user, resends_invitation,
        revokes_invitation, state_of_invitation,
    },
    members::{
        ADMIN, VIEWER, adds_members, adds_members_as_given, demotes_member, leaves_space, member,
        removes_member, updates_member,
    },
    spaces::{archives_space, restores_space},
};

scenarios! {
    everywhere:
        an_invitation_is_declined_or_revoked,
        whoever_is_no_longer_admin_has_invited_nobody,
        removal_makes_void_what_the_person_was_sent,
        whoever_was_removed_does_not_come_back_by_an_address,
        an_archived_space_takes_nobody_in;
    both engines:
        an_inviter_whose_role_ends_has_invited_nobody,
        what_has_ended_is_forgotten_after_a_month;
}

async fn ends(who: &Persona, name: &str, token: &str) {
    let refusal = refused(accepts_invitation(who, name, token).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "INVITATION_ENDED"));
}

// R-M9
async fn an_invitation_is_declined_or_revoked(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let of_bob = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
    let declined = declines_invitation(&bob, &of_bob.name, &of_bob.token).await.expect("declined");
    assert_eq!(declined.state(), InvitationState::Declined);
    ends(&bob, &of_bob.name, &of_bob.token).await;
    let of_carol = invites(&alice, &space, of_user(&carol, VIEWER)).await.expect("invited");
    let stale = RevokeInvitationRequest {
        name: of_carol.name.clone(),
        etag: of_bob.etag.clone(),
        request_id: String::new(),
        ..RevokeInvitationRequest::default()
    };
    assert_eq!(refused(alice.invitations().revoke_invitation(stale).await).reason, "ETAG_STALE");
    let revoked = revokes_invitation(&alice, &of_carol.name).await.expect("revoked");
    assert_eq!(revoked.state(), InvitationState::Revoked);
    ends(&carol, &of_carol.name, &of_carol.token).await;
    for name in [&of_bob.name, &of_carol.name] {
        for refusal in
            [refused(resends_invitation(&alice, name).await), refused(revokes_invitation(&alice, name).await)]
        {
            assert_eq!(refusal.kind(), (Code::FailedPrecondition, "INVITATION_ENDED"));
        }
    }
    let again = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited anew");
    accepts_invitation(&bob, &again.name, &again.token).await.expect("accepted");
}

// R-M9: for good, also when the inviter is Admin again.
async fn whoever_is_no_longer_admin_has_invited_nobody(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    for round in 0..3 {
        let dave = suite.user(&format!("dave{round}"));
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        let invitation = invites(&bob, &space, of_user(&dave, ADMIN)).await.expect("invited");
        match round {
            0 => demotes_member(&alice, &space, &bob).await.map(drop).expect("demoted"),
            1 => leaves_space(&bob, &space).await.expect("left"),
            _ => removes_member(&alice, &space, &bob).await.map(drop).expect("removed"),
        }
        ends(&dave, &invitation.name, &invitation.token).await;
        if round == 0 {
            let promoted = Member { name: bob.member_of(&space), ..member(&bob, ADMIN) };
            updates_member(&alice, promoted, &["role"]).await.expect("promoted");
        } else {
            adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        }
        ends(&dave, &invitation.name, &invitation.token).await;
        let state = state_of_invitation(&alice, &invitation.name).await.expect("there");
        assert_eq!(state, InvitationState::Void);
        assert_eq!(refused(resends_invitation(&alice, &invitation.name).await).reason, "INVITATION_ENDED");
        removes_member(&alice, &space, &bob).await.expect("removed");
    }
}

// R-M5: of somebody who was added meanwhile, and is removed.
async fn removal_makes_void_what_the_person_was_sent(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let invitation = invites(&alice, &space, of_user(&bob, ADMIN)).await.expect("invited");
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    removes_member(&alice, &space, &bob).await.expect("removed");
    ends(&bob, &invitation.name, &invitation.token).await;
    let anew = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited anew");
    accepts_invitation(&bob, &anew.name, &anew.token).await.expect("accepted");
}

// R-M5: whose address it is, is known only when somebody comes with it.
async fn whoever_was_removed_does_not_come_back_by_an_address(suite: Suite) {
    let alice = suite.user("alice");
    let address = format!("{}@example.com", suite.own("b"));
    let bob = suite.user_at("bob", &address);
    let space = alice.creates_space("Team").await;
    let invitation = invites(&alice, &space, of_email(&address, ADMIN)).await.expect("invited");
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    removes_member(&alice, &space, &bob).await.expect("removed");
    ends(&bob, &invitation.name, &invitation.token).await;
    let again = resends_invitation(&alice, &invitation.name).await.expect("sent again");
    ends(&bob, &again.name, &again.token).await;
    revokes_invitation(&alice, &invitation.name).await.expect("revoked");
    let anew = invites(&alice, &space, of_email(&address, VIEWER)).await.expect("invited anew");
    accepts_invitation(&bob, &anew.name, &anew.token).await.expect("meant to come back");
}

// R-S5
async fn an_archived_space_takes_nobody_in(suite: Suite) {
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let of_bob = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
    let of_carol = invites(&alice, &space, of_user(&carol, VIEWER)).await.expect("invited");
    archives_space(&alice, &space).await.expect("archived");
    let refusals = [
        refused(accepts_invitation(&bob, &of_bob.name, &of_bob.token).await),
        refused(invites(&alice, &space, of_user(&dave, VIEWER)).await),
        refused(resends_invitation(&alice, &of_bob.name).await),
    ];
    for refusal in refusals {
        assert_eq!(refusal.kind(), (Code::FailedPrecondition, "SPACE_ARCHIVED"));
    }
    declines_invitation(&carol, &of_carol.name, &of_carol.token).await.expect("declined");
    // R-M9: what is over for good is told, not what would pass.
    ends(&carol, &of_carol.name, &of_carol.token).await;
    assert_eq!(refused(resends_invitation(&alice, &of_carol.name).await).reason, "INVITATION_ENDED");
    restores_space(&alice, &space).await.expect("restored");
    accepts_invitation(&bob, &of_bob.name, &of_bob.token).await.expect("accepted");
}

// R-M9, R-M10
async fn an_inviter_whose_role_ends_has_invited_nobody(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let hour = Member { expire_time: Some(suite.clock_in(3600)), ..member(&bob, ADMIN) };
    adds_members_as_given(&alice, &space, vec![hour]).await.expect("added");
    let invitation = invites(&bob, &space, of_user(&carol, ADMIN)).await.expect("invited");
    suite.clock.advance(Duration::from_hours(1));
    ends(&carol, &invitation.name, &invitation.token).await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added anew");
    ends(&carol, &invitation.name, &invitation.token).await;
}

// R-M9
async fn what_has_ended_is_forgotten_after_a_month(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let revoked = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
    revokes_invitation(&alice, &revoked.name).await.expect("revoked");
    let expires = invites(&alice, &space, of_user(&carol, VIEWER)).await.expect("invited");
    let month = Duration::from_hours(30 * 24);
    suite.clock.advance(month.saturating_sub(Duration::from_mins(1)));
    assert_eq!(state_of_invitation(&alice, &revoked.name).await.expect("there"), InvitationState::Revoked);
    for (name, pass) in
        [(&revoked.name, Duration::from_mins(2)), (&expires.name, Duration::from_hours(7 * 24))]
    {
        suite.clock.advance(pass);
        let gone = async || {
            let asked = state_of_invitation(&alice, name).await;
            asked.err().filter(|status| status.code() == Code::NotFound)
        };
        devspaces_tests::suite::eventually(gone).await;
    }
}
