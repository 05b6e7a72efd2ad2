use std::time::{Duration, Instant};

use devspaces_authz::{AppRole, ConsoleRole};
use devspaces_kit::name::SpaceName;
use devspaces_proto::membership::v1::RemoveMemberRequest;
use devspaces_tests::{Engine, Persona, Suite};

use super::rows::Rows;

/// Roles of a person who is removed.
const COUNTS: [usize; 3] = [10, 100, 1_000];
/// People of each kind.
const PEOPLE: usize = 5;

/// How long it takes to remove a member, by the number of roles on apps that go with the member.
pub(crate) async fn run(engine: Engine) {
    let suite = Suite::start(engine).await;
    let (alice, rows) = (suite.user("alice"), Rows::of(&suite).await);
    let name = alice.creates_space("Team").await;
    let space: SpaceName = name.parse().expect("a space");
    let mut kinds = Vec::new();
    for role in [AppRole::Developer, AppRole::Owner] {
        for count in COUNTS {
            let mut people = Vec::new();
            for number in 0..PEOPLE {
                let person = suite.user(&format!("{}-{count}-{number}", role.name()));
                let member = (person.id().to_owned(), ConsoleRole::Viewer);
                rows.members(space, &[member]).await;
                let owner = if role == AppRole::Owner { person.id() } else { "alice" };
                let apps = rows.apps(space, count, &[owner]).await;
                if role != AppRole::Owner {
                    rows.contributors(space, &apps, person.id(), role).await;
                }
                people.push(person);
            }
            kinds.push((role, count, people));
        }
    }
    rows.settle().await;
    println!("  RemoveMember, by the roles on apps that go with the member");
    for (role, count, people) in kinds {
        let mut times = Vec::with_capacity(PEOPLE);
        for person in people {
            times.push(remove(&alice, person.member_of(&name), count).await);
        }
        times.sort_unstable();
        let median = times[PEOPLE / 2];
        let each = median / u32::try_from(count).expect("a count");
        println!("    {count:>5} as {:<9} {median:>10.1?}, {each:.0?} for each role", role.name());
    }
}

async fn remove(admin: &Persona, name: String, roles: usize) -> Duration {
    let request = RemoveMemberRequest { name, ..RemoveMemberRequest::default() };
    let start = Instant::now();
    let removed = admin.members().remove_member(request).await.expect("removed").into_inner();
    let time = start.elapsed();
    assert_eq!(removed.removed_app_roles.len(), roles);
    time
}
