//! Who creates apps in a space and links apps to it (R-S9).
use devspaces_proto::space::v1::{App, CreateSpaceRequest, Space, space::AppCreation};
use devspaces_tests::{Persona, Suite, refused};
use futures::future::join;
use tonic::{Code, Status};

use crate::{
    acts::{
        apps::{creates_app, imported_app, links_app},
        marketplace::accepts_terms,
        members::{ADMIN, DEVELOPER, VIEWER, adds_members},
        refusals::{DENIED, INVALID},
        spaces::{archives_space, gets_space, updates_space},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_client_that_does_not_know_the_setting_leaves_it_as_it_is,
        of_a_setting_narrowed_while_a_developer_creates_each_app_is_from_before;
    everywhere:
        where_only_admins_create_apps_a_developer_neither_creates_nor_links,
        the_setting_is_the_admins_whoever_edits_the_metadata;
}

/// Asks for a value of the setting, and for another display name beside it if one is given.
async fn sets(who: &Persona, space: &str, to: AppCreation, display_name: &str) -> Result<Space, Status> {
    let space = Space {
        name: space.to_owned(),
        display_name: display_name.to_owned(),
        app_creation: to.into(),
        ..Space::default()
    };
    updates_space(who, space, &[]).await
}

async fn why_not(who: &Persona, permission: &str, space: &str) -> Vec<String> {
    let answer = who.check(permission, space).await.expect("an answer");
    assert!(!answer.allowed, "{permission}");
    answer.explanation.expect("an explanation").unmet_conditions
}

// R-S9, R-A1, R-A2, R-P9: at once, for creating and linking, and for nothing else.
async fn where_only_admins_create_apps_a_developer_neither_creates_nor_links(suite: Suite) {
    let [alice, dora, victor] = ["alice", "dora", "victor"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER), (&victor, VIEWER)]).await.expect("added");
    assert_eq!(gets_space(&victor, &space).await.expect("seen").app_creation(), AppCreation::Members);
    let own = dora.creates_app(&space).await;
    let [doras, alices] = [imported_app(&suite, &dora).await, imported_app(&suite, &alice).await];
    for who in [&dora, &victor] {
        assert_eq!(refused(sets(who, &space, AppCreation::Admins, "").await).kind(), DENIED, "{}", who.name);
    }
    for _ in 0..50 {
        assert!(dora.may("apps.create", &space).await);
    }
    let narrowed = sets(&alice, &space, AppCreation::Admins, "").await.expect("narrowed");
    assert_eq!(narrowed.app_creation(), AppCreation::Admins);
    assert!(!dora.may("apps.create", &space).await, "from the reply on");
    assert_eq!(refused(creates_app(&dora, &space).await).kind(), DENIED);
    assert_eq!(refused(links_app(&dora, &doras, &space).await).kind(), DENIED);
    let told = why_not(&dora, "apps.create", &space).await;
    assert!(told.iter().any(|sentence| sentence.contains("app_creation is ADMINS")), "{told:?}");
    assert_eq!(
        why_not(&victor, "apps.create", &space).await,
        Vec::<String>::new(),
        "no setting helps a Viewer"
    );
    assert!(dora.may("app.deploy", &own).await, "what she has she keeps");
    creates_app(&alice, &space).await.expect("an Admin creates");
    links_app(&alice, &alices, &space).await.expect("and links");
    sets(&alice, &space, AppCreation::Members, "").await.expect("widened");
    creates_app(&dora, &space).await.expect("created at once");
    links_app(&dora, &doras, &space).await.expect("linked");
}

