//! Searches: what the lists of `AuthzService` say, in pages.
use devspaces_tests::{Persona, Suite};
use serde_json::{Value, json};

use crate::acts::{
    authz::{all_permissions, all_resources, all_subjects, permissions_of, resources_of, subjects_with},
    authzen::{ACTIONS, EVALUATION, RESOURCES, SUBJECTS, asks, entity, posts},
    members::{VIEWER, adds_members},
};

scenarios! {
    both engines:
        of_a_type_that_has_nothing_nothing_is_found,
        a_page_token_is_good_for_its_own_search_alone;
    everywhere:
        searches_find_what_lists_have_in_pages_of_any_size,
        what_is_found_is_allowed;
}

/// What a search finds in all, in pages of this size.
async fn finds(who: &Persona, path: &str, mut request: Value, limit: Option<u32>) -> Vec<Value> {
    let mut found = Vec::new();
    let mut page = json!({});
    if let Some(limit) = limit {
        page["limit"] = json!(limit);
    }
    loop {
        request["page"] = page.clone();
        let answer = posts(who, path, &request).await.ok();
        let results = answer["results"].as_array().expect("results");
        assert!(limit.is_none_or(|limit| results.len() <= limit as usize), "{answer}");
        assert_eq!(answer["page"]["count"], results.len());
        assert!(answer["context"]["as_of"].is_string(), "{answer}");
        found.extend(results.iter().cloned());
        let next = &answer["page"]["next_token"];
        if next == "" {
            return found;
        }
        page["token"] = next.clone();
    }
}

fn entities(names: &[String]) -> Vec<Value> {
    names.iter().map(|name| entity(name)).collect()
}

/// Alice with three spaces, in one of which are others.
async fn team(suite: &Suite) -> (Persona, String) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    for _ in 0..2 {
        alice.creates_space("Another").await;
    }
    adds_members(&alice, &space, &[(&bob, VIEWER), (&carol, VIEWER)]).await.expect("added");
    (alice, space)
}

/// A subject search: the id of what is looked for is left out.
fn who_may(permission: &str, resource: &str) -> Value {
    json!({"subject": {"type": "user"}, "action": {"name": permission}, "resource": entity(resource)})
}

fn on_what(subject: &str, permission: &str, kind: &str) -> Value {
    json!({"subject": entity(subject), "action": {"name": permission}, "resource": {"type": kind}})
}

fn what(subject: &str, resource: &str) -> Value {
    json!({"subject": entity(subject), "resource": entity(resource), "context": {"time": "now"}})
}

// R-P5
async fn searches_find_what_lists_have_in_pages_of_any_size(suite: Suite) {
    let (alice, space) = team(&suite).await;
    let subjects = all_subjects(&alice, subjects_with("space.get", &space), 0).await.expect("a list");
    assert_eq!(subjects.len(), 3);
    let resources =
        all_resources(&alice, resources_of(&alice.name, "space.update"), 0).await.expect("a list");
    assert_eq!(resources.len(), 3);
    let permissions = all_permissions(&alice, permissions_of(&alice.name, &space), 0).await.expect("a list");
    let names: Vec<_> = permissions.iter().map(|name| json!({"name": name})).collect();
    for limit in [None, Some(1), Some(2), Some(1000)] {
        let found = finds(&alice, SUBJECTS, who_may("space.get", &space), limit).await;
        assert_eq!(found, entities(&subjects), "{limit:?}");
        let asked = on_what(&alice.name, "space.update", "space");
        assert_eq!(finds(&alice, RESOURCES, asked, limit).await, entities(&resources));
        assert_eq!(finds(&alice, ACTIONS, what(&alice.name, &space), limit).await, names);
    }
    // What is looked for may have an id, of which no notice is taken.
    let mut asked = who_may("space.get", &space);
    asked["subject"]["id"] = json!("carol");
    assert_eq!(finds(&alice, SUBJECTS, asked, None).await.len(), 3);
    let on_platform = finds(&alice, ACTIONS, what(&alice.name, ""), None).await;
    assert!(on_platform.contains(&json!({"name": "space.create"})), "{on_platform:?}");
}

async fn what_is_found_is_allowed(suite: Suite) {
    let (alice, space) = team(&suite).await;
    for action in finds(&alice, ACTIONS, what(&alice.name, &space), None).await {
        let question = asks(&alice.name, action["name"].as_str().expect("a name"), &space);
        assert_eq!(posts(&alice, EVALUATION, &question).await.ok()["decision"], true);
    }
    for subject in finds(&alice, SUBJECTS, who_may("members.list", &space), None).await {
        let mut question = asks("", "members.list", &space);
        question["subject"] = subject;
        assert_eq!(posts(&alice, EVALUATION, &question).await.ok()["decision"], true);
    }
}

async fn of_a_type_that_has_nothing_nothing_is_found(suite: Suite) {
    let (alice, space) = team(&suite).await;
    for kind in ["service", "spaceship"] {
        let mut asked = who_may("space.get", &space);
        asked["subject"]["type"] = json!(kind);
        assert_eq!(finds(&alice, SUBJECTS, asked, Some(1)).await, Vec::<Value>::new());
    }
    for kind in ["app", "record"] {
        let asked = on_what(&alice.name, "space.update", kind);
        assert_eq!(finds(&alice, RESOURCES, asked, Some(1)).await, Vec::<Value>::new());
    }
    let auditor = suite.persona("services/auditor");
    let everyone = posts(&auditor, SUBJECTS, &who_may("space.create", "")).await.ok();
    assert_eq!(everyone["results"], json!([]));
    assert_eq!(everyone["context"]["everyone_signed_in"], true);
}

async fn a_page_token_is_good_for_its_own_search_alone(suite: Suite) {
    let (alice, space) = team(&suite).await;
    let mut asked = who_may("space.get", &space);
    asked["page"] = json!({"limit": 1});
    let first = posts(&alice, SUBJECTS, &asked).await.ok();
    asked["action"]["name"] = json!("members.list");
    asked["page"]["token"] = first["page"]["next_token"].clone();
    let other = posts(&alice, SUBJECTS, &asked).await;
    assert_eq!(other.error(), (400, "PAGE_TOKEN_INVALID", vec!["page.token"]));
    let sentence = "must be a next_token that the same search gave for the same request";
    assert_eq!(other.body["error"]["field_violations"][0]["description"], sentence);
}
