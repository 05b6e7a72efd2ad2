//! Bad input: each with its code, its reason and the path of its field; and afterwards the suite still answers.
use devspaces_proto::{
    authz::v1::CheckPermissionRequest,
    membership::v1::{AddMembersRequest, ListMembersRequest, Member, UpdateMemberRequest},
    space::v1::{CreateSpaceRequest, GetSpaceRequest, ListSpacesRequest, Space, UpdateSpaceRequest},
};
use devspaces_tests::{Refusal, Suite, refused};
use prost_types::FieldMask;
use tonic::Code;

use crate::acts::{
    members::{VIEWER, adds_members, lists_members, member},
    refusals::INVALID,
    spaces::gets_space,
};

scenarios! {
    everywhere:
        malformed_names_are_named_by_their_field,
        every_bad_field_of_a_space_is_told_at_once,
        update_masks_name_fields_that_can_be_changed,
        every_bad_member_is_told_at_once,
        pages_are_asked_for_with_their_own_tokens,
        checks_say_what_is_wrong_with_the_question,
        a_message_that_is_too_large_is_refused_and_the_connection_lives;
}

fn bad(refusal: &Refusal, fields: &[&str]) {
    assert_eq!(refusal.kind(), INVALID, "{refusal:?}");
    assert_eq!(refusal.fields, fields, "{refusal:?}");
}

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask { paths: paths.iter().map(ToString::to_string).collect() }
}

// Order of answers: names come first, by their syntax alone.
async fn malformed_names_are_named_by_their_field(suite: Suite) {
    let alice = suite.user("alice");
    let long = format!("spaces/{}", "x".repeat(10_000));
    for name in [
        "",
        "spaces",
        "spaces/",
        "spaces/1",
        "apps/0190a8d0-7b1c-7def-8000-000000000001",
        long.as_str(),
        "spaces/0190A8D0-7B1C-7DEF-8000-000000000001",
        "spaces/'; DROP TABLE space; --",
        "spaces/\u{0}",
    ] {
        bad(&refused(gets_space(&alice, name).await), &["name"]);
        bad(&refused(lists_members(&alice, name).await), &["parent"]);
        let update = UpdateSpaceRequest {
            space: Some(Space { name: name.to_owned(), ..Default::default() }),
            ..Default::default()
        };
        bad(&refused(alice.spaces().update_space(update).await), &["space.name"]);
    }
    let member = UpdateMemberRequest { member: None, ..Default::default() };
    bad(&refused(alice.members().update_member(member).await), &["member.name"]);
}

// Order of answers, R-S3
async fn every_bad_field_of_a_space_is_told_at_once(suite: Suite) {
    let alice = suite.user("alice");
    let create = |display_name: &str, description: &str, logo_uri: &str| CreateSpaceRequest {
        space: Some(Space {
            display_name: display_name.to_owned(),
            description: description.to_owned(),
            logo_uri: logo_uri.to_owned(),
            ..Default::default()
        }),
        request_id: String::new(),
        ..CreateSpaceRequest::default()
    };
    let long = "x".repeat(10_000);
    let all = refused(alice.spaces().create_space(create(&long, &long, "javascript:alert(1)")).await);
    bad(&all, &["space.display_name", "space.description", "space.logo_uri"]);
    assert!(!all.message.contains("xxx") && !all.message.contains("javascript"));
    for display_name in ["", " ", "a\u{0}b", "a\nb", "a\u{7}", "\u{202e}evil"] {
        bad(
            &refused(alice.spaces().create_space(create(display_name, "", "")).await),
            &["space.display_name"],
        );
    }
    bad(&refused(alice.spaces().create_space(CreateSpaceRequest::default()).await), &["space.display_name"]);
    bad(&refused(alice.spaces().create_space(create("a", "a\u{0}", "")).await), &["space.description"]);
    bad(
        &refused(alice.spaces().create_space(create("a", "", "http://a.example")).await),
        &["space.logo_uri"],
    );
    let request_id = CreateSpaceRequest { request_id: "1".into(), ..create("a", "", "") };
    bad(&refused(alice.spaces().create_space(request_id).await), &["request_id"]);
    let sql = "Robert'); DROP TABLE space; --";
    let space = alice.creates_space(sql).await;
    assert_eq!(gets_space(&alice, &space).await.expect("the space").display_name, sql);
}

// Order of answers
async fn update_masks_name_fields_that_can_be_changed(suite: Suite) {
    let alice = suite.user("alice");
    let name = alice.creates_space("Team").await;
    for paths in [
        &["name"][..],
        &["state"],
        &["published"],
        &["nonsense"],
        &["display_name", "etag"],
        &["*", "logo_uri"],
    ] {
        let space = Space { name: name.clone(), display_name: "x".into(), ..Default::default() };
        let update =
            UpdateSpaceRequest { space: Some(space), update_mask: Some(mask(paths)), ..Default::default() };
        bad(&refused(alice.spaces().update_space(update).await), &["update_mask"]);
        let member = Member { name: alice.member_of(&name), ..Default::default() };
        let update = UpdateMemberRequest {
            member: Some(member),
            update_mask: Some(mask(paths)),
            ..Default::default()
        };
        bad(&refused(alice.members().update_member(update).await), &["update_mask"]);
    }
    assert_eq!(gets_space(&alice, &name).await.expect("the space").display_name, "Team");
}

