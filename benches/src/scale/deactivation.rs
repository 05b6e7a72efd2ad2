//! How long a deactivation takes, by what the person holds, and how long others wait while all of it is removed (R-M12).
use std::time::{Duration, Instant};

use devspaces::Service;
use devspaces_authz::{AppRole, ConsoleRole};
use devspaces_kit::name::SpaceName;
use devspaces_proto::{
    journal::v1::ListEntriesRequest,
    membership::v1::{AddMembersRequest, ConsoleRole as WireRole, DeactivateUserRequest, Member},
};
use devspaces_tests::{Engine, Persona, Suite};

use super::rows::Rows;

/// Spaces that a person is in, and apps of each that the person contributes to.
const SPACES: usize = 1_000;
const APPS: usize = 10;
/// People of each kind.
const PEOPLE: usize = 9;
/// Changes by others that are measured, before the removal and in the midst of it.
const CHANGES: usize = 300;

/// Prints both.
pub(crate) async fn run(engine: Engine) {
    let suite = Suite::start(engine).await;
    let (alice, rows) = (suite.user("alice"), Rows::of(&suite).await);
    let people =
        |kind: &str| (0..PEOPLE).map(|number| suite.user(&format!("{kind}-{number}"))).collect::<Vec<_>>();
    let (holders, others) = (people("holder"), people("nobody"));
    let mut spaces = Vec::with_capacity(SPACES);
    for number in 0..SPACES {
        // Nobody makes more than 100 (R-S10).
        let creator = suite.user(&format!("creator-{}", number / 100));
        let space = creator.creates_space("Team").await;
        let name: SpaceName = space.parse().expect("a space");
        let members = holders.iter().map(|it| (it.id().to_owned(), ConsoleRole::Viewer));
        let admin = (alice.id().to_owned(), ConsoleRole::Admin);
        let members: Vec<_> = members.chain([admin]).collect();
        rows.members(name, &members).await;
        let apps = rows.apps(name, APPS, &["alice"]).await;
        for holder in &holders {
            rows.contributors(name, &apps, holder.id(), AppRole::Deployer).await;
        }
        spaces.push(space);
    }
    rows.settle().await;
    let offboarding = suite.persona("services/offboarding");
    let (mut of_nobody, mut of_holder) = (Vec::new(), Vec::new());
    for (holder, other) in holders.iter().zip(&others) {
        of_nobody.push(deactivates(&offboarding, other).await);
        of_holder.push(deactivates(&offboarding, holder).await);
    }
    println!("  DeactivateUser, the median of {PEOPLE}, with the rest of 25 ms that each has");
    println!("    of somebody with nothing              {:>10.1?}", median(of_nobody));
    println!("    with {SPACES} spaces and {} apps        {:>10.1?}", SPACES * APPS, median(of_holder));
    removal(&suite, &alice, &spaces).await;
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn deactivates(by: &Persona, whom: &Persona) -> Duration {
    let (name, reason) = (whom.name.clone(), "Has left".to_owned());
    let start = Instant::now();
    by.people()
        .deactivate_user(DeactivateUserRequest {
            name,
            reason,
            request_id: String::new(),
            ..DeactivateUserRequest::default()
        })
        .await
        .expect("done");
    start.elapsed()
}

/// Additions to the spaces, one after another, while nothing else happens and while the removal goes through them.
async fn removal(suite: &Suite, alice: &Persona, spaces: &[String]) {
    let quiet = additions(suite, alice, spaces, "before").await;
    let start = Instant::now();
    suite.clock.advance(Duration::from_hours(30 * 24 + 1));
    until_removing(suite).await;
    let busy = additions(suite, alice, spaces, "amid").await;
    let amid = !is_over(suite).await;
    println!("  AddMembers in a space from which people are removed: median, longest of {CHANGES}");
    println!("    before                                {:>10.1?} {:>10.1?}", quiet.0, quiet.1);
    let whether = if amid { "" } else { ", of which some came after it" };
    println!("    while {PEOPLE} people are removed           {:>10.1?} {:>10.1?}{whether}", busy.0, busy.1);
    while !is_over(suite).await {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let each = start.elapsed() / u32::try_from(PEOPLE * spaces.len()).expect("a number");
    println!(
        "    the removal itself                    {:>10.1?}, {each:.1?} for each space",
        start.elapsed()
    );
}

async fn additions(suite: &Suite, alice: &Persona, spaces: &[String], when: &str) -> (Duration, Duration) {
    let mut times = Vec::with_capacity(CHANGES);
    for number in 0..CHANGES {
        let user = suite.user(&format!("{when}-{number}")).name;
        let member = Member { user, role: WireRole::Viewer.into(), ..Member::default() };
        let parent = spaces[number * spaces.len() / CHANGES].clone();
        let start = Instant::now();
        let request = AddMembersRequest { parent, members: vec![member], request_id: String::new() };
        alice.members().add_members(request).await.expect("added");
        times.push(start.elapsed());
    }
    let longest = times.iter().max().copied().unwrap_or_default();
    (median(times), longest)
}

/// How many entries the journal has of people, each of whom has one of a deactivation, one of the removal's beginning and one of
/// its end.
async fn entries(suite: &Suite) -> usize {
    let request = ListEntriesRequest { parent: "people".to_owned(), page_size: 1_000, ..Default::default() };
    let journal = suite.persona("services/offboarding").journal(Service::Membership);
    let page = { journal }.list_entries(request).await.expect("a page").into_inner();
    page.entries.len()
}

async fn until_removing(suite: &Suite) {
    while entries(suite).await <= 2 * PEOPLE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn is_over(suite: &Suite) -> bool {
    entries(suite).await >= 2 * PEOPLE * 3
}
