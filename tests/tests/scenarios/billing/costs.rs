//! Who can bring about costs in a space (R-B13).
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    billing::v1::{CostSource, WhoCanIncurCostRequest},
    membership::v1::Member,
    space::v1::{Space, space::AppCreation},
};
use devspaces_tests::{Persona, Suite, refused, suite::eventually};
use tonic::{Code, Status};

use crate::acts::{
    accounts::{account_of, run_by_bob},
    apps::deletes_app,
    contributors::{APP_ADMIN, APP_VIEWER, DEPLOYER, adds_contributors, removes_contributor},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, member, removes_member},
    spaces::updates_space,
};

scenarios! {
    both engines:
        who_ceases_to_be_a_cost_is_told_no_longer,
        where_only_admins_create_apps_a_developers_console_role_is_no_cost,
        the_list_is_not_shortened_while_a_service_is_down;
    everywhere:
        the_people_who_can_bring_about_costs_are_told_with_their_roles,
        every_bad_field_is_told;
}

/// The person's id, the console role, and the contributor roles with the number of apps.
type Source = (String, String, Vec<(String, i32)>);

fn source(who: &Persona, console_role: &str, deploying: &[(&str, i32)]) -> Source {
    let deploying = deploying.iter().map(|(role, apps)| ((*role).to_owned(), *apps)).collect();
    (who.id().to_owned(), console_role.to_owned(), deploying)
}

fn read(source: CostSource) -> Source {
    let deploying = source.deploying_roles.into_iter().map(|role| (role.role, role.apps)).collect();
    (source.user.strip_prefix("users/").expect("a user").to_owned(), source.console_role, deploying)
}

async fn asks(who: &Persona, space: &str, page_size: i32) -> Result<Vec<Source>, Status> {
    let mut request =
        WhoCanIncurCostRequest { parent: account_of(space), page_size, page_token: String::new() };
    let mut sources = Vec::new();
    loop {
        let page = who.accounts().who_can_incur_cost(request.clone()).await?.into_inner();
        assert!(page_size == 0 || page.sources.len() <= usize::try_from(page_size).expect("a size"));
        sources.extend(page.sources.into_iter().map(read));
        if page.next_page_token.is_empty() {
            return Ok(sources);
        }
        request.page_token = page.next_page_token;
    }
}

/// A space of alice's with people in many roles, and what is told of them. Bob runs the billing account.
async fn world(suite: &Suite, alice: &Persona, bob: &Persona) -> (String, Vec<Source>) {
    let [carol, dora, erin, frank, gina, victor] =
        ["carol", "dora", "erin", "frank", "gina", "victor"].map(|id| suite.user(id));
    let space = run_by_bob(alice, bob).await;
    let della = suite.user("della");
    let with_add_on = Member { view_all_apps: true, ..member(&della, DEVELOPER) };
    adds_members(alice, &space, &[(&carol, ADMIN), (&dora, DEVELOPER), (&victor, VIEWER)])
        .await
        .expect("added");
    adds_members_as_given(alice, &space, vec![with_add_on]).await.expect("added");
    let apps =
        [alice.creates_app(&space).await, alice.creates_app(&space).await, dora.creates_app(&space).await];
    let deleted = alice.creates_app(&space).await;
    let developer = devspaces_proto::space::v1::ContributorRole::Developer;
    adds_contributors(alice, &apps[0], &[(&erin, DEPLOYER), (&frank, developer), (&victor, DEPLOYER)])
        .await
        .expect("added");
    adds_contributors(alice, &apps[1], &[(&erin, APP_ADMIN), (&gina, APP_VIEWER)]).await.expect("added");
    adds_contributors(&dora, &apps[2], &[(&erin, DEPLOYER), (&alice.clone(), DEPLOYER)])
        .await
        .expect("added");
    adds_contributors(alice, &deleted, &[(&gina, DEPLOYER)]).await.expect("added");
    deletes_app(alice, &deleted).await.expect("deleted");
    let expected = vec![
        source(alice, "ADMIN", &[("OWNER", 2), ("DEPLOYER", 1)]),
        source(&carol, "ADMIN", &[]),
        source(&della, "DEVELOPER", &[]),
        source(&dora, "DEVELOPER", &[("OWNER", 1)]),
        source(&erin, "", &[("ADMIN", 1), ("DEPLOYER", 2)]),
        source(&victor, "", &[("DEPLOYER", 1)]),
    ];
    (space, expected)
}

