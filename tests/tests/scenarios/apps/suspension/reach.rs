//! What every form of the question says of what is suspended (R-P5, R-A12).
use devspaces_proto::authz::v1::check_permission_result::Outcome;
use devspaces_tests::{Suite, refused};

use super::ABUSE;
use crate::acts::{
    authz::{
        about, all_permissions, all_resources, all_subjects, checks_batch, lists_subjects, permissions_of,
        resources_of, subjects_with,
    },
    contributors::{DEPLOYER, adds_contributors},
    refusals::INVALID,
    suspensions::{lifts, operator, runtime, suspends_app, suspends_space},
};

scenarios! {
    both engines:
        every_form_of_the_question_agrees_on_what_is_suspended,
        where_a_service_runs_apps_is_not_listed;
}

// R-P5, R-P6, R-A12
async fn every_form_of_the_question_agrees_on_what_is_suspended(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let (auditor, runtime, operator) = (suite.persona("services/auditor"), runtime(&suite), operator(&suite));
    let space = alice.creates_space("Team").await;
    let [app, other] = [alice.creates_app(&space).await, alice.creates_app(&space).await];
    for app in [&app, &other] {
        adds_contributors(&alice, app, &[(&bob, DEPLOYER)]).await.expect("added");
    }
    // Which of the two apps bob deploys, by each form; and whether the runtime runs them.
    let agrees = async |deploys: &[&String]| {
        let listed = all_resources(&bob, resources_of(&bob.name, "app.deploy"), 1).await.expect("a list");
        assert_eq!(listed.len(), deploys.len());
        for app in [&app, &other] {
            let runs = deploys.contains(&app);
            assert_eq!(listed.contains(app), runs);
            let deployers =
                all_subjects(&auditor, subjects_with("app.deploy", app), 10).await.expect("a list");
            assert_eq!(deployers.contains(&bob.name), runs);
            let runners = lists_subjects(&auditor, subjects_with("app.run", app)).await.expect("a list");
            let names: Vec<_> = runners.subjects.into_iter().map(|it| it.subject).collect();
            assert_eq!(names, if runs { vec![runtime.name.clone()] } else { Vec::new() });
            assert!(!runners.every_service);
            let held = all_permissions(&bob, permissions_of(&bob.name, app), 10).await.expect("a list");
            assert_eq!(held.contains(&"app.deploy".to_owned()), runs);
            assert!(held.contains(&"app.develop".to_owned()));
            let held =
                all_permissions(&runtime, permissions_of(&runtime.name, app), 10).await.expect("a list");
            assert_eq!(held, if runs { vec!["app.run".to_owned()] } else { Vec::new() });
            let checks = vec![about(&bob.name, "app.deploy", app), about(&runtime.name, "app.run", app)];
            let answers = checks_batch(&auditor, checks).await.expect("answers");
            let allowed = answers.into_iter().map(|it| match it.outcome {
                Some(Outcome::Response(answer)) => answer.allowed,
                other => panic!("no answer: {other:?}"),
            });
            assert_eq!(allowed.collect::<Vec<_>>(), [runs, runs]);
        }
    };
    agrees(&[&app, &other]).await;
    suspends_app(&operator, &app, ABUSE).await.expect("suspended");
    agrees(&[&other]).await;
    suspends_space(&operator, &space, ABUSE).await.expect("suspended");
    agrees(&[]).await;
    lifts(&operator, &app, ABUSE).await.expect("lifted");
    agrees(&[]).await;
    lifts(&operator, &space, ABUSE).await.expect("lifted");
    agrees(&[&app, &other]).await;
}

// R-P5: a list that would be of all apps of the platform is refused, not cut.
async fn where_a_service_runs_apps_is_not_listed(suite: Suite) {
    let (runtime, alice) = (runtime(&suite), suite.user("alice"));
    let of_person = all_resources(&alice, resources_of(&alice.name, "app.run"), 10).await.expect("a list");
    assert!(of_person.is_empty(), "no person runs apps");
    let refusal = refused(all_resources(&runtime, resources_of(&runtime.name, "app.run"), 10).await);
    assert_eq!(refusal.kind(), INVALID);
    assert_eq!(refusal.fields, ["permission"]);
}
