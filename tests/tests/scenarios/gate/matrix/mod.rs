//! The permission table, asked through the API: every row, by each role that a person can hold.
mod apps;
mod planes;

use devspaces::Service;
use devspaces_proto::{authz::v1::Plane, membership::v1::Member};
use devspaces_tests::{Persona, Suite, refused, suite::eventually};
use tonic::Code;

use crate::{
    acts::members::{ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, member},
    gate::oracle::{self, Row, Standing, rows},
};

scenarios! {
    everywhere:
        each_console_role_may_what_the_table_says,
        a_service_may_what_its_operator_configured,
        asking_about_others_needs_a_permission,
        every_service_gives_the_same_answers;
}

/// The resource of a question about this line: a space, an app or none.
fn resource_of<'a>(row: &Row, space: &'a str, app: &'a str) -> &'a str {
    match row.resource.as_str() {
        "space" => space,
        "app" => app,
        _ => "",
    }
}

/// Asks for one permission: the answer must be the table's, and explain itself (R-P2).
async fn ask(person: &Persona, row: &Row, resource: &str, standing: &Standing) {
    let app_get = oracle::row("app.get");
    let case = format!("{} of {} on {resource}: {standing:?}", row.permission, person.name);
    // An owner that is slow, though it could change nothing, may be left out of the reasons.
    let whole = async || {
        let answer = person.check(&row.permission, resource).await.expect("an answer");
        assert_eq!(answer.allowed, row.allows(standing), "{case}");
        answer.explanation.as_ref().is_none_or(|why| why.missing_facts.is_empty()).then_some(answer)
    };
    let answer = eventually(whole).await;
    let explanation = answer.explanation.expect("an explanation");
    assert_eq!(answer.allowed, !explanation.granted_by.is_empty(), "{case}");
    assert!(answer.as_of.is_some(), "{case}");
    for granted in &explanation.granted_by {
        let holds = match granted.plane() {
            Plane::Console => standing.console.is_some(),
            Plane::Billing => standing.billing_admin,
            Plane::Marketplace => standing.marketplace_admin,
            Plane::App => standing.app.is_some() || standing.contributes,
            plane => plane == Plane::SignedIn,
        };
        assert!(holds, "{case}: it is granted by a role that the person does not hold: {granted:?}");
    }
    assert_eq!(answer.allowed, explanation.would_be_granted_by.is_empty(), "{case}");
    let told = !explanation.unmet_conditions.is_empty();
    if answer.allowed || !row.is_conditional(standing) {
        assert!(!told, "{case}: whom no condition keeps from it learns what the catalogue says and no more");
    } else {
        let shown = row.resource != "app" || app_get.allows(standing);
        assert_eq!(told, shown, "{case}: R-A5: a condition would give away an app that is not shown");
    }
}

// R-M1, R-P1, R-P2 and every rule behind the table
async fn each_console_role_may_what_the_table_says(suite: Suite) {
    let [alice, dora, della, victor, stranger] =
        ["alice", "dora", "della", "victor", "stranger"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let add_on = Member { view_all_apps: true, ..member(&della, DEVELOPER) };
    adds_members(&alice, &space, &[(&dora, DEVELOPER), (&victor, VIEWER)]).await.expect("added");
    adds_members_as_given(&alice, &space, vec![add_on]).await.expect("added");
    let people = [
        (&alice, Some(ADMIN), false),
        (&dora, Some(DEVELOPER), false),
        (&della, Some(DEVELOPER), true),
        (&victor, Some(VIEWER), false),
        (&stranger, None, false),
    ];
    let rows = rows();
    assert_eq!(rows.len(), 67);
    let mut asked = 0;
    // On an app, and where there are apps: matrix/apps.rs.
    for row in rows.iter().filter(|row| row.resource != "app") {
        let resource = resource_of(row, &space, "");
        for (person, console, view_all_apps) in people {
            asked += 1;
            ask(person, row, resource, &Standing { console, view_all_apps, ..Standing::default() }).await;
        }
    }
    assert_eq!(asked, 5 * 56);
}

// R-P7: services have what the operator configured, and nothing else.
async fn a_service_may_what_its_operator_configured(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    let (auditor, other) = (suite.persona("services/auditor"), suite.persona("services/other"));
    for row in rows() {
        let resource = resource_of(row, &space, &app);
        assert_eq!(
            auditor.may(&row.permission, resource).await,
            row.permission == "authz.check_others",
            "{}",
            row.permission
        );
        assert!(!other.may(&row.permission, resource).await, "{}", row.permission);
    }
}

// R-P6
async fn asking_about_others_needs_a_permission(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    let ask = |permission: &str| devspaces_proto::authz::v1::CheckPermissionRequest {
        subject: bob.name.clone(),
        permission: permission.to_owned(),
        resource: space.clone(),
        max_staleness: None,
    };
    for asker in [&alice, &suite.persona("services/auditor"), &bob] {
        let answer =
            asker.authz().check_permission(ask("members.list")).await.expect("an answer").into_inner();
        assert!(answer.allowed);
    }
    for asker in [&mallory, &suite.persona("services/other")] {
        let refusal = refused(asker.authz().check_permission(ask("members.list")).await);
        assert_eq!(refusal.code, Code::PermissionDenied);
    }
    let other_plane = refused(alice.authz().check_permission(ask("billing.invoices.get")).await);
    assert_eq!(other_plane.code, Code::PermissionDenied, "a console Admin administers no other plane");
}

// R-P4, R-P5: the same from every service.
async fn every_service_gives_the_same_answers(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    for permission in ["space.get", "space.update", "members.add", "billing.invoices.get", "space.create"] {
        let request = devspaces_proto::authz::v1::CheckPermissionRequest {
            permission: permission.to_owned(),
            resource: if permission == "space.create" { String::new() } else { space.clone() },
            ..Default::default()
        };
        let of = async |service| {
            let whole = async || {
                let asked = bob.authz_of(service).check_permission(request.clone()).await.expect("an answer");
                let answer = (asked.get_ref().allowed, asked.into_inner().explanation.expect("reasons"));
                answer.1.missing_facts.is_empty().then_some(answer)
            };
            eventually(whole).await
        };
        assert_eq!(of(Service::Space).await, of(Service::Membership).await, "{permission}");
    }
}
