//! The table where there are apps: one in a space, one in none and one that is deleted, by every contributor role with and
//! without a console role.
use devspaces::Service;
use devspaces_proto::{
    membership::v1::{ConsoleRole, Member},
    space::v1::{AddContributorsRequest, App, Contributor, ContributorRole, LinkAppRequest},
};
use devspaces_tests::{Persona, Suite, refused, sql::tamper};
use futures::future::join_all;
use tonic::{Code, Status};

use super::{ask, resource_of};
use crate::{
    acts::{
        apps::{deletes_app, imported_app},
        members::{
            ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, keeps_only_app_roles, member,
        },
        spaces::lists_spaces,
    },
    gate::oracle::{Place, Standing, may_link, rows},
};

scenarios! {
    both engines:
        each_contributor_role_may_what_the_table_says,
        contributors_without_a_console_role_see_the_space_by_name_only,
        linking_takes_a_console_role_and_a_role_on_the_app;
}

const ROLES: [ContributorRole; 5] = [
    ContributorRole::Owner,
    ContributorRole::Admin,
    ContributorRole::Deployer,
    ContributorRole::Developer,
    ContributorRole::Viewer,
];

/// Five people, one for each contributor role.
fn five(suite: &Suite, group: &str) -> [Persona; 5] {
    ROLES.map(|role| suite.user(&format!("{group}-{}", role.as_str_name().to_lowercase())))
}

/// Adds people to an app, in the roles after that of its OWNER, who adds them.
async fn fills(app: &str, five: &[Persona; 5]) {
    let contributors = five.iter().zip(ROLES).skip(1);
    let contributors = contributors
        .map(|(who, role)| Contributor {
            user: who.name.clone(),
            role: role.into(),
            ..Contributor::default()
        })
        .collect();
    let request = AddContributorsRequest { parent: app.to_owned(), contributors, request_id: String::new() };
    five[0].apps().add_contributors(request).await.expect("added");
}

/// An app of the space with five contributors, all of whom are its Developers.
async fn app_of_developers(admin: &Persona, space: &str, five: &[Persona; 5]) -> String {
    let developers = five.each_ref().map(|who| (who, DEVELOPER));
    adds_members(admin, space, &developers).await.expect("added");
    let app = five[0].creates_app(space).await;
    fills(&app, five).await;
    app
}

/// An app of the space with five contributors, none of whom has a console role.
async fn app_of_outsiders(admin: &Persona, space: &str, five: &[Persona; 5]) -> String {
    adds_members(admin, space, &[(&five[0], DEVELOPER)]).await.expect("added");
    let app = five[0].creates_app(space).await;
    fills(&app, five).await;
    keeps_only_app_roles(admin, space, &five[0]).await;
    app
}

/// An app in no space with five contributors. Nobody manages contributors there, so no method makes one: it may come from
/// before. Nobody has asked anything about them, so nothing is remembered otherwise.
async fn app_of_before(suite: &Suite, five: &[Persona; 5]) -> String {
    let app = imported_app(suite, &five[0]).await;
    let pool = suite.pool(Service::Space).await;
    for (who, role) in five.iter().zip(["OWNER", "ADMIN", "DEPLOYER", "DEVELOPER", "VIEWER"]).skip(1) {
        let insert = format!(
            "INSERT INTO contributor (app, person, role, space, create_time, update_time, revision)
             SELECT app, '{}', '{role}', space, create_time, update_time, revision
             FROM contributor WHERE person = '{}'",
            who.id(),
            five[0].id()
        );
        tamper(&pool, &insert).await;
    }
    app
}

/// Someone who asks.
struct Asker<'a> {
    person: &'a Persona,
    console: Option<ConsoleRole>,
    view_all_apps: bool,
}

/// An app that is asked about, with who contributes to it.
struct Target<'a> {
    name: String,
    place: Place,
    five: &'a [Persona; 5],
}

impl Target<'_> {
    fn role_of(&self, person: &Persona) -> Option<ContributorRole> {
        let position = self.five.iter().position(|who| who.name == person.name);
        position.map(|position| ROLES[position])
    }
}

/// What someone is to an app, or to the space that these apps are in.
fn standing(asker: &Asker<'_>, on: Option<&Target<'_>>, all: &[Target<'_>]) -> Standing {
    let Asker { person, console, view_all_apps } = *asker;
    let in_space = Standing { console, view_all_apps, ..Standing::default() };
    let Some(app) = on else {
        let mut apps = all.iter().filter(|app| app.place == Place::Space);
        return Standing { contributes: apps.any(|app| app.role_of(person).is_some()), ..in_space };
    };
    let in_space = if app.place == Place::Space { in_space } else { Standing::default() };
    Standing { app: app.role_of(person), place: app.place, ..in_space }
}

/// Asks about every line of the table, and on every app where it is on apps. Says how many questions that were.
async fn asks_everything(asker: &Asker<'_>, space: &str, apps: &[Target<'_>]) -> usize {
    let mut questions = 0;
    for row in rows() {
        if row.resource == "app" {
            for app in apps {
                ask(asker.person, row, &app.name, &standing(asker, Some(app), apps)).await;
            }
            questions += apps.len();
        } else {
            ask(asker.person, row, resource_of(row, space, ""), &standing(asker, None, apps)).await;
            questions += 1;
        }
    }
    questions
}

