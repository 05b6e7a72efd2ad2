use devspaces_proto::membership::v1::{
    GetMemberRequest, LeaveSpaceRequest, ListMembersRequest, Member, RemoveMemberRequest,
};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::{
    acts::{
        members::{
            ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, demotes_member, leaves_space,
            lists_members, member, removes_member, updates_member,
        },
        spaces::{archives_space, gets_space},
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        an_admin_adds_members_and_each_has_one_role,
        only_admins_change_and_remove,
        the_last_admin_stays,
        a_removal_is_effective_when_its_reply_arrives,
        a_preview_of_a_removal_changes_nothing,
        apps_pass_only_to_a_member,
        the_add_on_is_for_developers_and_goes_with_the_role,
        a_member_leaves_and_a_stranger_can_not,
        members_are_listed_in_pages_that_neither_skip_nor_repeat,
        a_stale_etag_is_aborted,
        a_member_that_is_read_and_sent_back_with_another_role_loses_the_add_on,
        every_blocker_of_a_change_is_told_at_once,
        a_stale_etag_is_aborted_in_an_archived_space_too,
        one_can_leave_an_archived_space,
        a_preview_of_leaving_changes_nothing;
}

// R-M1, R-M2, R-M7
async fn an_admin_adds_members_and_each_has_one_role(suite: Suite) {
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let added = adds_members(&alice, &space, &[(&bob, DEVELOPER), (&carol, VIEWER)]).await.expect("added");
    assert_eq!(added[0].name, bob.member_of(&space));
    let expected = [(&alice, ADMIN), (&bob, DEVELOPER), (&carol, VIEWER)];
    let expected = expected.map(|(who, role)| (who.name.clone(), role)).to_vec();
    for reader in [&alice, &bob, &carol] {
        assert_eq!(lists_members(reader, &space).await.expect("a list"), expected);
    }
    let twice = refused(adds_members(&alice, &space, &[(&dave, VIEWER), (&bob, ADMIN)]).await);
    assert_eq!(twice.bad_fields(), (Code::AlreadyExists, "MEMBER_EXISTS", vec!["members[1].user"]));
    assert_eq!(lists_members(&alice, &space).await.expect("a list"), expected, "all of them or none");
    for (who, permission) in [(&bob, "members.add"), (&carol, "members.add"), (&dave, "members.add")] {
        let denied = refused(adds_members(who, &space, &[(&dave, VIEWER)]).await);
        assert_eq!(
            denied.message,
            format!("Permission '{permission}' denied on '{space}' (or it might not exist)")
        );
    }
}

// R-M2
async fn only_admins_change_and_remove(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER), (&carol, VIEWER)]).await.expect("added");
    assert_eq!(refused(demotes_member(&bob, &space, &alice).await).metadata[0].1, "members.update");
    assert_eq!(refused(removes_member(&bob, &space, &carol).await).metadata[0].1, "members.remove");
    let changed =
        updates_member(&alice, Member { name: bob.member_of(&space), ..member(&bob, ADMIN) }, &["role"])
            .await
            .expect("promoted");
    assert_eq!(changed.role(), ADMIN);
    removes_member(&bob, &space, &carol).await.expect("the new Admin removes");
    let gone = GetMemberRequest { name: carol.member_of(&space) };
    let gone = refused(alice.members().get_member(gone).await);
    assert_eq!(gone.kind(), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    let unknown = refused(removes_member(&alice, &space, &carol).await);
    assert_eq!(unknown.kind(), (Code::NotFound, "RESOURCE_NOT_FOUND"));
}