// R-S9, R-S3, R-S5
async fn the_setting_is_the_admins_whoever_edits_the_metadata(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&carol, ADMIN)]).await.expect("added");
    sets(&bob, &space, AppCreation::Admins, "Both").await.expect("both are a console Admin's so far");
    accepts_terms(&alice, &space).await.expect("published: alice is its Marketplace admin");
    sets(&bob, &space, AppCreation::Members, "").await.expect("the setting is a console Admin's still");
    let denied = refused(sets(&bob, &space, AppCreation::Admins, "Bob's").await);
    assert_eq!(denied.kind(), DENIED, "the metadata is not");
    let seen = gets_space(&bob, &space).await.expect("seen");
    assert_eq!((seen.display_name.as_str(), seen.app_creation()), ("Both", AppCreation::Members), "neither");
    sets(&alice, &space, AppCreation::Admins, "Hers").await.expect("who is both does both");
    crate::acts::members::removes_member(&bob, &space, &alice).await.expect("removed");
    assert_eq!(refused(sets(&alice, &space, AppCreation::Members, "").await).kind(), DENIED);
    assert_eq!(refused(sets(&alice, &space, AppCreation::Members, "Mine").await).kind(), DENIED);
    let renamed = sets(&alice, &space, AppCreation::Unspecified, "Mine").await.expect("the metadata is hers");
    assert_eq!(renamed.app_creation(), AppCreation::Admins);
    archives_space(&bob, &space).await.expect("archived");
    let archived = refused(sets(&bob, &space, AppCreation::Members, "").await);
    assert_eq!(archived.blocked(), (Code::FailedPrecondition, "SPACE_ARCHIVED", vec!["SPACE_ARCHIVED"]));
}

// R-S9: a stub from before the setting sends none.
async fn a_client_that_does_not_know_the_setting_leaves_it_as_it_is(suite: Suite) {
    let alice = suite.user("alice");
    let new = Space {
        display_name: "Team".to_owned(),
        app_creation: AppCreation::Admins.into(),
        ..Space::default()
    };
    let create = |space| CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() };
    let space = alice.spaces().create_space(create(new.clone())).await.expect("created").into_inner();
    assert_eq!(space.app_creation(), AppCreation::Admins);
    let plain = Space { name: space.name.clone(), display_name: "Ours".to_owned(), ..Space::default() };
    for paths in [&[][..], &["*"], &["display_name"]] {
        let updated = updates_space(&alice, plain.clone(), paths).await.expect("updated");
        assert_eq!(updated.app_creation(), AppCreation::Admins, "{paths:?}");
    }
    let whole = Space { app_creation: AppCreation::Members.into(), ..plain.clone() };
    let updated = updates_space(&alice, whole.clone(), &["*"]).await.expect("updated");
    assert_eq!(updated.app_creation(), AppCreation::Members);
    let stale = Space { etag: space.etag, app_creation: AppCreation::Admins.into(), ..plain.clone() };
    let refusal = refused(updates_space(&alice, stale, &["app_creation"]).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Aborted, "ETAG_STALE"));
    let unknown = Space { app_creation: 99, ..new };
    for refusal in [
        refused(updates_space(&alice, plain, &["app_creation"]).await),
        refused(updates_space(&alice, Space { app_creation: 99, ..whole }, &[]).await),
        refused(alice.spaces().create_space(create(unknown)).await),
    ] {
        assert_eq!(refusal.kind(), INVALID);
        assert_eq!(refusal.fields, ["space.app_creation"]);
    }
}

// R-S9, R-P9: decided again in the transaction that creates.
async fn of_a_setting_narrowed_while_a_developer_creates_each_app_is_from_before(suite: Suite) {
    let [alice, dora] = ["alice", "dora"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER)]).await.expect("added");
    for round in 0..rounds(10) {
        sets(&alice, &space, AppCreation::Members, "").await.expect("widened");
        let creates = async {
            let mut last = None::<App>;
            loop {
                match creates_app(&dora, &space).await {
                    Ok(app) => last = Some(app),
                    Err(status) => return (last, status),
                }
            }
        };
        let (narrowed, (last, refusal)) = join(sets(&alice, &space, AppCreation::Admins, ""), creates).await;
        let narrowed = narrowed.expect("narrowed").update_time.expect("a time");
        assert_eq!(refused::<App>(Err(refusal)).kind(), DENIED);
        let last = last.and_then(|app| app.create_time).map(|time| (time.seconds, time.nanos));
        assert!(last.is_none_or(|last| last <= (narrowed.seconds, narrowed.nanos)), "round {round}");
        assert_eq!(refused(creates_app(&dora, &space).await).kind(), DENIED, "round {round}");
    }
}
