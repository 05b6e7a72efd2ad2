//! Pages: whole while others write, with tokens that are good for one list alone, and never without an end.
use std::collections::BTreeSet;

use devspaces_proto::authz::v1::{ListPermissionsRequest, ListResourcesRequest, ListSubjectsRequest};
use devspaces_tests::{Persona, Refusal, Suite, refused};
use tonic::Code;

use crate::acts::{
    apps::{creates_app, deletes_app},
    authz::{
        all_resources, all_subjects, lists_permissions, lists_resources, lists_subjects, permissions_of,
        resources_of, subjects_with,
    },
    contributors::{APP_VIEWER, adds_contributors},
    marketplace::{accepts_terms, adds_marketplace_admins},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, keeps_only_app_roles, removes_member},
};

scenarios! {
    both engines:
        pages_skip_and_repeat_no_app_while_apps_come_and_go,
        a_list_of_two_planes_ends_where_both_have_ended,
        a_token_is_good_for_its_own_list_alone;
    everywhere:
        pages_skip_and_repeat_nobody_while_people_come_and_go,
        whoever_has_a_role_and_not_the_permission_is_passed_on_the_way;
}

/// Those who are members throughout.
async fn members(suite: &Suite, admin: &Persona, space: &str, of: &str, number: usize) -> Vec<Persona> {
    let people: Vec<_> = (0..number).map(|place| suite.user(&format!("{of}{place:02}"))).collect();
    for person in &people {
        adds_members(admin, space, &[(person, VIEWER)]).await.expect("added");
    }
    people
}

// R-P5
async fn pages_skip_and_repeat_nobody_while_people_come_and_go(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let stay = members(&suite, &alice, &space, "s", 12).await;
    let go = members(&suite, &alice, &space, "g", 6).await;
    let mut request = ListSubjectsRequest { page_size: 3, ..subjects_with("space.get", &space) };
    let (mut seen, mut round) = (Vec::new(), 0);
    loop {
        let page = lists_subjects(&alice, request.clone()).await.expect("a page");
        seen.extend(page.subjects.into_iter().map(|it| it.subject));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
        if let Some(gone) = go.get(round) {
            removes_member(&alice, &space, gone).await.expect("removed");
            let new = suite.user(&format!("n{round}"));
            adds_members(&alice, &space, &[(&new, VIEWER)]).await.expect("added");
        }
        round += 1;
    }
    assert_eq!(seen.len(), seen.iter().collect::<BTreeSet<_>>().len(), "{seen:?}");
    assert!(seen.is_sorted(), "{seen:?}");
    for person in stay.iter().chain([&alice]) {
        assert!(seen.contains(&person.name), "{} is not in {seen:?}", person.name);
    }
}

// R-P5
async fn pages_skip_and_repeat_no_app_while_apps_come_and_go(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let (mut stay, mut go) = (Vec::new(), Vec::new());
    let mut spaces = Vec::new();
    for number in 0..3 {
        let space = alice.creates_space("Team").await;
        // By a console role, by contributor roles alone, or by both.
        adds_members(&alice, &space, &[(&bob, if number == 0 { VIEWER } else { DEVELOPER })])
            .await
            .expect("added");
        for place in 0..6 {
            let app = alice.creates_app(&space).await;
            if number > 0 || place % 2 == 0 {
                adds_contributors(&alice, &app, &[(&bob, APP_VIEWER)]).await.expect("added");
            }
            if place % 3 == 2 { go.push(app) } else { stay.push(app) }
        }
        if number == 2 {
            keeps_only_app_roles(&alice, &space, &bob).await;
        }
        spaces.push(space);
    }
    let mut request = ListResourcesRequest { page_size: 2, ..resources_of("", "app.get") };
    let (mut seen, mut round) = (Vec::new(), 0);
    loop {
        let page = lists_resources(&bob, request.clone()).await.expect("a page");
        seen.extend(page.resources.into_iter().map(|it| it.resource));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
        if let Some(gone) = go.get(round) {
            deletes_app(&alice, gone).await.expect("deleted");
            creates_app(&alice, &spaces[0]).await.expect("created");
        }
        round += 1;
    }
    assert_eq!(seen.len(), seen.iter().collect::<BTreeSet<_>>().len(), "{seen:?}");
    for app in &stay {
        assert!(seen.contains(app), "{app} is not in {seen:?}");
    }
}

