use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    membership::v1::{AddMembersRequest, ConsoleRole, Member},
    space::v1::GetSpaceRequest,
};
use devspaces_tests::{Engine, Suite};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::load::latency;

/// Calls of each method.
const CALLS: usize = 500;

/// Single calls, one after another, against a health check of the same port.
pub(crate) async fn run(engine: Engine) {
    let suite = Suite::start(engine).await;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let health = HealthClient::new(suite.channel(Service::Space));
    let baseline = latency(CALLS, |_| {
        let mut health = health.clone();
        async move { drop(health.check(HealthCheckRequest::default()).await.expect("an answer")) }
    });
    let baseline = baseline.await;
    report("health check (baseline)", baseline, baseline.0);
    // Each by somebody else: one person may make a hundred.
    let people: Vec<_> = (0..CALLS).map(|number| suite.user(&format!("maker{number}"))).collect();
    let create = latency(CALLS, |number| {
        let person = people[number].clone();
        async move { drop(person.creates_space("Team").await) }
    })
    .await;
    report("CreateSpace", create, baseline.0);
    let add = latency(CALLS, |number| {
        let user = format!("users/u{number}");
        let member = Member { user, role: ConsoleRole::Viewer.into(), ..Member::default() };
        let request =
            AddMembersRequest { parent: space.clone(), members: vec![member], request_id: String::new() };
        let mut members = alice.members();
        async move { drop(members.add_members(request).await.expect("added")) }
    });
    report("AddMembers", add.await, baseline.0);
    let get = latency(CALLS, |_| {
        let (mut spaces, name) = (alice.spaces(), space.clone());
        async move { drop(spaces.get_space(GetSpaceRequest { name }).await.expect("a space")) }
    });
    report("GetSpace", get.await, baseline.0);
    let check = latency(CALLS, |_| async { assert!(alice.may("space.get", &space).await) });
    report("CheckPermission, strict", check.await, baseline.0);
}

fn report(what: &str, (median, worst): (Duration, Duration), baseline: Duration) {
    let ratio = median.as_secs_f64() / baseline.as_secs_f64();
    println!("  {what}: median {median:.1?}, 99th percentile {worst:.1?}; {ratio:.1} times the baseline");
}
