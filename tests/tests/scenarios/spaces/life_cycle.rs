use devspaces_proto::space::v1::{
    ArchiveSpaceRequest, GetSpaceSettingsRequest, Space, space::State, space_settings::MetadataEditor,
};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    apps::{creates_app, lists_apps},
    marketplace::accepts_terms,
    members::{ADMIN, VIEWER, adds_members, demotes_member, removes_member},
    spaces::{archives_space, deletes_space, gets_space, renames_space, restores_space, updates_space},
};

scenarios! {
    everywhere:
        the_creator_of_a_space_is_its_admin_when_the_reply_arrives,
        a_space_is_read_by_its_members_and_looks_missing_to_others,
        settings_tell_who_may_edit,
        metadata_changes_by_mask_and_etag,
        an_archived_space_takes_only_what_the_rule_lists,
        a_preview_of_archiving_changes_nothing;
    both engines:
        spaces_and_apps_of_one_display_name_are_several,
        a_published_space_is_archived_and_restored_and_not_deleted;
}

// R-S1
async fn the_creator_of_a_space_is_its_admin_when_the_reply_arrives(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    assert!(alice.may("members.add", &space).await);
    let read = gets_space(&alice, &space).await.expect("the creator reads it");
    assert_eq!((read.display_name.as_str(), read.state(), read.published), ("Team", State::Active, false));
    assert_eq!(format!("spaces/{}", read.uid), space);
    assert!(read.create_time.is_some() && read.create_time == read.update_time);
    for permission in ["billing.invoices.get", "marketplace.profile.get"] {
        assert!(!alice.may(permission, &space).await, "R-S1: nothing comes with it: {permission}");
    }
}

// R-S4, R-P3
async fn a_space_is_read_by_its_members_and_looks_missing_to_others(suite: Suite) {
    let (alice, victor, mallory) = (suite.user("alice"), suite.user("victor"), suite.user("mallory"));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&victor, VIEWER)]).await.expect("added");
    assert_eq!(gets_space(&victor, &space).await.expect("a viewer reads").display_name, "Team");

    let forbidden = refused(gets_space(&mallory, &space).await);
    let nowhere = "spaces/0190a8d0-7b1c-7def-8000-000000000001";
    let missing = refused(gets_space(&mallory, nowhere).await);
    assert_eq!(forbidden.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    assert_eq!(
        forbidden.message,
        format!("Permission 'space.get' denied on '{space}' (or it might not exist)")
    );
    assert_eq!(missing.kind(), forbidden.kind());
    assert_eq!(missing.message.replace(nowhere, &space), forbidden.message);
}

// R-S4, R-S3
async fn settings_tell_who_may_edit(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let request = GetSpaceSettingsRequest { name: space.clone() };
    let settings = alice.spaces().get_space_settings(request).await.expect("settings").into_inner();
    assert_eq!(settings.metadata_editor(), MetadataEditor::ConsoleAdmin);
    assert_eq!(settings.space.map(|space| space.name), Some(space));
}

// R-S3
async fn metadata_changes_by_mask_and_etag(suite: Suite) {
    let alice = suite.user("alice");
    let name = alice.creates_space("Team").await;
    let before = gets_space(&alice, &name).await.expect("the space");
    let change = Space { display_name: "Other".into(), description: "x".into(), ..before.clone() };

    let one = updates_space(&alice, change.clone(), &["description"]).await.expect("one field");
    assert_eq!((one.display_name.as_str(), one.description.as_str()), ("Team", "x"));
    assert_ne!(one.etag, before.etag);
    assert_ne!(one.update_time, before.update_time);

    let stale = refused(updates_space(&alice, change.clone(), &["display_name"]).await);
    assert_eq!(stale.kind(), (Code::Aborted, "ETAG_STALE"));

    let populated = Space { name: name.clone(), display_name: "New".into(), ..Space::default() };
    let two = updates_space(&alice, populated.clone(), &[]).await.expect("the populated field");
    assert_eq!((two.display_name.as_str(), two.description.as_str()), ("New", "x"));
    let all = updates_space(&alice, populated.clone(), &["*"]).await.expect("all fields");
    assert_eq!((all.display_name.as_str(), all.description.as_str()), ("New", ""));
    let same = updates_space(&alice, populated, &["*"]).await.expect("nothing to change");
    assert_eq!(same.etag, all.etag);
}

