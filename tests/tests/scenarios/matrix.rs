//! The permission table, asked through the API: each row that a check can name so far, by each role that a person can
//! hold so far. `policy/matrix.csv` is the oracle; it was made by hand and not from any code.
use devspaces_proto::membership::v1::Member;
use devspaces_tests::{Persona, both_engines, refused};
use tonic::Code;

use crate::members::{ADMIN, DEVELOPER, VIEWER, adds, adds_members, member};

const MATRIX: &str = include_str!("../../policy/matrix.csv");

struct Row {
    permission: String,
    resource: String,
    console_admin: String,
    developer: String,
    viewer: String,
    anyone: bool,
}

/// Fields may be quoted, with commas inside.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().expect("a field").push(c),
        }
    }
    fields
}

fn rows() -> Vec<Row> {
    let mut lines = MATRIX.lines().map(fields);
    let header = lines.next().expect("a header");
    let column = |name: &str| header.iter().position(|field| field == name).expect("a column");
    let at = ["permission", "resource", "console_admin", "developer", "viewer"].map(column);
    lines
        .map(|line| {
            let [permission, resource, console_admin, developer, viewer] =
                at.map(|column| line[column].clone());
            let anyone = console_admin == "any";
            Row { permission, resource, console_admin, developer, viewer, anyone }
        })
        .collect()
}

/// What an unpublished space with an Admin and without apps makes of an `if`.
fn condition(permission: &str, role: &str) -> bool {
    match (permission, role) {
        ("space.update" | "marketplace.terms.accept", "console_admin")
        | ("apps.list", "developer with view_all_apps") => true,
        // Both need a role on an app, and there is none.
        ("apps.list", "developer") | ("apps.link", _) => false,
        _ => panic!("no expectation for {permission} as {role}"),
    }
}

fn expected(row: &Row, role: &str) -> bool {
    let cell = match role {
        "console_admin" => &row.console_admin,
        "developer" | "developer with view_all_apps" => &row.developer,
        "viewer" => &row.viewer,
        _ => return row.anyone,
    };
    match cell.as_str() {
        "yes" | "any" => true,
        "no" => false,
        "if" => condition(&row.permission, role),
        other => panic!("an unknown cell: {other}"),
    }
}

both_engines! {
    // R-M1, R-P1, R-P2 and every rule behind the table
    async fn each_role_may_what_the_table_says(suite: Suite) {
        let [alice, dora, della, victor, stranger] = ["alice", "dora", "della", "victor", "stranger"].map(|id| suite.user(id));
        let space = alice.creates_space("Team").await;
        let add_on = Member { view_all_apps: true, ..member(&della, DEVELOPER) };
        adds(&alice, &space, &[(&dora, DEVELOPER), (&victor, VIEWER)]).await.expect("added");
        adds_members(&alice, &space, vec![add_on]).await.expect("added");
        let people: [(&str, &Persona); 5] = [
            ("console_admin", &alice),
            ("developer", &dora),
            ("developer with view_all_apps", &della),
            ("viewer", &victor),
            ("stranger", &stranger),
        ];
        let rows = rows();
        assert_eq!(rows.len(), 58);
        let mut asked = 0;
        for row in rows.iter().filter(|row| row.resource != "app") {
            let resource = if row.resource == "space" { space.as_str() } else { "" };
            for (role, person) in people {
                let answer = person.check(&row.permission, resource).await.expect("an answer");
                assert_eq!(answer.allowed, expected(row, role), "{} as {role}", row.permission);
                let explanation = answer.explanation.expect("an explanation");
                assert_eq!(answer.allowed, !explanation.granted_by.is_empty(), "{} as {role}", row.permission);
                assert!(answer.as_of.is_some() && explanation.missing_facts.is_empty());
                if role == "stranger" {
                    assert!(explanation.unmet_conditions.is_empty(), "R-P2: a stranger learns the catalogue only");
                }
                asked += 1;
            }
        }
        assert!(asked >= 5 * 45, "{asked}");
    }

    // R-P7: services have what the operator configured, and nothing else.
    async fn a_service_may_what_its_operator_configured(suite: Suite) {
        let alice = suite.user("alice");
        let space = alice.creates_space("Team").await;
        let (auditor, other) = (suite.persona("services/auditor"), suite.persona("services/other"));
        for row in rows().iter().filter(|row| row.resource != "app") {
            let resource = if row.resource == "space" { space.as_str() } else { "" };
            assert_eq!(auditor.may(&row.permission, resource).await, row.permission == "authz.check_others", "{}", row.permission);
            assert!(!other.may(&row.permission, resource).await, "{}", row.permission);
        }
    }

    // R-P6
    async fn asking_about_others_needs_a_permission(suite: Suite) {
        let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
        let space = alice.creates_space("Team").await;
        adds(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        let ask = |permission: &str| devspaces_proto::authz::v1::CheckPermissionRequest {
            subject: bob.name.clone(), permission: permission.to_owned(), resource: space.clone(), max_staleness: None,
        };
        for asker in [&alice, &suite.persona("services/auditor"), &bob] {
            let answer = asker.authz().check_permission(ask("members.list")).await.expect("an answer").into_inner();
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
        adds(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        for permission in ["space.get", "space.update", "members.add", "billing.invoices.get", "space.create"] {
            let request = devspaces_proto::authz::v1::CheckPermissionRequest {
                permission: permission.to_owned(),
                resource: if permission == "space.create" { String::new() } else { space.clone() },
                ..Default::default()
            };
            let one = bob.authz().check_permission(request.clone()).await.expect("an answer").into_inner();
            let other = bob.authz_of_membership().check_permission(request).await.expect("an answer").into_inner();
            assert_eq!((one.allowed, one.explanation), (other.allowed, other.explanation), "{permission}");
        }
    }
}