// Order of answers, R-M1, R-M2
async fn every_bad_member_is_told_at_once(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let add = |members: Vec<Member>| AddMembersRequest {
        parent: space.clone(),
        members,
        request_id: String::new(),
    };
    let out_of_range = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: -1 });
    let members = vec![
        member(&bob, VIEWER),
        Member { user: "bob".into(), role: VIEWER.into(), ..Default::default() },
        Member { role: 99, ..member(&bob, VIEWER) },
        Member { user: "users/carol".into(), expire_time: out_of_range, ..Default::default() },
        Member { user: "services/x".into(), role: VIEWER.into(), ..Default::default() },
    ];
    let refusal = refused(alice.members().add_members(add(members)).await);
    bad(
        &refusal,
        &[
            "members[1].user",
            "members[2].user",
            "members[2].role",
            "members[3].role",
            "members[3].expire_time",
            "members[4].user",
        ],
    );
    bad(&refused(alice.members().add_members(add(vec![])).await), &["members"]);
    let many =
        (0..101).map(|n| Member { user: format!("users/u{n}"), role: VIEWER.into(), ..Default::default() });
    bad(&refused(alice.members().add_members(add(many.collect())).await), &["members"]);
    assert_eq!(lists_members(&alice, &space).await.expect("a list").len(), 1, "all of them or none");
}

// Order of answers, R-M7
async fn pages_are_asked_for_with_their_own_tokens(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let (one, two) = (alice.creates_space("One").await, alice.creates_space("Two").await);
    adds_members(&alice, &one, &[(&bob, VIEWER)]).await.expect("added");
    let list = |parent: &str, page_size, page_token: &str| ListMembersRequest {
        parent: parent.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        role: 0,
    };
    let token =
        alice.members().list_members(list(&one, 1, "")).await.expect("a page").into_inner().next_page_token;
    assert!(!token.is_empty());
    let role = ListMembersRequest { role: VIEWER.into(), ..list(&one, 1, &token) };
    for request in [list(&two, 1, &token), list(&one, 1, "x"), list(&one, 1, &format!("{token}A")), role] {
        let refusal = refused(alice.members().list_members(request).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "PAGE_TOKEN_INVALID", vec!["page_token"]));
    }
    bad(&refused(alice.members().list_members(list(&one, -1, "")).await), &["page_size"]);
    let role = ListMembersRequest { role: 77, ..list(&one, 1, "") };
    bad(&refused(alice.members().list_members(role).await), &["role"]);
    bad(
        &refused(alice.spaces().list_spaces(ListSpacesRequest { page_size: -1, ..Default::default() }).await),
        &["page_size"],
    );
    let foreign = ListSpacesRequest { page_token: token, ..Default::default() };
    assert_eq!(refused(alice.spaces().list_spaces(foreign).await).reason, "PAGE_TOKEN_INVALID");
}

// R-P1
async fn checks_say_what_is_wrong_with_the_question(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let ask = |permission: &str, resource: &str| CheckPermissionRequest {
        permission: permission.to_owned(),
        resource: resource.to_owned(),
        ..Default::default()
    };
    let unknown = refused(alice.authz().check_permission(ask("space.destroy", &space)).await);
    assert_eq!(unknown.bad_fields(), (Code::InvalidArgument, "PERMISSION_UNKNOWN", vec!["permission"]));
    for (permission, resource) in [
        ("space.get", ""),
        ("space.get", "spaces/1"),
        ("space.create", space.as_str()),
        ("app.get", space.as_str()),
        ("space.get", "apps/0190a8d0-7b1c-7def-8000-000000000001"),
    ] {
        bad(&refused(alice.authz().check_permission(ask(permission, resource)).await), &["resource"]);
    }
    let subject = CheckPermissionRequest { subject: "alice".into(), ..ask("space.get", &space) };
    bad(&refused(alice.authz().check_permission(subject).await), &["subject"]);
    let negative = Some(prost_types::Duration { seconds: -1, nanos: 0 });
    let staleness = CheckPermissionRequest { max_staleness: negative, ..ask("space.get", &space) };
    bad(&refused(alice.authz().check_permission(staleness).await), &["max_staleness"]);
}

async fn a_message_that_is_too_large_is_refused_and_the_connection_lives(suite: Suite) {
    let alice = suite.user("alice");
    let large = GetSpaceRequest { name: "x".repeat(2 * 1024 * 1024) };
    let refusal = refused(alice.spaces().get_space(large).await);
    assert_eq!(refusal.kind(), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    alice.creates_space("Team").await;
}