// R-S5
async fn an_archived_space_takes_only_what_the_rule_lists(suite: Suite) {
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    let archived = archives_space(&alice, &space).await.expect("archived");
    assert_eq!(archived.state(), State::Archived);

    let update = Space { name: space.clone(), display_name: "x".into(), ..Space::default() };
    let refusals = [
        refused(updates_space(&alice, update, &[]).await),
        refused(adds_members(&alice, &space, &[(&suite.user("carol"), VIEWER)]).await),
        refused(archives_space(&alice, &space).await),
        refused(demotes_member(&alice, &space, &bob).await),
    ];
    for refusal in refusals {
        assert_eq!(refusal.kind(), (Code::FailedPrecondition, "SPACE_ARCHIVED"));
        assert_eq!(refusal.blockers, ["SPACE_ARCHIVED"]);
    }
    gets_space(&bob, &space).await.expect("reading goes on");
    removes_member(&alice, &space, &bob).await.expect("removing people goes on");

    assert_eq!(restores_space(&alice, &space).await.expect("restored").state(), State::Active);
    let again = refused(restores_space(&alice, &space).await);
    assert_eq!(again.kind(), (Code::FailedPrecondition, "SPACE_NOT_ARCHIVED"));
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("all goes on");
}

// R-S5
async fn a_preview_of_archiving_changes_nothing(suite: Suite) {
    let alice = suite.user("alice");
    let name = alice.creates_space("Team").await;
    let request =
        ArchiveSpaceRequest { name: name.clone(), validate_only: true, ..ArchiveSpaceRequest::default() };
    let preview = alice.spaces().archive_space(request).await.expect("a preview").into_inner();
    assert_eq!(preview.state(), State::Archived);
    assert_eq!(gets_space(&alice, &name).await.expect("the space").state(), State::Active);
}

// R-S8: what people call them tells nobody which they are.
async fn spaces_and_apps_of_one_display_name_are_several(suite: Suite) {
    let (alice, bob) = (suite.user("alice"), suite.user("bob"));
    let [one, same] = [alice.creates_space("Team").await, alice.creates_space("Team").await];
    let others = bob.creates_space("Other").await;
    renames_space(&bob, &others, "Team").await;
    assert!(one != same && same != others);
    for (who, space) in [(&alice, &one), (&alice, &same), (&bob, &others)] {
        assert_eq!(gets_space(who, space).await.expect("a space").display_name, "Team");
    }
    assert!(!alice.may("space.get", &others).await && !bob.may("space.get", &one).await);
    let apps =
        [creates_app(&alice, &one).await, creates_app(&alice, &one).await].map(|app| app.expect("an app"));
    assert!(apps[0].name != apps[1].name && apps[0].display_name == apps[1].display_name);
    assert_eq!(lists_apps(&alice, &one, 10).await.expect("a list").len(), 2);
}

// R-S8, R-S5, R-S6
async fn a_published_space_is_archived_and_restored_and_not_deleted(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    accepts_terms(&alice, &space).await.expect("published");
    let archived = archives_space(&alice, &space).await.expect("archived");
    assert_eq!((archived.state(), archived.published), (State::Archived, true));
    let refusal = refused(deletes_space(&alice, &space).await);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "SPACE_PUBLISHED", vec!["SPACE_PUBLISHED"]));
    restores_space(&alice, &space).await.expect("restored");
    assert_eq!(gets_space(&alice, &space).await.expect("the space").state(), State::Active);
}
