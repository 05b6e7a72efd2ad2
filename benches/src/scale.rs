//! Whether pages and checks take as long in a large space as in a small one: see docs/scale.md.
mod deactivation;
mod groups;
mod permissions;
mod removal;
mod rows;
mod table;
mod world;

use devspaces::Service;
use devspaces_authz::{AppRole, ConsoleRole};
use devspaces_proto::{
    membership::v1::{ConsoleRole as WireRole, RemoveMemberRequest},
    space::v1::ArchiveSpaceRequest,
};
use devspaces_tests::{Engine, Persona, Suite, refused};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use self::{
    rows::Rows,
    table::Table,
    world::{World, list_apps, list_spaces},
};

/// Apps and members of each space.
const SIZES: [(usize, usize); 5] = [(10, 10), (1_000, 10), (100_000, 10), (1_000, 1_000), (1_000, 10_000)];
/// A page that every space fills.
const SMALL: usize = 5;
/// A page that every space but the smallest fills.
const LARGE: usize = 50;

/// All of it, on one engine.
pub(crate) async fn run(engine: Engine) {
    let mut worlds = Vec::new();
    for (apps, members) in SIZES {
        worlds.push(World::of(engine, apps, members).await);
    }
    let sizes = SIZES.map(|(apps, members)| format!("{apps}/{members}"));
    let mut table = Table::new("apps/members of a space", &sizes);
    let health = async |world: &World| {
        let mut health = HealthClient::new(world.suite.channel(Service::Space));
        health.check(HealthCheckRequest::default()).await.expect("an answer");
    };
    table.row("a health check: what chance does", &worlds, health).await;
    apps(&mut table, &worlds).await;
    people(&mut table, &worlds).await;
    checks(&mut table, &worlds).await;
    permissions::run(&mut table, &worlds).await;
    changes(&mut table, &worlds).await;
    table.end();
    contributions(&worlds[1]).await;
    drop(worlds);
    everywhere(engine).await;
    removal::run(engine).await;
}

/// What depends on groups, and on what somebody holds, on one engine.
pub(crate) async fn groups(engine: Engine) {
    groups::run(engine).await;
    deactivation::run(engine).await;
}

async fn apps(table: &mut Table, worlds: &[World]) {
    for (size, worlds) in [(SMALL, worlds), (LARGE, &worlds[1..])] {
        let first = async |world: &World| full(size, world.apps(&world.admin, size, "").await);
        table.row(&format!("ListApps, first {size}, Admin"), worlds, first).await;
        let middle = async |world: &World| full(size, world.apps(&world.admin, size, &world.half.apps).await);
        table.row(&format!("ListApps, {size} from the middle, Admin"), worlds, middle).await;
    }
    let own = async |world: &World| full(5, world.apps(&world.developer, LARGE, "").await);
    table.row("ListApps, Developer of 5 apps", worlds, own).await;
    let contributed = async |world: &World| full(SMALL, world.apps(&world.outsider, SMALL, "").await);
    table.row("ListApps, first 5, app-only contributor", worlds, contributed).await;
    let anywhere = async |world: &World| full(SMALL, list_apps(&world.admin, "", SMALL, "").await);
    table.row("ListApps without a space, first 5, Admin", worlds, anywhere).await;
}

async fn people(table: &mut Table, worlds: &[World]) {
    for (size, worlds) in [(SMALL, worlds), (LARGE, &worlds[3..])] {
        let first = async |world: &World| full(size, world.contributors(size, "").await);
        table.row(&format!("ListContributors, first {size}"), worlds, first).await;
        let middle =
            async |world: &World| full(size, world.contributors(size, &world.half.contributors).await);
        table.row(&format!("ListContributors, {size} from the middle"), worlds, middle).await;
        let any = WireRole::Unspecified;
        let first = async |world: &World| full(size, world.members(size, "", any).await);
        table.row(&format!("ListMembers, first {size}"), worlds, first).await;
        let middle = async |world: &World| full(size, world.members(size, &world.half.members, any).await);
        table.row(&format!("ListMembers, {size} from the middle"), worlds, middle).await;
    }
    let admins = async |world: &World| full(2, world.members(LARGE, "", WireRole::Admin).await);
    table.row("ListMembers, the 2 Admins", worlds, admins).await;
}

