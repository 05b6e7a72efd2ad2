//! Apps: creating, changing and deleting them.
use std::time::Duration;

use devspaces_proto::space::v1::{
    App, ContributorRole, CreateAppRequest, DeleteAppRequest, LinkAppRequest,
    app::{Listing, State},
};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    apps::{
        apps_seen, creates_app, deletes_app, gets_app, imported_app, links_app, lists_apps, undeletes_app,
        updates_app,
    },
    contributors::{OWNER, adds_contributors},
    marketplace::{accepts_terms, submits_listing},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members},
    spaces::{archives_space, restores_space},
};

scenarios! {
    both engines:
        a_deleted_app_is_gone_after_thirty_days;
    everywhere:
        the_creator_of_an_app_owns_it,
        an_admin_manages_every_app_and_develops_by_a_role_that_the_journal_shows,
        details_change_by_mask_and_etag,
        a_deleted_app_is_in_no_space_and_can_be_had_back,
        a_marketplace_app_is_not_deleted,
        a_space_is_archived_without_apps_and_takes_none_in_while_it_is,
        a_preview_of_linking_and_deleting_changes_nothing,
        bad_input_to_apps_is_named_by_its_field;
}

const NOWHERE: &str = "apps/0190a8d0-7b1c-7def-8000-000000000001";

// R-A1
async fn the_creator_of_an_app_owns_it(suite: Suite) {
    let [alice, bob, victor, mallory] = ["alice", "bob", "victor", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER), (&victor, VIEWER)]).await.expect("added");
    let app = creates_app(&bob, &space).await.expect("created");
    assert_eq!((app.my_role(), app.listing(), app.state()), (OWNER, Listing::Private, State::Active));
    assert_eq!((app.space.clone(), format!("apps/{}", app.uid)), (space.clone(), app.name.clone()));
    assert_eq!(gets_app(&bob, &app.name).await.expect("the owner reads it"), app);
    for permission in
        ["app.develop", "app.deploy", "app.delete", "app.owner.update", "app.contributors.update"]
    {
        assert!(bob.may(permission, &app.name).await, "{permission}");
    }
    for who in [&victor, &mallory] {
        let denied = refused(creates_app(who, &space).await);
        assert_eq!(
            denied.message,
            format!("Permission 'apps.create' denied on '{space}' (or it might not exist)")
        );
    }
}

// R-A6
async fn an_admin_manages_every_app_and_develops_by_a_role_that_the_journal_shows(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let app = bob.creates_app(&space).await;
    let renamed = App { name: app.clone(), display_name: "Renamed".into(), ..App::default() };
    assert_eq!(updates_app(&alice, renamed, &[]).await.expect("renamed").display_name, "Renamed");
    assert!(!alice.may("app.deploy", &app).await);
    adds_contributors(&alice, &app, &[(&alice, ContributorRole::Deployer)]).await.expect("added");
    assert!(alice.may("app.deploy", &app).await && !alice.may("app.delete", &app).await);
    assert_eq!(gets_app(&alice, &app).await.expect("the app").my_role(), ContributorRole::Deployer);
}

// R-A6
async fn details_change_by_mask_and_etag(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let before = creates_app(&alice, &space).await.expect("created");
    let change = App { display_name: "Other".into(), description: "x".into(), ..before.clone() };
    let one = updates_app(&alice, change.clone(), &["description"]).await.expect("one field");
    assert_eq!((one.display_name.as_str(), one.description.as_str()), ("App", "x"));
    assert_eq!(
        refused(updates_app(&alice, change, &["display_name"]).await).kind(),
        (Code::Aborted, "ETAG_STALE")
    );
    adds_contributors(&alice, &before.name, &[(&bob, ContributorRole::Viewer)]).await.expect("added");
    let fresh = App { display_name: "New".into(), ..one.clone() };
    let two = updates_app(&alice, fresh, &["*"]).await.expect("an etag that contributors do not change");
    assert_eq!((two.display_name.as_str(), two.description.as_str()), ("New", "x"));
    let same = updates_app(&alice, App { etag: String::new(), ..two.clone() }, &["*"])
        .await
        .expect("nothing to change");
    assert_eq!(same.etag, two.etag);
    let bad = App { name: before.name, display_name: "\u{0}".into(), ..App::default() };
    let bad = refused(updates_app(&alice, bad, &["display_name", "space"]).await);
    assert_eq!(
        bad.bad_fields(),
        (Code::InvalidArgument, "INVALID_FIELD", vec!["update_mask", "app.display_name"])
    );
}

