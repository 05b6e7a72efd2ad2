//! Strangers are told the same of what exists and of what does not.
use devspaces::Service;
use devspaces_authz::{Permission, ResourceType};
use devspaces_proto::authz::v1::{
    CheckPermissionRequest, CheckPermissionResponse, authz_service_client::AuthzServiceClient,
};
use devspaces_tests::{Persona, Refusal, Suite, reflection::methods, suite::eventually};
use tonic::Code;

use super::{
    methods::{PERMITTED, access, call, caller, request, requirements},
    names::{Names, nowhere, published_names},
    on_a_resource,
};
use crate::acts::{
    apps::{deletes_app, imported_app},
    members::{DEVELOPER, adds_members, keeps_only_app_roles},
    spaces::{archives_space, gets_space},
};

scenarios! {
    both engines:
        a_stranger_is_told_the_same_of_any_space_and_app_while_another_service_is_down,
        an_app_that_is_not_shown_looks_missing_inside_its_space_too,
        a_strangers_check_is_answered_the_same_for_any_space_and_app;
}

/// How many methods take a permission on an app that the request names.
const ON_AN_APP: usize = 11;

/// Every method of a port that asks for permissions on a space or an app tells a stranger the same of those that exist
/// and of those that do not. Says with which codes they answer.
async fn look_alike(suite: &Suite, stranger: &Persona, names: &Names, port: Service) -> Vec<Code> {
    let mut codes = Vec::new();
    for method in methods(&suite.channel(port)).await {
        let access = access(&method);
        let required = requirements(&access);
        if caller(&access) != PERMITTED || required.iter().all(|(_, path)| path.is_empty()) {
            continue;
        }
        let forbidden = call(stranger, port, &method, request(&method, &required, names)).await;
        for missing in names.with_something_missing() {
            let refusal = call(stranger, port, &method, request(&method, &required, &missing)).await;
            assert_eq!(missing.replaced_in(refusal, names), forbidden, "{}: R-P3", method.full_name());
        }
        codes.push(forbidden.code);
    }
    codes
}

/// As [`look_alike`], of the methods that name an app and to someone who knows its space.
async fn apps_look_alike(suite: &Suite, who: &Persona, names: &Names) -> Vec<Code> {
    let missing = Names { app: nowhere().app, ..names.clone() };
    let mut codes = Vec::new();
    for method in methods(&suite.channel(Service::Space)).await {
        let required = requirements(&access(&method));
        if !required.iter().any(|(_, path)| !path.is_empty() && names.of_field(&method, path) == names.app) {
            continue;
        }
        let hidden = call(who, Service::Space, &method, request(&method, &required, names)).await;
        let refusal = call(who, Service::Space, &method, request(&method, &required, &missing)).await;
        assert_eq!(
            missing.replaced_in(refusal, names),
            hidden,
            "{} by {}: R-A5",
            method.full_name(),
            who.name
        );
        codes.push(hidden.code);
    }
    codes
}

/// A space that is published, one that is archived and one in use; an app that is in a space, one that is in none and one
/// that is deleted: all that a stranger's answers could depend on.
async fn names_of(suite: &Suite, owner: &Persona) -> [Names; 3] {
    let published = published_names(suite, owner).await;
    let archived = owner.creates_space("Archived").await;
    archives_space(owner, &archived).await.expect("archived");
    let space = owner.creates_space("Team").await;
    let deleted = owner.creates_app(&space).await;
    deletes_app(owner, &deleted).await.expect("deleted");
    [
        published.clone(),
        Names { space: archived, app: imported_app(suite, owner).await, ..published.clone() },
        Names { space, app: deleted, ..published },
    ]
}

/// The services that are not this one.
fn others(service: Service) -> impl Iterator<Item = Service> {
    Service::ALL.into_iter().filter(move |other| *other != service)
}

/// What a check of one's own permission answers at a port, but for when.
async fn checked(
    who: &Persona,
    port: Service,
    permission: Permission,
    resource: &str,
) -> Result<CheckPermissionResponse, Refusal> {
    let (permission, resource) = (permission.name().to_owned(), resource.to_owned());
    let request = CheckPermissionRequest { permission, resource, ..Default::default() };
    let answer = AuthzServiceClient::new(who.authorized(port)).check_permission(request).await;
    let answer = answer.map(|answer| CheckPermissionResponse { as_of: None, ..answer.into_inner() });
    answer.map_err(|status| Refusal::from(&status))
}