// R-B13: those who create and link, and those who deploy. Not who only sees or develops, nor by deleted apps.
async fn the_people_who_can_bring_about_costs_are_told_with_their_roles(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let (space, expected) = world(&suite, &alice, &bob).await;
    // Whoever is in another space has nothing to do with this one.
    let other = carol.creates_space("Other").await;
    carol.creates_app(&other).await;
    for who in [&alice, &bob] {
        for page_size in [0, 1, 2, 3, 5, 6, 7] {
            assert_eq!(asks(who, &space, page_size).await.expect("a list"), expected, "pages of {page_size}");
        }
    }
    for id in ["dora", "victor", "erin", "mallory"] {
        let denied = refused(asks(&suite.user(id), &space, 0).await);
        assert_eq!(denied.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "{id}");
    }
    let dora = suite.user("dora");
    removes_member(&alice, &space, &dora).await.expect("removed, and alice owns the app");
    let list = asks(&bob, &space, 2).await.expect("a list");
    assert_eq!(list[0], source(&alice, "ADMIN", &[("OWNER", 3)]), "R-M5");
    assert!(list.iter().all(|(id, ..)| id != dora.id()));
}

// R-B13, R-M10
async fn who_ceases_to_be_a_cost_is_told_no_longer(suite: Suite) {
    let [alice, bob, carol, dora] = ["alice", "bob", "carol", "dora"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let app = alice.creates_app(&space).await;
    adds_contributors(&alice, &app, &[(&carol, DEPLOYER)]).await.expect("added");
    let hour = Member { expire_time: Some(suite.clock_in(3600)), ..member(&dora, DEVELOPER) };
    adds_members_as_given(&alice, &space, vec![hour]).await.expect("an hour");
    let alice_owns = source(&alice, "ADMIN", &[("OWNER", 1)]);
    let all = [alice_owns.clone(), source(&carol, "", &[("DEPLOYER", 1)]), source(&dora, "DEVELOPER", &[])];
    assert_eq!(asks(&bob, &space, 1).await.expect("a list"), all);
    removes_contributor(&alice, &app, &carol).await.expect("removed");
    suite.clock.advance(Duration::from_secs(3601));
    assert_eq!(asks(&bob, &space, 1).await.expect("a list"), [alice_owns]);
}

// R-B13, R-S9: with pages as full as they would be otherwise.
async fn where_only_admins_create_apps_a_developers_console_role_is_no_cost(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let (space, expected) = world(&suite, &alice, &bob).await;
    let admins = Space { name: space.clone(), app_creation: AppCreation::Admins.into(), ..Space::default() };
    updates_space(&carol, admins, &[]).await.expect("narrowed");
    let left: Vec<Source> = expected
        .into_iter()
        .map(|(id, role, deploying)| (id, role.replace("DEVELOPER", ""), deploying))
        .filter(|(_, role, deploying)| !role.is_empty() || !deploying.is_empty())
        .collect();
    assert!(left.iter().any(|(id, role, _)| id == "dora" && role.is_empty()), "she deploys still");
    for page_size in [0, 1, 2, 3] {
        assert_eq!(asks(&bob, &space, page_size).await.expect("a list"), left, "pages of {page_size}");
    }
}

// R-B13: whole or not given.
async fn the_list_is_not_shortened_while_a_service_is_down(suite: Suite) {
    let mut suite = suite;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    alice.creates_app(&space).await;
    let expected = [source(&alice, "ADMIN", &[("OWNER", 1)])];
    for (service, name) in [(Service::Membership, "membership"), (Service::Space, "space")] {
        suite.stop(service).await;
        let refusal = refused(asks(&bob, &space, 0).await);
        assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"), "{name}");
        assert_eq!(refusal.metadata, [("missing".to_owned(), name.to_owned())]);
        suite.restart(service).await;
        assert_eq!(eventually(async || asks(&bob, &space, 0).await.ok()).await, expected);
    }
}

// Order of answers, R-B13
async fn every_bad_field_is_told(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let (space, _) = world(&suite, &alice, &bob).await;
    let ask = |parent: &str, page_size, page_token: &str| WhoCanIncurCostRequest {
        parent: parent.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    let account = account_of(&space);
    let page = bob.accounts().who_can_incur_cost(ask(&account, 1, "")).await.expect("a page").into_inner();
    let other = account_of(&run_by_bob(&alice, &bob).await);
    for (request, field) in [
        (ask(&space, 0, ""), "parent"),
        (ask(&account, -1, ""), "page_size"),
        (ask(&account, 0, "x"), "page_token"),
        (ask(&other, 0, &page.next_page_token), "page_token"),
    ] {
        let refusal = refused(bob.accounts().who_can_incur_cost(request).await);
        assert_eq!((refusal.code, refusal.fields), (Code::InvalidArgument, vec![field.to_owned()]));
    }
}