async fn checks(table: &mut Table, worlds: &[World]) {
    let derived = async |world: &World| assert!(world.viewer.may("app.get", &world.app).await);
    table.row("check app.get, derived viewer", worlds, derived).await;
    let deploy = async |world: &World| assert!(world.outsider.may("app.deploy", &world.app).await);
    table.row("check app.deploy, contributor", worlds, deploy).await;
    let list = async |world: &World| assert!(world.outsider.may("apps.list", &world.space).await);
    table.row("check apps.list, app-only contributor", worlds, list).await;
    let denied = async |world: &World| assert!(!world.viewer.may("space.archive", &world.space).await);
    table.row("check space.archive, denied to a Viewer", worlds, denied).await;
    let spaces = async |world: &World| assert_eq!(list_spaces(&world.outsider).await, 1);
    table.row("ListSpaces, app-only contributor", worlds, spaces).await;
}

/// Changes that are only looked at, so that they can be asked for again.
async fn changes(table: &mut Table, worlds: &[World]) {
    let archive = async |name: &str, world: &World| {
        let name = name.to_owned();
        let request = ArchiveSpaceRequest { name, validate_only: true, ..ArchiveSpaceRequest::default() };
        world.admin.spaces().archive_space(request).await
    };
    let empty = async |world: &World| drop(archive(&world.empty, world).await.expect("a preview"));
    table.row("ArchiveSpace of an empty space, preview", worlds, empty).await;
    let used = async |world: &World| drop(refused(archive(&world.space, world).await));
    table.row("ArchiveSpace of the space, refused", worlds, used).await;
    let remove = async |world: &World| {
        let name = world.viewer.member_of(&world.space);
        let request = RemoveMemberRequest { name, validate_only: true, ..RemoveMemberRequest::default() };
        world.admin.members().remove_member(request).await.expect("a preview");
    };
    table.row("RemoveMember of a Viewer, preview", worlds, remove).await;
}

/// People who contribute to some of a space's apps and have no other role.
async fn contributions(world: &World) {
    const COUNTS: [usize; 3] = [10, 100, 1_000];
    let rows = Rows::of(&world.suite).await;
    let space = world.space.parse().expect("a space");
    let apps = rows.apps(space, COUNTS[2], &["alice"]).await;
    let mut people = Vec::new();
    for count in COUNTS {
        let person = world.suite.user(&format!("to-{count}"));
        rows.contributors(space, &apps[..count], person.id(), AppRole::Viewer).await;
        people.push(person);
    }
    rows.settle().await;
    let mut table = Table::new("apps that a person contributes to", &COUNTS.map(|count| count.to_string()));
    let spaces = async |person: &Persona| assert_eq!(list_spaces(person).await, 1);
    table.row("ListSpaces", &people, spaces).await;
    let own = async |person: &Persona| full(SMALL, list_apps(person, &world.space, SMALL, "").await);
    table.row("ListApps, first 5", &people, own).await;
    let anywhere = async |person: &Persona| full(SMALL, list_apps(person, "", SMALL, "").await);
    table.row("ListApps without a space, first 5", &people, anywhere).await;
    let check = async |person: &Persona| assert!(person.may("apps.list", &world.space).await);
    table.row("check apps.list", &people, check).await;
    table.end();
}

/// Viewers of some spaces of 100 apps each.
async fn everywhere(engine: Engine) {
    const COUNTS: [usize; 3] = [1, 10, 100];
    let suite = Suite::start(engine).await;
    let (alice, rows) = (suite.user("alice"), Rows::of(&suite).await);
    let people = COUNTS.map(|count| suite.user(&format!("in-{count}")));
    for number in 0..COUNTS[2] {
        let space = alice.creates_space("Team").await.parse().expect("a space");
        rows.apps(space, 100, &["alice"]).await;
        let here = people.iter().zip(COUNTS).filter(|(_, count)| number < *count);
        let here: Vec<_> = here.map(|(who, _)| (who.id().to_owned(), ConsoleRole::Viewer)).collect();
        rows.members(space, &here).await;
    }
    rows.settle().await;
    let mut table = Table::new("spaces that a person is in", &COUNTS.map(|count| count.to_string()));
    let apps = async |person: &Persona| full(LARGE, list_apps(person, "", LARGE, "").await);
    table.row("ListApps without a space, first 50, Viewer", &people, apps).await;
    table.end();
}

/// A page that is not full would say nothing.
fn full(size: usize, (listed, _): (usize, String)) {
    assert_eq!(listed, size, "entries of a page");
}