/// Whatever a stranger asks about, an existing and a missing space or app have it answered alike. Gives the answers about
/// `space.get` and `app.get`, for each port that is up.
async fn checks_look_alike(
    stranger: &Persona,
    names: &Names,
    ports: &[Service],
) -> Vec<Result<CheckPermissionResponse, Refusal>> {
    let (mut answers, nothing) = (Vec::new(), nowhere());
    for port in ports {
        for permission in Permission::ALL {
            let on = |names: &Names| match permission.resource_type() {
                ResourceType::App => names.app.clone(),
                ResourceType::Space | ResourceType::Platform => names.space.clone(),
            };
            let forbidden = checked(stranger, *port, permission, &on(names)).await;
            let missing = checked(stranger, *port, permission, &on(&nothing)).await;
            let missing = missing.map_err(|refusal| nothing.replaced_in(refusal, names));
            assert_eq!(missing, forbidden, "{} on {} at {port}: R-P3", permission.name(), on(names));
            if [Permission::SpaceGet, Permission::AppGet].contains(&permission) {
                answers.push(forbidden);
            }
        }
    }
    answers
}

// R-P3
async fn a_stranger_is_told_the_same_of_any_space_and_app_while_another_service_is_down(suite: Suite) {
    let mut suite = suite;
    let (alice, mallory) = (suite.user("alice"), suite.user("mallory"));
    let all = names_of(&suite, &alice).await;
    // While all is up, so that what is known of those that exist is remembered where it may be.
    for port in Service::ALL {
        for names in &all {
            assert_eq!(
                look_alike(&suite, &mallory, names, port).await,
                vec![Code::PermissionDenied; on_a_resource(port)],
                "{port}"
            );
        }
    }
    for down in Service::ALL {
        suite.stop(down).await;
        for port in others(down) {
            for names in &all {
                let codes = look_alike(&suite, &mallory, names, port).await;
                assert_eq!(codes.len(), on_a_resource(port));
                for code in codes {
                    assert!([Code::Unavailable, Code::PermissionDenied].contains(&code), "{code:?}");
                }
            }
        }
        suite.restart(down).await;
        eventually(async || gets_space(&alice, &all[0].space).await.ok()).await;
    }
}

// R-A5, R-P3: who is in the space, or contributes to another of its apps, is a stranger to an app all the same.
async fn an_app_that_is_not_shown_looks_missing_inside_its_space_too(suite: Suite) {
    let mut suite = suite;
    let [alice, dora, omar] = ["alice", "dora", "omar"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER), (&omar, DEVELOPER)]).await.expect("added");
    let _own = [dora.creates_app(&space).await, omar.creates_app(&space).await];
    keeps_only_app_roles(&alice, &space, &omar).await;
    let [linked, deleted] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    deletes_app(&alice, &deleted).await.expect("deleted");
    let unlinked = imported_app(&suite, &alice).await;
    let apps = [linked, deleted, unlinked].map(|app| Names { space: space.clone(), app, ..nowhere() });
    for names in &apps {
        assert_eq!(apps_look_alike(&suite, &dora, names).await, [Code::PermissionDenied; ON_AN_APP]);
        assert_eq!(apps_look_alike(&suite, &omar, names).await, [Code::PermissionDenied; ON_AN_APP]);
    }
    suite.stop(Service::Membership).await;
    for names in &apps {
        apps_look_alike(&suite, &dora, names).await;
        apps_look_alike(&suite, &omar, names).await;
    }
}

// R-P3, R-P2
async fn a_strangers_check_is_answered_the_same_for_any_space_and_app(suite: Suite) {
    let mut suite = suite;
    let (alice, mallory) = (suite.user("alice"), suite.user("mallory"));
    let all = names_of(&suite, &alice).await;
    for names in &all {
        for answer in checks_look_alike(&mallory, names, &Service::ALL).await {
            let answer = answer.expect("an answer");
            let why = answer.explanation.expect("an explanation");
            assert!(!answer.allowed && why.granted_by.is_empty() && !why.would_be_granted_by.is_empty());
            assert!(why.unmet_conditions.is_empty(), "only what the public catalogue says");
        }
    }
    for down in Service::ALL {
        suite.stop(down).await;
        let up: Vec<Service> = others(down).collect();
        for names in &all {
            for answer in checks_look_alike(&mallory, names, &up).await {
                match answer {
                    Ok(answer) => assert!(!answer.allowed),
                    Err(refusal) => assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE")),
                }
            }
        }
        suite.restart(down).await;
        eventually(async || gets_space(&alice, &all[0].space).await.ok()).await;
    }
}