// R-M4
async fn the_last_admin_stays(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let end = suite.clock_in(3600);
    let until = Member { name: alice.member_of(&space), expire_time: Some(end), ..Member::default() };
    let attempts = [
        refused(demotes_member(&alice, &space, &alice).await),
        refused(removes_member(&alice, &space, &alice).await),
        refused(leaves_space(&alice, &space).await),
        refused(updates_member(&alice, until.clone(), &["expire_time"]).await),
    ];
    for refusal in attempts {
        assert_eq!(refusal.kind(), (Code::FailedPrecondition, "LAST_ADMIN"));
        assert_eq!(refusal.blockers, ["LAST_ADMIN"]);
    }
    let temporary = Member { expire_time: Some(end), ..member(&bob, ADMIN) };
    adds_members_as_given(&alice, &space, vec![temporary]).await.expect("an Admin for an hour");
    let refusal = refused(leaves_space(&alice, &space).await);
    assert_eq!(refusal.reason, "LAST_ADMIN", "an Admin whose role ends does not count");
    let lasting = Member { name: bob.member_of(&space), ..Member::default() };
    updates_member(&alice, lasting, &["expire_time"]).await.expect("Admin for good");
    leaves_space(&alice, &space).await.expect("the last but one leaves");
    assert_eq!(lists_members(&bob, &space).await.expect("a list"), [(bob.name.clone(), ADMIN)]);
}

// R-M5, R-P4
async fn a_removal_is_effective_when_its_reply_arrives(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    for _ in 0..rounds(20) {
        adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        assert!(bob.may("space.get", &space).await);
        let reply = removes_member(&alice, &space, &bob).await.expect("removed");
        assert!(!bob.may("space.get", &space).await);
        assert_eq!(refused(gets_space(&bob, &space).await).code, Code::PermissionDenied);
        assert_eq!(refused(lists_members(&bob, &space).await).code, Code::PermissionDenied);
        assert!(reply.remaining_roles.is_empty() && reply.unknown_planes.is_empty());
    }
}

// R-M5
async fn a_preview_of_a_removal_changes_nothing(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let preview =
        |name: String| RemoveMemberRequest { name, validate_only: true, ..RemoveMemberRequest::default() };
    alice.members().remove_member(preview(bob.member_of(&space))).await.expect("a preview");
    assert!(bob.may("space.get", &space).await);
    let last = refused(alice.members().remove_member(preview(alice.member_of(&space))).await);
    assert_eq!(last.reason, "LAST_ADMIN", "it checks all that the removal would");
}

// R-M5
async fn apps_pass_only_to_a_member(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let to = |new_owner: &str| RemoveMemberRequest {
        name: bob.member_of(&space),
        new_owner: new_owner.to_owned(),
        ..RemoveMemberRequest::default()
    };
    let stranger = refused(alice.members().remove_member(to("users/carol")).await);
    assert_eq!(stranger.kind(), (Code::FailedPrecondition, "NEW_OWNER_INELIGIBLE"));
    for bad in ["carol", "services/x", &bob.name] {
        let bad = refused(alice.members().remove_member(to(bad)).await);
        assert_eq!(bad.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["new_owner"]));
    }
    alice.members().remove_member(to(&alice.name)).await.expect("removed");
}

// R-M6
async fn the_add_on_is_for_developers_and_goes_with_the_role(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let add_on = |role| Member { view_all_apps: true, ..member(&bob, role) };
    let bad = refused(adds_members_as_given(&alice, &space, vec![add_on(VIEWER)]).await);
    assert_eq!(bad.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["members[0].view_all_apps"]));
    adds_members_as_given(&alice, &space, vec![add_on(DEVELOPER)]).await.expect("added");
    assert!(bob.may("apps.list", &space).await);
    let named = Member { name: bob.member_of(&space), ..Member::default() };
    let viewer = updates_member(&alice, Member { role: VIEWER.into(), ..named.clone() }, &["role"])
        .await
        .expect("changed");
    assert!(!viewer.view_all_apps);
    let again = updates_member(&alice, Member { role: DEVELOPER.into(), ..named.clone() }, &["role"])
        .await
        .expect("changed");
    assert!(!again.view_all_apps, "off by default");
    assert!(!bob.may("apps.list", &space).await);
    updates_member(&alice, Member { role: VIEWER.into(), ..named.clone() }, &["role"])
        .await
        .expect("changed");
    let refusal =
        refused(updates_member(&alice, Member { view_all_apps: true, ..named }, &["view_all_apps"]).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "NOT_A_DEVELOPER"));
}

