use std::sync::Arc;

use devspaces::Service;
use devspaces_authz::{AppRole, ConsoleRole};
use devspaces_kit::{
    clock::Clock as _,
    name::{AppName, SpaceName},
};
use devspaces_ledger::db::Pool;
use devspaces_tests::{Suite, TestClock, sql};
use uuid::Uuid;

/// The columns of each table that has rows put in.
const APP: &str =
    "app (id, space, display_name, description, listing, delete_time, create_time, update_time, revision)";
const CONTRIBUTOR: &str = "contributor (app, person, role, space, create_time, update_time, revision)";
const HEAD: &str = "head (scope, sequence, hash, time, facts_sequence, facts_hash)";
const MEMBER: &str =
    "member (space, person, role, view_all_apps, expire_time, role_time, create_time, update_time,
    revision)";

const GROUP: &str = "member_group (space, id, display_name, create_time, update_time, revision)";
const GROUP_OF_SPACE: &str = "member_group (id, space, display_name)";
const GROUP_ROLE: &str = "group_role (app, group_id, space, role, update_time)";

/// Writes what the services would have written for many calls, the entries of the journal aside: no list and no check
/// reads these.
pub(crate) struct Rows {
    space: Pool,
    membership: Pool,
    clock: Arc<TestClock>,
}

impl Rows {
    pub(crate) async fn of(suite: &Suite) -> Self {
        let space = suite.pool(Service::Space).await;
        let membership = suite.pool(Service::Membership).await;
        Self { space, membership, clock: suite.clock.clone() }
    }

    /// A time as it is stored.
    fn now(&self) -> String {
        format!("'{}'", self.clock.now())
    }

    /// Apps of a space, owned by these people in turn.
    pub(crate) async fn apps(&self, space: SpaceName, count: usize, owners: &[&str]) -> Vec<AppName> {
        let apps: Vec<_> = (0..count).map(|_| AppName(self.clock.new_id())).collect();
        let (now, space_id) = (self.now(), sql::uuid(&self.space, space.0));
        let row = |app: &AppName| {
            let id = sql::uuid(&self.space, app.0);
            format!("{id}, {space_id}, 'App', '', 'PRIVATE', NULL, {now}, {now}, 1")
        };
        sql::insert(&self.space, APP, &apps.iter().map(row).collect::<Vec<_>>()).await;
        let head = |app: &AppName| {
            let hash = sql::bytes(&self.space, app.0.as_bytes());
            format!("'{app}', 1, {hash}, {now}, 1, {hash}")
        };
        sql::insert(&self.space, HEAD, &apps.iter().map(head).collect::<Vec<_>>()).await;
        for (place, owner) in owners.iter().enumerate() {
            let owned: Vec<_> = apps.iter().skip(place).step_by(owners.len()).copied().collect();
            self.contributors(space, &owned, owner, AppRole::Owner).await;
        }
        apps
    }

    /// A person's roles on apps of a space.
    pub(crate) async fn contributors(&self, space: SpaceName, apps: &[AppName], person: &str, role: AppRole) {
        let (now, space) = (self.now(), sql::uuid(&self.space, space.0));
        let row = |app: &AppName| {
            let app = sql::uuid(&self.space, app.0);
            format!("{app}, '{person}', '{}', {space}, {now}, {now}, 1", role.name())
        };
        sql::insert(&self.space, CONTRIBUTOR, &apps.iter().map(row).collect::<Vec<_>>()).await;
    }

    /// Members of a space.
    pub(crate) async fn members(&self, space: SpaceName, members: &[(String, ConsoleRole)]) {
        let (now, space) = (self.now(), sql::uuid(&self.membership, space.0));
        let row = |(person, role): &(String, ConsoleRole)| {
            format!("{space}, '{person}', '{}', FALSE, NULL, {now}, {now}, {now}, 1", role.name())
        };
        sql::insert(&self.membership, MEMBER, &members.iter().map(row).collect::<Vec<_>>()).await;
    }

    /// Groups of a space, as both services that know of them have them, with the people of each.
    pub(crate) async fn groups(&self, space: SpaceName, people: &[Vec<String>]) -> Vec<Uuid> {
        let groups: Vec<Uuid> = people.iter().map(|_| self.clock.new_id()).collect();
        let (now, named) = (self.now(), |pool, id| sql::uuid(pool, id));
        let of_membership = |id: &Uuid| {
            let (space, id) = (named(&self.membership, space.0), named(&self.membership, *id));
            format!("{space}, {id}, 'Group', {now}, {now}, 1")
        };
        sql::insert(&self.membership, GROUP, &groups.iter().map(of_membership).collect::<Vec<_>>()).await;
        let of_space =
            |id: &Uuid| format!("{}, {}, 'Group'", named(&self.space, *id), named(&self.space, space.0));
        sql::insert(&self.space, GROUP_OF_SPACE, &groups.iter().map(of_space).collect::<Vec<_>>()).await;
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for (id, person) in
            groups.iter().zip(people).flat_map(|(id, people)| people.iter().map(move |it| (id, it)))
        {
            let (space_here, id_here) = (named(&self.membership, space.0), named(&self.membership, *id));
            here.push(format!("{space_here}, {id_here}, '{person}', {now}"));
            there.push(format!("{}, '{person}', {}", named(&self.space, *id), named(&self.space, space.0)));
        }
        sql::insert(&self.membership, "group_member (space, group_id, person, create_time)", &here).await;
        sql::insert(&self.space, "group_member (group_id, person, space)", &there).await;
        groups
    }

    /// Roles of groups on apps of a space.
    pub(crate) async fn group_roles(&self, space: SpaceName, roles: &[(AppName, Uuid)], role: AppRole) {
        let (now, space) = (self.now(), sql::uuid(&self.space, space.0));
        let row = |(app, group): &(AppName, Uuid)| {
            let (app, group) = (sql::uuid(&self.space, app.0), sql::uuid(&self.space, *group));
            format!("{app}, {group}, {space}, '{}', {now}", role.name())
        };
        sql::insert(&self.space, GROUP_ROLE, &roles.iter().map(row).collect::<Vec<_>>()).await;
    }

    /// Lets the engines take note.
    pub(crate) async fn settle(&self) {
        sql::settle(&self.space).await;
        sql::settle(&self.membership).await;
    }
}
