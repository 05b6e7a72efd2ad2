//! Invitations, from when they are made to how they end (R-M9).
mod endings;
mod input;
mod races;

use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    journal::v1::ListEntriesRequest,
    membership::v1::{
        AcceptInvitationRequest, CreateInvitationRequest, Invitation, InvitationState,
        ListInvitationsRequest, Member, ResendInvitationRequest,
    },
};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    invitations::{
        accepts_invitation, declines_invitation, invites, lists_invitations, of_email, of_user,
        resends_invitation, state_of_invitation,
    },
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, lists_members, member},
};

scenarios! {
    everywhere:
        an_invited_user_becomes_a_member_and_not_before,
        an_address_is_invited_and_whoever_has_it_verified_accepts,
        only_admins_invite_and_see_invitations,
        whoever_lacks_the_token_or_is_not_meant_learns_nothing,
        a_token_is_told_once,
        an_invitation_that_is_sent_again_has_another_token,
        a_role_that_is_held_is_never_changed,
        nobody_is_invited_twice_at_a_time,
        the_offer_holds_what_the_member_becomes,
        invitations_are_listed_in_pages_by_state,
        the_journal_tells_of_an_invitation_and_never_its_token;
    both engines:
        an_invitation_lasts_seven_days,
        an_invitation_ends_with_the_role_that_it_offers,
        whoever_is_invited_when_an_earlier_role_has_ended_comes_back,
        a_repeated_acceptance_is_answered_as_the_first;
}

const WEEK: Duration = Duration::from_hours(7 * 24);

// R-M9
async fn an_invited_user_becomes_a_member_and_not_before(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let invitation = invites(&alice, &space, of_user(&bob, DEVELOPER)).await.expect("invited");
    assert_eq!(invitation.state(), InvitationState::Pending);
    assert_eq!(invitation.inviter, alice.name);
    assert!(!bob.may("space.get", &space).await, "it grants nothing");
    let accepted = accepts_invitation(&bob, &invitation.name, &invitation.token).await.expect("accepted");
    assert_eq!((accepted.state(), accepted.token.as_str()), (InvitationState::Accepted, ""));
    let expected = [(alice.name.clone(), ADMIN), (bob.name.clone(), DEVELOPER)];
    assert_eq!(lists_members(&bob, &space).await.expect("a list"), expected);
    let again = refused(accepts_invitation(&bob, &invitation.name, &invitation.token).await);
    assert_eq!(again.kind(), (Code::FailedPrecondition, "INVITATION_ENDED"), "a token is for once");
    assert_eq!(again.metadata, [("state".to_owned(), "ACCEPTED".to_owned())]);
}

// R-M9: the part before the @ is compared as it is written, the domain without regard to capitals.
async fn an_address_is_invited_and_whoever_has_it_verified_accepts(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let address = format!("Bob.{}@Example.COM", suite.own("b"));
    let invitation = invites(&alice, &space, of_email(&address, VIEWER)).await.expect("invited");
    let (name, token) = (&invitation.name, &invitation.token);
    let others = [
        suite.user("bob"),
        suite.user_at("bob", "bob@example.com"),
        suite.user_at("bob", &address.to_lowercase()),
        suite.user_at("bob", &address.replace("Example", "Example2")),
    ];
    for other in others {
        assert_eq!(refused(accepts_invitation(&other, name, token).await).code, Code::PermissionDenied);
    }
    let bob = suite.user_at("bob", &address.replace("Example.COM", "example.com"));
    accepts_invitation(&bob, name, token).await.expect("accepted");
    assert!(bob.may("space.get", &space).await);
}

