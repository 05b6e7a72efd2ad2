//! Apps from before: brought in with their owners, and linked into a space.
use devspaces_proto::space::v1::{App, ContributorRole, ImportAppRequest};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    apps::{apps_seen, gets_app, imported_app, links_app},
    contributors::OWNER,
    members::{DEVELOPER, VIEWER, adds_members},
};

scenarios! {
    everywhere:
        an_imported_app_is_seen_and_linked_by_its_contributors_and_nothing_more,
        linking_takes_a_role_in_the_space_and_one_on_the_app,
        importing_takes_the_permission_of_a_service;
}

const NOWHERE: &str = "apps/0190a8d0-7b1c-7def-8000-000000000001";

// R-A2
async fn an_imported_app_is_seen_and_linked_by_its_contributors_and_nothing_more(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let app = imported_app(&suite, &bob).await;
    let before = gets_app(&bob, &app).await.expect("its owner sees it");
    assert_eq!((before.space.as_str(), before.my_role()), ("", OWNER));
    for permission in ["app.develop", "app.deploy", "app.update", "app.contributors.update", "app.delete"] {
        assert!(!bob.may(permission, &app).await, "{permission}");
    }
    assert_eq!(apps_seen(&bob, "").await, [(app.clone(), OWNER)]);
    assert_eq!(refused(gets_app(&alice, &app).await).code, Code::PermissionDenied);
    assert_eq!(
        refused(links_app(&alice, &app, &space).await).code,
        Code::PermissionDenied,
        "a role on the app is missing"
    );
    let linked = links_app(&bob, &app, &space).await.expect("linked");
    assert_eq!((linked.space, linked.name), (space.clone(), app.clone()));
    assert!(bob.may("app.deploy", &app).await);
    assert_eq!(
        gets_app(&alice, &app).await.expect("now seen by the Admin").my_role(),
        ContributorRole::Viewer
    );
    let again = refused(links_app(&bob, &app, &space).await);
    assert_eq!(again.blocked(), (Code::FailedPrecondition, "APP_LINKED", vec!["APP_LINKED"]));
}

// R-A2, R-P3: linking takes a role in each, and tells of neither to who lacks one.
async fn linking_takes_a_role_in_the_space_and_one_on_the_app(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&carol, VIEWER)]).await.expect("added");
    let [bobs, carols] = [imported_app(&suite, &bob).await, imported_app(&suite, &carol).await];
    let no_role_in_space = refused(links_app(&bob, &bobs, &space).await);
    let viewer_in_space = refused(links_app(&carol, &carols, &space).await);
    let no_role_on_app = refused(links_app(&alice, &bobs, &space).await);
    let no_app = refused(links_app(&alice, NOWHERE, &space).await);
    for denied in [&no_role_in_space, &viewer_in_space, &no_role_on_app, &no_app] {
        assert_eq!(
            denied.message,
            format!("Permission 'apps.link' denied on '{space}' (or it might not exist)")
        );
    }
    assert_eq!(no_role_on_app, no_app);
}

// R-A2
async fn importing_takes_the_permission_of_a_service(suite: Suite) {
    let alice = suite.user("alice");
    let request = |owner: &str, display_name: &str| ImportAppRequest {
        app: Some(App { display_name: display_name.to_owned(), ..App::default() }),
        owner: owner.to_owned(),
        request_id: String::new(),
    };
    for who in [&alice, &suite.persona("services/auditor")] {
        let denied = refused(who.apps().import_app(request(&alice.name, "Old")).await);
        assert_eq!(denied.metadata[0].1, "import.apps");
    }
    let importer = suite.persona("services/importer");
    let bad = refused(importer.apps().import_app(request("services/x", "")).await);
    assert_eq!(bad.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["app.display_name", "owner"]));
    let request_id = suite.request_id();
    let key = ImportAppRequest { request_id, ..request(&alice.name, "Old") };
    let first = importer.apps().import_app(key.clone()).await.expect("imported").into_inner();
    assert_eq!(importer.apps().import_app(key).await.expect("the first result").into_inner(), first, "R-J5");
    assert_eq!(apps_seen(&alice, "").await.len(), 1);
}