async fn would_link(who: &Persona, app: &str, space: &str) -> Result<App, Status> {
    let request = LinkAppRequest {
        name: app.to_owned(),
        space: space.to_owned(),
        validate_only: true,
        ..LinkAppRequest::default()
    };
    who.apps().link_app(request).await.map(tonic::Response::into_inner)
}

// R-A2, R-A3, R-A4, R-A5, R-A6, R-A10 and every rule behind the table
async fn each_contributor_role_may_what_the_table_says(suite: Suite) {
    let [alice, dora, della, victor, stranger] =
        ["alice", "dora", "della", "victor", "stranger"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let add_on = Member { view_all_apps: true, ..member(&della, DEVELOPER) };
    adds_members(&alice, &space, &[(&dora, DEVELOPER), (&victor, VIEWER)]).await.expect("added");
    adds_members_as_given(&alice, &space, vec![add_on]).await.expect("added");
    let groups = ["outsider", "insider", "before", "former"].map(|group| five(&suite, group));
    let [outsiders, insiders, before, former] = &groups;
    let apps = [
        Target {
            name: app_of_outsiders(&alice, &space, outsiders).await,
            place: Place::Space,
            five: outsiders,
        },
        Target {
            name: app_of_developers(&alice, &space, insiders).await,
            place: Place::Space,
            five: insiders,
        },
        Target { name: app_of_before(&suite, before).await, place: Place::Nowhere, five: before },
        Target { name: app_of_outsiders(&alice, &space, former).await, place: Place::Deleted, five: former },
    ];
    deletes_app(&former[0], &apps[3].name).await.expect("deleted");

    let of_space = [
        (&alice, ADMIN, false),
        (&dora, DEVELOPER, false),
        (&della, DEVELOPER, true),
        (&victor, VIEWER, false),
    ];
    let of_space = of_space.into_iter().chain(insiders.iter().map(|person| (person, DEVELOPER, false)));
    let of_space =
        of_space.map(|(person, role, view_all_apps)| Asker { person, console: Some(role), view_all_apps });
    let others = outsiders.iter().chain(before).chain(former).chain([&stranger]);
    let others = others.map(|person| Asker { person, console: None, view_all_apps: false });
    let askers: Vec<_> = of_space.chain(others).collect();
    let asked = join_all(askers.iter().map(|asker| asks_everything(asker, &space, &apps))).await;
    assert_eq!(asked.iter().sum::<usize>(), 25 * (56 + 11 * 4));
}

// R-S2, R-A5, R-S7: an app shows its space to who contributes to it, by name only, as long as it is there.
async fn contributors_without_a_console_role_see_the_space_by_name_only(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let groups = ["outsider", "before", "former"].map(|group| five(&suite, group));
    let [outsiders, before, former] = &groups;
    app_of_outsiders(&alice, &space, outsiders).await;
    app_of_before(&suite, before).await;
    let deleted = app_of_outsiders(&alice, &space, former).await;
    deletes_app(&former[0], &deleted).await.expect("deleted");
    for person in outsiders {
        let listed = lists_spaces(person).await;
        let shown = listed[0].space.clone().expect("a space");
        assert_eq!((listed.len(), listed[0].limited, shown.display_name.as_str()), (1, true, "Team"));
        assert!(shown.create_time.is_none() && shown.etag.is_empty(), "the name only");
    }
    for person in before.iter().chain(former) {
        assert!(lists_spaces(person).await.is_empty(), "{}", person.name);
    }
}

// R-A2, R-M1: it takes a role on either side, and neither stands in for the other.
async fn linking_takes_a_console_role_and_a_role_on_the_app(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let consoles = [
        ("admin", Some((ADMIN, false))),
        ("developer", Some((DEVELOPER, false))),
        ("add-on", Some((DEVELOPER, true))),
        ("viewer", Some((VIEWER, false))),
        ("none", None),
    ];
    let mut permitted = 0;
    for (group, console) in consoles {
        let contributors = five(&suite, group);
        let app = app_of_before(&suite, &contributors).await;
        let nobody = suite.user(&format!("{group}-nobody"));
        let people = contributors.iter().chain([&nobody]);
        if let Some((role, view_all_apps)) = console {
            let members = people.clone().map(|who| Member { view_all_apps, ..member(who, role) }).collect();
            adds_members_as_given(&alice, &space, members).await.expect("added");
        }
        let console = console.map(|(role, _)| role);
        for (person, role) in people.zip(ROLES.map(Some).into_iter().chain([None])) {
            let answer = would_link(person, &app, &space).await;
            if may_link(console, role, false) {
                permitted += 1;
                assert_eq!(answer.expect("permitted").space, space, "{}", person.name);
            } else {
                let denied = refused(answer);
                assert_eq!(
                    (denied.kind(), denied.metadata[0].1.as_str()),
                    ((Code::PermissionDenied, "PERMISSION_DENIED"), "apps.link"),
                    "{}",
                    person.name
                );
            }
        }
    }
    assert_eq!(permitted, 3 * 2);
}