// R-M9
async fn only_admins_invite_and_see_invitations(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let invitation = invites(&alice, &space, of_user(&carol, VIEWER)).await.expect("invited");
    for stranger in [&bob, &carol] {
        let refusals = [
            refused(invites(stranger, &space, of_user(&carol, ADMIN)).await),
            refused(state_of_invitation(stranger, &invitation.name).await),
            refused(lists_invitations(stranger, &space, InvitationState::Pending).await),
            refused(resends_invitation(stranger, &invitation.name).await),
        ];
        for refusal in refusals {
            assert_eq!(refusal.metadata[0].1, "invitations.update");
        }
    }
    let nothing = refused(state_of_invitation(&alice, &format!("{space}/invitations/{NO_ID}")).await);
    assert_eq!(nothing.kind(), (Code::NotFound, "RESOURCE_NOT_FOUND"));
}

const NO_ID: &str = "0190a8d0-7b1c-7def-8000-000000000009";

// R-P3
async fn whoever_lacks_the_token_or_is_not_meant_learns_nothing(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let invitation = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
    let (name, token) = (&invitation.name, &invitation.token);
    let nowhere = format!("{space}/invitations/{NO_ID}");
    let unknown = refused(accepts_invitation(&bob, &nowhere, token).await);
    assert_eq!(unknown.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    let other = invites(&alice, &space, of_user(&mallory, VIEWER)).await.expect("invited").token;
    let attempts = [(&bob, other.as_str()), (&mallory, token), (&mallory, &other), (&alice, token)];
    for (who, token) in attempts {
        assert_eq!(refused(accepts_invitation(who, name, token).await), unknown);
        assert_eq!(refused(declines_invitation(who, name, token).await), unknown);
    }
    let service = suite.persona("services/bob");
    assert_eq!(refused(accepts_invitation(&service, name, token).await), unknown, "a service is no user");
    accepts_invitation(&bob, name, token).await.expect("still pending");
}

// R-M9: a repetition of the call that made it is answered without it, and so is every other reply.
async fn a_token_is_told_once(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let request = CreateInvitationRequest {
        parent: space.clone(),
        invitation: Some(of_user(&bob, VIEWER)),
        request_id: suite.request_id(),
    };
    let first = alice.invitations().create_invitation(request.clone()).await.expect("made").into_inner();
    assert_eq!(first.token.len(), 43);
    let repeated = alice.invitations().create_invitation(request).await.expect("repeated").into_inner();
    assert_eq!(repeated, Invitation { token: String::new(), ..first.clone() });
    let resend = ResendInvitationRequest {
        name: first.name.clone(),
        request_id: suite.request_id(),
        ..Default::default()
    };
    let second = alice.invitations().resend_invitation(resend.clone()).await.expect("sent").into_inner();
    let repeated = alice.invitations().resend_invitation(resend).await.expect("repeated").into_inner();
    assert_eq!(repeated, Invitation { token: String::new(), ..second.clone() });
    let page = ListInvitationsRequest { parent: space, ..Default::default() };
    let listed = alice.invitations().list_invitations(page).await.expect("a list").into_inner().invitations;
    assert_eq!(listed, [Invitation { token: String::new(), ..second.clone() }]);
    accepts_invitation(&bob, &second.name, &second.token).await.expect("the token is good");
}

// R-M9
async fn an_invitation_that_is_sent_again_has_another_token(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let first = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
    let second = resends_invitation(&alice, &first.name).await.expect("sent again");
    assert_ne!(first.token, second.token);
    assert_ne!(first.etag, second.etag);
    let replaced = refused(accepts_invitation(&bob, &first.name, &first.token).await);
    assert_eq!(replaced.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    let stale =
        ResendInvitationRequest { name: first.name.clone(), etag: first.etag, request_id: String::new() };
    assert_eq!(refused(alice.invitations().resend_invitation(stale).await).reason, "ETAG_STALE");
    accepts_invitation(&bob, &second.name, &second.token).await.expect("accepted");
}

// R-M9
async fn a_role_that_is_held_is_never_changed(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let invitation = invites(&alice, &space, of_user(&bob, ADMIN)).await.expect("invited");
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added meanwhile");
    let held = refused(accepts_invitation(&bob, &invitation.name, &invitation.token).await);
    assert_eq!(held.kind(), (Code::AlreadyExists, "MEMBER_EXISTS"));
    assert!(!bob.may("members.add", &space).await);
    let member = refused(invites(&alice, &space, of_user(&bob, ADMIN)).await);
    assert_eq!(member.bad_fields(), (Code::AlreadyExists, "MEMBER_EXISTS", vec!["invitation.user"]));
}

// R-M9
async fn nobody_is_invited_twice_at_a_time(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let address = format!("{}@example.com", suite.own("b"));
    let offers = [of_user(&bob, VIEWER), of_email(&address, VIEWER)];
    for offer in offers {
        let first = invites(&alice, &space, offer.clone()).await.expect("invited");
        let twice = refused(invites(&alice, &space, offer).await);
        assert_eq!(twice.kind(), (Code::AlreadyExists, "INVITATION_EXISTS"));
        assert_eq!(twice.metadata, [("invitation".to_owned(), first.name)]);
    }
    let capitals = refused(invites(&alice, &space, of_email(&address.replace("com", "COM"), VIEWER)).await);
    assert_eq!(capitals.reason, "INVITATION_EXISTS");
}

// R-M6, R-M10
async fn the_offer_holds_what_the_member_becomes(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let end = suite.clock_in(86_400);
    let offer = Invitation { view_all_apps: true, role_expire_time: Some(end), ..of_user(&bob, DEVELOPER) };
    let invitation = invites(&alice, &space, offer).await.expect("invited");
    accepts_invitation(&bob, &invitation.name, &invitation.token).await.expect("accepted");
    let request = devspaces_proto::membership::v1::GetMemberRequest { name: bob.member_of(&space) };
    let Member { view_all_apps, expire_time, role, .. } =
        alice.members().get_member(request).await.expect("a member").into_inner();
    assert_eq!((view_all_apps, expire_time, role), (true, Some(end), DEVELOPER.into()));
}

// R-M9
async fn invitations_are_listed_in_pages_by_state(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let mut made = Vec::new();
    for n in 0..7 {
        let whom = suite.user(&format!("p{n}"));
        made.push((invites(&alice, &space, of_user(&whom, VIEWER)).await.expect("invited"), whom));
    }
    let (declined, whom) = &made[2];
    declines_invitation(whom, &declined.name, &declined.token).await.expect("declined");
    let names = |all: &[(Invitation, _)]| all.iter().map(|(it, _)| it.name.clone()).collect::<Vec<_>>();
    let mut request = ListInvitationsRequest { parent: space.clone(), page_size: 3, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let page = alice.invitations().list_invitations(request.clone()).await.expect("a page").into_inner();
        seen.extend(page.invitations.into_iter().map(|it| it.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, names(&made), "the oldest first");
    let in_state = async |state| lists_invitations(&alice, &space, state).await.expect("a list");
    assert_eq!(in_state(InvitationState::Declined).await, std::slice::from_ref(&declined.name));
    let pending: Vec<_> = names(&made).into_iter().filter(|name| *name != declined.name).collect();
    assert_eq!(in_state(InvitationState::Pending).await, pending);
    assert!(in_state(InvitationState::Expired).await.is_empty());
}

// R-J1
async fn the_journal_tells_of_an_invitation_and_never_its_token(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let invitation = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
    let sent = resends_invitation(&alice, &invitation.name).await.expect("sent again");
    accepts_invitation(&bob, &sent.name, &sent.token).await.expect("accepted");
    let all = ListEntriesRequest { parent: space, ..ListEntriesRequest::default() };
    let entries = alice.journal(Service::Membership).list_entries(all).await.expect("the journal");
    let told = format!("{:?}", entries.into_inner().entries);
    for method in ["CreateInvitation", "ResendInvitation", "AcceptInvitation"] {
        assert!(told.contains(method), "{method}");
    }
    assert!(told.contains(&invitation.name) && told.contains(&bob.member_of("")[..]));
    assert!(!told.contains(&invitation.token) && !told.contains(&sent.token));
}

// R-M9: 7 days, by the clock alone.
async fn an_invitation_lasts_seven_days(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let of_bob = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
    let of_carol = invites(&alice, &space, of_user(&carol, VIEWER)).await.expect("invited");
    suite.clock.advance(WEEK.saturating_sub(Duration::from_secs(1)));
    accepts_invitation(&bob, &of_bob.name, &of_bob.token).await.expect("in the last second");
    suite.clock.advance(Duration::from_secs(1));
    let late = refused(accepts_invitation(&carol, &of_carol.name, &of_carol.token).await);
    assert_eq!(late.kind(), (Code::FailedPrecondition, "INVITATION_ENDED"));
    assert_eq!(state_of_invitation(&alice, &of_carol.name).await.expect("there"), InvitationState::Expired);
    let expired = lists_invitations(&alice, &space, InvitationState::Expired).await.expect("a list");
    assert_eq!(expired, std::slice::from_ref(&of_carol.name));
    let again = resends_invitation(&alice, &of_carol.name).await.expect("sent again");
    suite.clock.advance(WEEK);
    let anew = invites(&alice, &space, of_user(&carol, VIEWER)).await.expect("expired ones make room");
    let taken = refused(resends_invitation(&alice, &again.name).await);
    assert_eq!(taken.kind(), (Code::AlreadyExists, "INVITATION_EXISTS"));
    accepts_invitation(&carol, &anew.name, &anew.token).await.expect("accepted");
    let replaced = refused(resends_invitation(&alice, &again.name).await);
    assert_eq!(replaced.kind(), (Code::FailedPrecondition, "INVITATION_ENDED"), "for good");
}

// R-M10: nobody is offered what would be over already.
async fn an_invitation_ends_with_the_role_that_it_offers(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let end = suite.clock_in(3600);
    let offer = Invitation { role_expire_time: Some(end), ..of_user(&bob, VIEWER) };
    let invitation = invites(&alice, &space, offer).await.expect("invited");
    assert_eq!(invitation.expire_time, Some(end));
    suite.clock.advance(Duration::from_hours(1));
    let refusals = [
        refused(accepts_invitation(&bob, &invitation.name, &invitation.token).await),
        refused(resends_invitation(&alice, &invitation.name).await),
    ];
    for refusal in refusals {
        assert_eq!(refusal.kind(), (Code::FailedPrecondition, "INVITATION_ENDED"));
    }
    let pending = lists_invitations(&alice, &space, InvitationState::Pending).await.expect("a list");
    assert!(pending.is_empty());
    invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("another takes its place");
}

// R-M8, R-M10: what follows from the end of the earlier role ends no invitation that was made since.
async fn whoever_is_invited_when_an_earlier_role_has_ended_comes_back(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let address = format!("{}@example.com", suite.own("carol"));
    let (bob, carol) = (suite.user("bob"), suite.user_at("carol", &address));
    let hour = |who| Member { expire_time: Some(suite.clock_in(3600)), ..member(who, VIEWER) };
    adds_members_as_given(&alice, &space, vec![hour(&bob), hour(&carol)]).await.expect("added");
    suite.clock.advance(Duration::from_hours(1));
    let of_carol = invites(&alice, &space, of_email(&address, VIEWER)).await.expect("invited");
    let of_bob = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
    for (who, invitation) in [(&bob, of_bob), (&carol, of_carol)] {
        accepts_invitation(who, &invitation.name, &invitation.token).await.expect("accepted");
    }
}

// R-J5
async fn a_repeated_acceptance_is_answered_as_the_first(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let invitation = invites(&alice, &space, of_user(&bob, VIEWER)).await.expect("invited");
    let request = AcceptInvitationRequest {
        name: invitation.name,
        token: invitation.token,
        request_id: suite.request_id(),
    };
    let first = bob.invitations().accept_invitation(request.clone()).await.expect("accepted").into_inner();
    let second = bob.invitations().accept_invitation(request).await.expect("the same").into_inner();
    assert_eq!(first, second);
}