/// More candidates than are looked at together at first.
const MANY: usize = 24;

// R-P5, R-S3: console Admins have a role that lets them edit a space, and may not once it is published.
async fn whoever_has_a_role_and_not_the_permission_is_passed_on_the_way(suite: Suite) {
    let (bob, zoe) = (suite.user("bob"), suite.user("zoe"));
    let mut spaces = Vec::new();
    for _ in 0..MANY {
        let space = zoe.creates_space("Published").await;
        adds_members(&zoe, &space, &[(&bob, ADMIN)]).await.expect("added");
        accepts_terms(&zoe, &space).await.expect("published");
        spaces.push(space);
    }
    let last = bob.creates_space("Own").await;
    for page_size in [0, 1] {
        let edited = all_resources(&bob, resources_of("", "space.update"), page_size).await.expect("a list");
        assert_eq!(edited, [&*last]);
    }
    for number in 0..MANY {
        let admin = suite.user(&format!("a{number:02}"));
        adds_members(&zoe, &spaces[0], &[(&admin, ADMIN)]).await.expect("added");
    }
    let auditor = suite.persona("services/auditor");
    for page_size in [0, 1] {
        let request = subjects_with("space.update", &spaces[0]);
        assert_eq!(all_subjects(&auditor, request, page_size).await.expect("a list"), [&*zoe.name]);
    }
}

// R-P5: neither plane fills a page of candidates, and both together do.
async fn a_list_of_two_planes_ends_where_both_have_ended(suite: Suite) {
    let zoe = suite.user("zoe");
    let space = zoe.creates_space("Published").await;
    let profile = accepts_terms(&zoe, &space).await.expect("published").name;
    let mut editors = vec![zoe.name.clone()];
    for number in 0..10 {
        let (admin, seller) = (suite.user(&format!("a{number}")), suite.user(&format!("z{number}")));
        adds_members(&zoe, &space, &[(&admin, ADMIN)]).await.expect("added");
        adds_marketplace_admins(&zoe, &profile, &[&seller]).await.expect("added");
        editors.push(seller.name);
    }
    editors.sort();
    let auditor = suite.persona("services/auditor");
    for page_size in [0, 10, 3] {
        let request = subjects_with("space.update", &space);
        assert_eq!(all_subjects(&auditor, request, page_size).await.expect("a list"), editors, "{page_size}");
    }
}

async fn token_of_permissions(who: &Persona, space: &str) -> String {
    let request = ListPermissionsRequest { page_size: 1, ..permissions_of("", space) };
    lists_permissions(who, request).await.expect("a page").next_page_token
}

// R-P5
async fn a_token_is_good_for_its_own_list_alone(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let other = alice.creates_space("Other").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let token = token_of_permissions(&alice, &space).await;
    assert!(!token.is_empty());
    let invalid = |refusal: Refusal| {
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "PAGE_TOKEN_INVALID", vec!["page_token"]));
    };
    let with =
        |request: ListPermissionsRequest| ListPermissionsRequest { page_token: token.clone(), ..request };
    lists_permissions(&alice, with(permissions_of("", &space))).await.expect("the next page");
    invalid(refused(lists_permissions(&alice, with(permissions_of("", &other))).await));
    invalid(refused(lists_permissions(&bob, with(permissions_of("", &space))).await));
    invalid(refused(lists_permissions(&alice, with(permissions_of(&bob.name, &space))).await));
    let subjects = ListSubjectsRequest { page_size: 1, ..subjects_with("space.get", &space) };
    let subjects_token = lists_subjects(&alice, subjects).await.expect("a page").next_page_token;
    for (permission, resource, token) in [
        ("space.get", &other, &subjects_token),
        ("members.list", &space, &subjects_token),
        ("space.get", &space, &token),
    ] {
        let page_token = token.clone();
        let request = ListSubjectsRequest { page_token, ..subjects_with(permission, resource) };
        invalid(refused(lists_subjects(&alice, request).await));
    }
    let resources = ListResourcesRequest { page_size: 1, ..resources_of("", "space.get") };
    let resources_token = lists_resources(&alice, resources).await.expect("a page").next_page_token;
    for (permission, token) in [("members.list", &resources_token), ("space.get", &subjects_token)] {
        let page_token = token.clone();
        let request = ListResourcesRequest { page_token, ..resources_of("", permission) };
        invalid(refused(lists_resources(&alice, request).await));
    }
}