// R-A10
async fn a_deleted_app_is_in_no_space_and_can_be_had_back(suite: Suite) {
    let [alice, bob, erin] = ["alice", "bob", "erin"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let app = bob.creates_app(&space).await;
    adds_contributors(&bob, &app, &[(&erin, ContributorRole::Admin)]).await.expect("added");
    for who in [&alice, &erin] {
        assert_eq!(
            refused(deletes_app(who, &app).await).metadata[0].1,
            "app.delete",
            "the OWNER alone deletes"
        );
    }
    let deleted = deletes_app(&bob, &app).await.expect("deleted");
    assert_eq!(deleted.state(), State::Deleted);
    let seconds = |time: Option<prost_types::Timestamp>| time.expect("a time").seconds;
    assert_eq!(seconds(deleted.purge_time) - seconds(deleted.delete_time), 30 * 24 * 3600);
    assert!(apps_seen(&alice, &space).await.is_empty() && apps_seen(&bob, "").await.is_empty());
    assert_eq!(refused(gets_app(&alice, &app).await).code, Code::PermissionDenied);
    assert_eq!(gets_app(&erin, &app).await.expect("its contributors see it").state(), State::Deleted);
    for permission in ["app.develop", "app.deploy", "app.update", "app.owner.update"] {
        assert!(!bob.may(permission, &app).await, "{permission}");
    }
    let again = refused(deletes_app(&bob, &app).await);
    assert_eq!(again.kind(), (Code::FailedPrecondition, "APP_DELETED"));
    assert_eq!(
        refused(links_app(&bob, &app, &space).await).kind(),
        (Code::FailedPrecondition, "APP_DELETED")
    );
    assert_eq!(refused(undeletes_app(&erin, &app).await).code, Code::PermissionDenied);
    let back = undeletes_app(&bob, &app).await.expect("had back");
    assert_eq!((back.state(), back.space.as_str(), back.delete_time), (State::Active, space.as_str(), None));
    assert!(bob.may("app.deploy", &app).await && gets_app(&alice, &app).await.is_ok());
    let twice = refused(undeletes_app(&bob, &app).await);
    assert_eq!(twice.kind(), (Code::FailedPrecondition, "APP_NOT_DELETED"));
}

// R-A10
async fn a_deleted_app_is_gone_after_thirty_days(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let [kept, gone] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    deletes_app(&alice, &gone).await.expect("deleted");
    suite.clock.advance(Duration::from_hours(29 * 24));
    deletes_app(&alice, &kept).await.expect("deleted");
    suite.clock.advance(Duration::from_hours(25));
    let late = refused(undeletes_app(&alice, &gone).await);
    assert_eq!(late.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    assert_eq!(
        refused(gets_app(&alice, &gone).await).message.replace(&gone, NOWHERE),
        refused(gets_app(&alice, NOWHERE).await).message
    );
    devspaces_tests::suite::eventually(async || (!alice.may("app.get", &gone).await).then_some(())).await;
    undeletes_app(&alice, &kept).await.expect("in time");
}

// R-A10, R-K6: no method lists an app yet.
async fn a_marketplace_app_is_not_deleted(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let profile = accepts_terms(&alice, &space).await.expect("accepted").name;
    submits_listing(&alice, &profile, &app).await.expect("submitted");
    assert_eq!(refused(deletes_app(&alice, &app).await).kind(), (Code::FailedPrecondition, "APP_LISTED"));
}

// R-S5, R-S7
async fn a_space_is_archived_without_apps_and_takes_none_in_while_it_is(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let old = imported_app(&suite, &alice).await;
    let refusal = refused(archives_space(&alice, &space).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "SPACE_HAS_APPS", vec!["SPACE_HAS_APPS"]));
    deletes_app(&alice, &app).await.expect("deleted");
    archives_space(&alice, &space).await.expect("deleted apps don't count");
    for refusal in [
        refused(creates_app(&alice, &space).await.map(drop)),
        refused(links_app(&alice, &old, &space).await.map(drop)),
        refused(undeletes_app(&alice, &app).await.map(drop)),
    ] {
        assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "SPACE_ARCHIVED", vec!["SPACE_ARCHIVED"]));
    }
    restores_space(&alice, &space).await.expect("restored");
    undeletes_app(&alice, &app).await.expect("had back");
    links_app(&alice, &old, &space).await.expect("linked");
}

// R-A2, R-A10: what is destroyed or moved can be tried first.
async fn a_preview_of_linking_and_deleting_changes_nothing(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = imported_app(&suite, &alice).await;
    let link =
        LinkAppRequest { name: app.clone(), space: space.clone(), validate_only: true, ..Default::default() };
    let preview = alice.apps().link_app(link).await.expect("a preview").into_inner();
    assert_eq!(
        (preview.space, gets_app(&alice, &app).await.expect("the app").space),
        (space.clone(), String::new())
    );
    links_app(&alice, &app, &space).await.expect("linked");
    let delete = DeleteAppRequest { name: app.clone(), validate_only: true, ..Default::default() };
    let preview = alice.apps().delete_app(delete).await.expect("a preview").into_inner();
    assert_eq!(
        (preview.state(), gets_app(&alice, &app).await.expect("the app").state()),
        (State::Deleted, State::Active)
    );
}

// Order of answers, R-A1, R-A2, R-A6: every bad field at once.
async fn bad_input_to_apps_is_named_by_its_field(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    for name in
        ["", "apps", "apps/1", space.as_str(), "apps/0190A8D0-7B1C-7DEF-8000-000000000001", "apps/\u{0}"]
    {
        assert_eq!(refused(gets_app(&alice, name).await).fields, ["name"], "{name}");
        assert_eq!(
            refused(links_app(&alice, name, name).await).fields.first().map(String::as_str),
            Some("name"),
            "{name}"
        );
    }
    assert_eq!(refused(links_app(&alice, &app, "spaces/1").await).fields, ["space"]);
    assert_eq!(refused(creates_app(&alice, "").await).fields, ["app.space"]);
    let nothing = CreateAppRequest { app: None, request_id: "x".into() };
    assert_eq!(refused(alice.apps().create_app(nothing).await).fields, ["app.space", "request_id"]);
    let long =
        App { space, display_name: "é".repeat(101), description: "é".repeat(1001), ..App::default() };
    let long = CreateAppRequest { app: Some(long), request_id: String::new() };
    assert_eq!(refused(alice.apps().create_app(long).await).fields, ["app.display_name", "app.description"]);
    let admin = refused(lists_apps(&alice, "apps/x", 0).await);
    assert_eq!(admin.fields, ["space"]);
    assert!(adds_members(&alice, &app, &[(&alice, ADMIN)]).await.is_err());
}