// R-M8, R-P3
async fn a_member_leaves_and_a_stranger_can_not(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    leaves_space(&bob, &space).await.expect("left");
    assert!(!bob.may("space.get", &space).await);
    let stranger = refused(leaves_space(&bob, &space).await);
    let nowhere = refused(leaves_space(&bob, "spaces/0190a8d0-7b1c-7def-8000-000000000001").await);
    assert_eq!(
        (stranger.kind(), nowhere.code),
        ((Code::PermissionDenied, "PERMISSION_DENIED"), stranger.code)
    );
    let service = suite.persona("services/alice");
    assert_eq!(
        refused(leaves_space(&service, &space).await).code,
        Code::PermissionDenied,
        "a service is no user"
    );
    assert!(alice.may("members.add", &space).await);
}

// R-M7
async fn members_are_listed_in_pages_that_neither_skip_nor_repeat(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let people: Vec<_> = (0..25).map(|n| suite.user(&format!("p{n:02}"))).collect();
    let added: Vec<_> = people.iter().map(|person| (person, VIEWER)).collect();
    adds_members(&alice, &space, &added).await.expect("added");
    let mut request =
        ListMembersRequest { parent: space.clone(), page_size: 7, role: VIEWER.into(), ..Default::default() };
    let mut seen = Vec::new();
    for round in 0.. {
        let page = alice.members().list_members(request.clone()).await.expect("a page").into_inner();
        seen.extend(page.members.into_iter().map(|member| member.user));
        if round == 0 {
            // Someone before the place and someone after it go meanwhile, someone before it comes.
            removes_member(&alice, &space, &people[0]).await.expect("removed");
            removes_member(&alice, &space, &people[20]).await.expect("removed");
            adds_members(&alice, &space, &[(&suite.user("a"), VIEWER)]).await.expect("added");
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let expected: Vec<_> =
        people.iter().enumerate().filter(|(n, _)| *n != 20).map(|(_, who)| who.name.clone()).collect();
    assert_eq!(seen, expected);
}

// R-M2: an etag guards against a change that someone else made meanwhile.
async fn a_stale_etag_is_aborted(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let first = adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added").remove(0);
    let second = updates_member(&alice, Member { role: DEVELOPER.into(), ..first.clone() }, &["role"])
        .await
        .expect("changed");
    let stale =
        refused(updates_member(&alice, Member { role: ADMIN.into(), ..first.clone() }, &["role"]).await);
    assert_eq!(stale.kind(), (Code::Aborted, "ETAG_STALE"));
    let remove =
        |etag: String| RemoveMemberRequest { name: bob.member_of(&space), etag, ..Default::default() };
    assert_eq!(refused(alice.members().remove_member(remove(first.etag)).await).reason, "ETAG_STALE");
    alice.members().remove_member(remove(second.etag)).await.expect("removed");
}

// R-M6: read, change the role, send back: what was read goes with it, and only what the mask names is changed.
async fn a_member_that_is_read_and_sent_back_with_another_role_loses_the_add_on(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let developer = Member { view_all_apps: true, ..member(&bob, DEVELOPER) };
    adds_members_as_given(&alice, &space, vec![developer]).await.expect("added");
    let read =
        alice.members().get_member(GetMemberRequest { name: bob.member_of(&space) }).await.expect("read");
    let mut read = read.into_inner();
    assert!(read.view_all_apps);
    read.set_role(VIEWER);
    let changed = updates_member(&alice, read, &["role"]).await.expect("changed");
    assert_eq!((changed.role(), changed.view_all_apps), (VIEWER, false));
    // Asked for by name it is still a contradiction.
    let both = refused(
        updates_member(&alice, Member { view_all_apps: true, ..changed }, &["role", "view_all_apps"]).await,
    );
    assert_eq!(both.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["member.view_all_apps"]));
}

// R-M4, R-M5, R-M6, R-S5: state is told whole.
async fn every_blocker_of_a_change_is_told_at_once(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let named = Member { name: alice.member_of(&space), ..Member::default() };
    let blocked = |refusal: devspaces_tests::Refusal| {
        assert_eq!(refusal.code, Code::FailedPrecondition, "{refusal:?}");
        assert!(refusal.blockers.contains(&refusal.reason), "{refusal:?}");
        let mut blockers = refusal.blockers;
        blockers.sort();
        blockers
    };
    let to_a_stranger = RemoveMemberRequest {
        name: alice.member_of(&space),
        new_owner: "users/carol".into(),
        ..RemoveMemberRequest::default()
    };
    let refusal = refused(alice.members().remove_member(to_a_stranger).await);
    assert_eq!(blocked(refusal), ["LAST_ADMIN", "NEW_OWNER_INELIGIBLE"]);
    let add_on_and_end =
        Member { view_all_apps: true, expire_time: Some(suite.clock_in(3600)), ..named.clone() };
    let refusal =
        refused(updates_member(&alice, add_on_and_end.clone(), &["view_all_apps", "expire_time"]).await);
    assert_eq!(blocked(refusal), ["LAST_ADMIN", "NOT_A_DEVELOPER"]);

    archives_space(&alice, &space).await.expect("archived");
    let refusal = refused(demotes_member(&alice, &space, &alice).await);
    assert_eq!(blocked(refusal), ["LAST_ADMIN", "SPACE_ARCHIVED"]);
    let refusal = refused(updates_member(&alice, add_on_and_end, &["view_all_apps", "expire_time"]).await);
    assert_eq!(blocked(refusal), ["LAST_ADMIN", "NOT_A_DEVELOPER", "SPACE_ARCHIVED"]);
    assert_eq!(lists_members(&alice, &space).await.expect("a list"), [(alice.name.clone(), ADMIN)]);
}

// R-S5: what is refused whatever the space's state is refused alike in an archived one.
async fn a_stale_etag_is_aborted_in_an_archived_space_too(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let stale = adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added").remove(0);
    let fresh = updates_member(&alice, Member { role: DEVELOPER.into(), ..stale.clone() }, &["role"])
        .await
        .expect("changed");
    archives_space(&alice, &space).await.expect("archived");
    let to_admin = |member: Member| Member { role: ADMIN.into(), ..member };
    let refusal = refused(updates_member(&alice, to_admin(stale.clone()), &["role"]).await);
    assert_eq!(refusal.kind(), (Code::Aborted, "ETAG_STALE"));
    let refusal = refused(updates_member(&alice, to_admin(fresh.clone()), &["role"]).await);
    assert_eq!(refusal.kind(), (Code::FailedPrecondition, "SPACE_ARCHIVED"));
    let remove =
        |etag: String| RemoveMemberRequest { name: bob.member_of(&space), etag, ..Default::default() };
    let refusal = refused(alice.members().remove_member(remove(stale.etag)).await);
    assert_eq!(refusal.kind(), (Code::Aborted, "ETAG_STALE"));
    alice.members().remove_member(remove(fresh.etag)).await.expect("removing people goes on");
}

// R-S5, R-M8
async fn one_can_leave_an_archived_space(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    archives_space(&alice, &space).await.expect("archived");
    assert_eq!(refused(leaves_space(&alice, &space).await).reason, "LAST_ADMIN");
    leaves_space(&bob, &space).await.expect("left");
    assert!(!bob.may("space.get", &space).await);
    assert_eq!(lists_members(&alice, &space).await.expect("a list"), [(alice.name.clone(), ADMIN)]);
}

// R-M8, R-M4
async fn a_preview_of_leaving_changes_nothing(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let leave =
        |validate_only| LeaveSpaceRequest { name: space.clone(), validate_only, ..Default::default() };
    let preview = bob.members().leave_space(leave(true)).await.expect("a preview").into_inner();
    assert!(bob.may("space.get", &space).await);
    assert_eq!(refused(alice.members().leave_space(leave(true)).await).reason, "LAST_ADMIN");
    let left = bob.members().leave_space(leave(false)).await.expect("left").into_inner();
    assert_eq!(left, preview, "it answers as the change does");
    assert!(!bob.may("space.get", &space).await);
}
