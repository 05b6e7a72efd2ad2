//! Who sees which apps.
use devspaces_proto::space::v1::{ContributorRole, ListAppsRequest};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    apps::{apps_seen, deletes_app, gets_app, imported_app, lists_apps},
    contributors::{OWNER, adds_contributors, lists_contributors},
    members::{DEVELOPER, VIEWER, adds_members, adds_members_as_given, member},
};

scenarios! {
    both engines:
        a_list_of_apps_is_not_shortened_while_the_owner_of_roles_is_down;
    everywhere:
        an_app_is_seen_by_derived_viewers_and_looks_missing_to_others,
        apps_are_listed_as_far_as_one_sees_them,
        pages_of_apps_neither_skip_nor_repeat;
}

const NOWHERE: &str = "apps/0190a8d0-7b1c-7def-8000-000000000001";

// R-A4, R-A5
async fn an_app_is_seen_by_derived_viewers_and_looks_missing_to_others(suite: Suite) {
    let [alice, bob, dora, della, victor, mallory] =
        ["alice", "bob", "dora", "della", "victor", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER), (&dora, DEVELOPER), (&victor, VIEWER)])
        .await
        .expect("added");
    let add_on = devspaces_proto::membership::v1::Member { view_all_apps: true, ..member(&della, DEVELOPER) };
    adds_members_as_given(&alice, &space, vec![add_on]).await.expect("added");
    let app = bob.creates_app(&space).await;
    for viewer in [&alice, &della, &victor] {
        assert_eq!(gets_app(viewer, &app).await.expect("seen").my_role(), ContributorRole::Viewer);
        assert!(!viewer.may("app.develop", &app).await && !viewer.may("app.deploy", &app).await, "R-A6");
    }
    for other in [&dora, &mallory] {
        let (forbidden, missing) =
            (refused(gets_app(other, &app).await), refused(gets_app(other, NOWHERE).await));
        assert_eq!(forbidden.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
        assert_eq!(missing.message.replace(NOWHERE, &app), forbidden.message, "R-P3");
    }
}

// R-A5, R-A9
async fn apps_are_listed_as_far_as_one_sees_them(suite: Suite) {
    let [alice, bob, della, erin] = ["alice", "bob", "della", "erin"].map(|id| suite.user(id));
    let (one, two) = (alice.creates_space("One").await, bob.creates_space("Two").await);
    adds_members(&alice, &one, &[(&bob, DEVELOPER)]).await.expect("added");
    let add_on = devspaces_proto::membership::v1::Member { view_all_apps: true, ..member(&della, DEVELOPER) };
    adds_members_as_given(&alice, &one, vec![add_on]).await.expect("added");
    let [first, second] = [alice.creates_app(&one).await, bob.creates_app(&one).await];
    let third = bob.creates_app(&two).await;
    let fourth = imported_app(&suite, &erin).await;
    adds_contributors(&bob, &third, &[(&erin, ContributorRole::Deployer)]).await.expect("added");
    let viewer = ContributorRole::Viewer;
    assert_eq!(apps_seen(&alice, "").await, [(first.clone(), OWNER), (second.clone(), viewer)]);
    assert_eq!(apps_seen(&della, &one).await, [(first, viewer), (second.clone(), viewer)]);
    assert_eq!(apps_seen(&bob, &one).await, [(second.clone(), OWNER)], "without the add-on, one's own");
    assert_eq!(apps_seen(&bob, "").await, [(second, OWNER), (third.clone(), OWNER)]);
    assert_eq!(apps_seen(&erin, "").await, [(third.clone(), ContributorRole::Deployer), (fourth, OWNER)]);
    assert_eq!(apps_seen(&erin, &two).await, [(third, ContributorRole::Deployer)]);
    let stranger = refused(lists_apps(&erin, &one, 0).await);
    assert_eq!(stranger.message, format!("Permission 'apps.list' denied on '{one}' (or it might not exist)"));
}

// R-A9: in pages out of several spaces, while apps come and go.
async fn pages_of_apps_neither_skip_nor_repeat(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let mut created = Vec::new();
    let mut spaces = Vec::new();
    for _ in 0..3 {
        spaces.push(alice.creates_space("Team").await);
    }
    adds_members(&alice, &spaces[0], &[(&bob, VIEWER)]).await.expect("added");
    for number in 0..15 {
        created.push(alice.creates_app(&spaces[number % 3]).await);
    }
    let mut request = ListAppsRequest { page_size: 4, ..ListAppsRequest::default() };
    let mut seen = Vec::new();
    for round in 0.. {
        let page = alice.apps().list_apps(request.clone()).await.expect("a page").into_inner();
        seen.extend(page.apps.into_iter().map(|app| app.name));
        if round == 0 {
            deletes_app(&alice, &created[1]).await.expect("one that was listed goes");
            deletes_app(&alice, &created[9]).await.expect("and one that was not");
            created.push(alice.creates_app(&spaces[0]).await);
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    created.remove(9);
    assert_eq!(seen, created);
    let token = ListAppsRequest { page_size: 4, ..ListAppsRequest::default() };
    let token = alice.apps().list_apps(token).await.expect("a page").into_inner().next_page_token;
    let foreign = ListAppsRequest { page_token: token.clone(), ..ListAppsRequest::default() };
    assert_eq!(refused(bob.apps().list_apps(foreign).await).reason, "PAGE_TOKEN_INVALID");
    let other = ListAppsRequest { page_token: token, space: spaces[0].clone(), ..ListAppsRequest::default() };
    assert_eq!(refused(alice.apps().list_apps(other).await).reason, "PAGE_TOKEN_INVALID");
    let negative = ListAppsRequest { page_size: -1, ..ListAppsRequest::default() };
    assert_eq!(refused(alice.apps().list_apps(negative).await).fields, ["page_size"]);
}

// R-A9, R-P2: whole, or not given at all.
async fn a_list_of_apps_is_not_shortened_while_the_owner_of_roles_is_down(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    suite.stop(devspaces::Service::Membership).await;
    for space in ["", &space] {
        let list = refused(lists_apps(&alice, space, 0).await);
        assert_eq!(list.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"), "{space}");
    }
    assert!(
        alice.may("app.deploy", &app).await,
        "R-P2: what the contributor role decides by itself is decided"
    );
    let contributors = refused(lists_contributors(&alice, &app, 0).await);
    assert_eq!(contributors.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
}
