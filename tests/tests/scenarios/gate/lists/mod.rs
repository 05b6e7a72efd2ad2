//! Lists of permissions, subjects and resources: they say what checks say, and nothing is left out.
mod asking;
mod pages;
mod random_state;

use std::collections::BTreeSet;

use devspaces_authz::{Permission, Plane, ResourceType};
use devspaces_kit::clock::SystemClock;
use devspaces_tests::{Persona, Suite};
use futures::{StreamExt as _, stream};

use self::random_state::State;
use crate::{
    acts::authz::{
        about, all_permissions, all_resources, all_subjects, checks_batch, permissions_of, resources_of,
        subjects_with,
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        lists_and_batches_say_what_single_checks_say;
}

/// How many checks are asked at once.
const AT_ONCE: usize = 32;

/// What a run chooses its states by: `DEVSPACES_LISTS_SEED`, or a number of its own, which it prints.
fn seed() -> u64 {
    let seed = std::env::var("DEVSPACES_LISTS_SEED");
    let seed = seed.map_or_else(
        |_| SystemClock::shared().new_id().as_u64_pair().1,
        |seed| seed.parse().expect("DEVSPACES_LISTS_SEED is a number"),
    );
    println!("DEVSPACES_LISTS_SEED={seed}");
    seed
}

/// Who has what on what, by single checks.
type Truth = BTreeSet<(String, Permission, String)>;

fn on(state: &State, permission: Permission) -> &[String] {
    match permission.resource_type() {
        ResourceType::Space => &state.spaces,
        ResourceType::App => &state.apps,
        ResourceType::Platform => &state.platform,
    }
}

/// Asks everything, one by one and in batches, which must agree.
async fn truth(auditor: &Persona, state: &State) -> Truth {
    let mut asked = Vec::new();
    for permission in Permission::ALL {
        for resource in on(state, permission) {
            asked.extend(state.people.iter().map(|who| (who.name.clone(), permission, resource.clone())));
        }
    }
    let single = stream::iter(asked.clone()).map(|(who, permission, resource)| async move {
        let question = about(&who, permission.name(), &resource);
        auditor.authz().check_permission(question).await.expect("an answer").into_inner()
    });
    let single: Vec<_> = single.buffered(AT_ONCE).collect().await;
    let mut batched = Vec::new();
    for piece in asked.chunks(700) {
        let checks = piece.iter().map(|(who, permission, resource)| about(who, permission.name(), resource));
        batched.extend(checks_batch(auditor, checks.collect()).await.expect("answers"));
    }
    let mut truth = Truth::new();
    for ((question, single), batched) in asked.into_iter().zip(single).zip(batched) {
        use devspaces_proto::authz::v1::check_permission_result::Outcome;
        let Some(Outcome::Response(batched)) = batched.outcome else { panic!("{question:?}: {batched:?}") };
        assert_eq!((batched.allowed, &batched.explanation), (single.allowed, &single.explanation));
        if single.allowed {
            truth.insert(question);
        }
    }
    truth
}

// R-P5
async fn lists_and_batches_say_what_single_checks_say(suite: Suite) {
    let (auditor, seed) = (suite.persona("services/auditor"), seed());
    for round in 0..rounds::<u64>(4) {
        let state = State::random(&suite, seed.wrapping_add(round)).await;
        let truth = truth(&auditor, &state).await;
        assert!(truth.len() > 50, "a state in which hardly anybody has anything: {}", truth.len());
        permissions_agree(&auditor, &state, &truth).await;
        subjects_agree(&auditor, &state, &truth).await;
        resources_agree(&auditor, &state, &truth).await;
    }
}

async fn permissions_agree(auditor: &Persona, state: &State, truth: &Truth) {
    for who in &state.people {
        for resource in state.spaces.iter().chain(&state.apps).chain(&state.platform) {
            let expected: Vec<_> = Permission::ALL
                .into_iter()
                .filter(|it| truth.contains(&(who.name.clone(), *it, resource.clone())))
                .map(Permission::name)
                .collect();
            let listed =
                all_permissions(auditor, permissions_of(&who.name, resource), 3).await.expect("a list");
            assert_eq!(listed, expected, "{} on {resource}", who.name);
            let own = all_permissions(who, permissions_of("", resource), 0).await.expect("a list");
            assert_eq!(own, expected, "{} by themselves on {resource}", who.name);
        }
    }
}

async fn subjects_agree(auditor: &Persona, state: &State, truth: &Truth) {
    // Services have tests of their own: apps/suspension/reach.rs.
    let of_people =
        |it: &Permission| it.resource_type() != ResourceType::Platform && it.plane() != Plane::Service;
    for permission in Permission::ALL.into_iter().filter(of_people) {
        for resource in on(state, permission) {
            let has = |who: &&Persona| truth.contains(&(who.name.clone(), permission, resource.clone()));
            let mut expected: Vec<_> = state.people.iter().filter(has).map(|who| who.name.clone()).collect();
            expected.sort();
            let request = subjects_with(permission.name(), resource);
            let listed = all_subjects(auditor, request, 2).await.expect("a list");
            assert_eq!(listed, expected, "{} on {resource}", permission.name());
        }
    }
}

async fn resources_agree(auditor: &Persona, state: &State, truth: &Truth) {
    for who in &state.people {
        for permission in
            Permission::ALL.into_iter().filter(|it| it.resource_type() != ResourceType::Platform)
        {
            let has =
                |resource: &&String| truth.contains(&(who.name.clone(), permission, (*resource).clone()));
            let expected: Vec<_> = state.in_order(permission).into_iter().filter(has).cloned().collect();
            let request = resources_of(&who.name, permission.name());
            let listed = all_resources(auditor, request, 2).await.expect("a list");
            assert_eq!(listed, expected, "{} of {}", permission.name(), who.name);
        }
    }
}
