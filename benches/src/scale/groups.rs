//! Whether groups, and what people have by them, take as long to page and to check where there are many (R-M11, R-M13).
use devspaces_authz::{AppRole, ConsoleRole};
use devspaces_kit::name::{GroupName, SpaceName};
use devspaces_proto::{
    authz::v1::{ListResourcesRequest, ListSubjectsRequest},
    membership::v1::{
        ListGroupMembersRequest, ListGroupRolesRequest, ListGroupsRequest, ListRoleBindingsRequest,
    },
    space::v1::ListContributorsRequest,
};
use devspaces_tests::{Engine, Persona, Suite};

use super::{LARGE, SMALL, full, rows::Rows, table::Table, world::list_apps};

/// Members of a space, all of them in one of its groups; its groups; and how many apps each group has a role on. There are as many
/// apps as groups, so that at most 100 groups have a role on an app.
const SIZES: [(usize, usize, usize); 3] = [(60, 10, 10), (1_000, 100, 100), (10_000, 1_000, 100)];
/// The groups that one of the people is in, as many as one can be in, of those that there are.
const MOST_GROUPS: usize = 50;

/// A space with groups.
struct Grouped {
    suite: Suite,
    space: String,
    admin: Persona,
    /// In the group that everybody is in.
    one: Persona,
    /// In many.
    many: Persona,
    everybody: String,
    /// An app that everybody deploys.
    app: String,
}

impl Grouped {
    async fn of(engine: Engine, (members, groups, apps): (usize, usize, usize)) -> Self {
        let suite = Suite::start(engine).await;
        let admin = suite.user("alice");
        let space = admin.creates_space("Team").await;
        let (rows, name): (_, SpaceName) = (Rows::of(&suite).await, space.parse().expect("a space"));
        let people: Vec<_> = (0..members).map(|number| format!("m{number:05}")).collect();
        let developers: Vec<_> = people.iter().map(|id| (id.clone(), ConsoleRole::Developer)).collect();
        rows.members(name, &developers).await;
        let mut of_groups = vec![people.clone()];
        let many = people[members / 2].clone();
        of_groups.extend((1..groups).map(|number| {
            let few = if number < MOST_GROUPS { vec![many.clone()] } else { Vec::new() };
            few.into_iter().chain(people.iter().skip(number).take(3).cloned()).collect()
        }));
        for people in &mut of_groups {
            people.sort_unstable();
            people.dedup();
        }
        let of_groups = rows.groups(name, &of_groups).await;
        let all = rows.apps(name, groups, &["alice"]).await;
        let of_group = |at: usize| (0..apps).map(move |step| (at + step) % groups);
        let given = of_groups.iter().enumerate();
        let given = given.flat_map(|(at, group)| of_group(at).map(|app| (all[app], *group)));
        rows.group_roles(name, &given.collect::<Vec<_>>(), AppRole::Deployer).await;
        rows.settle().await;
        let everybody = GroupName { space: name, id: of_groups[0] }.to_string();
        let app = all[apps / 2].to_string();
        let [one, many] = [people[members - 1].as_str(), &many].map(|id| suite.user(id));
        Self { suite, space, admin, one, many, everybody, app }
    }

    async fn bindings(&self, user: &str, size: usize) -> usize {
        let (parent, user) = (self.space.clone(), user.to_owned());
        let request = ListRoleBindingsRequest { parent, user, page_size: wire(size), ..Default::default() };
        let page = self.admin.reviews().list_role_bindings(request).await.expect("a page");
        page.into_inner().bindings.len()
    }
}

fn wire(size: usize) -> i32 {
    i32::try_from(size).expect("a page's size")
}

/// All of it, on one engine.
pub(crate) async fn run(engine: Engine) {
    let mut spaces = Vec::new();
    for size in SIZES {
        spaces.push(Grouped::of(engine, size).await);
    }
    let sizes = SIZES.map(|(members, groups, apps)| format!("{members}/{groups}/{}", groups * apps));
    let mut table = Table::new("people in a group/groups/roles of groups", &sizes);
    lists(&mut table, &spaces).await;
    checks(&mut table, &spaces).await;
    table.end();
    drop(spaces.into_iter().map(|it| it.suite).collect::<Vec<_>>());
}

async fn lists(table: &mut Table, spaces: &[Grouped]) {
    let groups = async |it: &Grouped| {
        let parent = it.space.clone();
        let request = ListGroupsRequest { parent, page_size: wire(SMALL), ..Default::default() };
        let page = it.admin.groups().list_groups(request).await.expect("a page").into_inner();
        assert_eq!(page.groups.len(), SMALL);
    };
    table.row("ListGroups, first 5", spaces, groups).await;
    let members = async |it: &Grouped| {
        let parent = it.everybody.clone();
        let request = ListGroupMembersRequest { parent, page_size: wire(LARGE), ..Default::default() };
        let page = it.admin.groups().list_group_members(request).await.expect("a page").into_inner();
        assert_eq!(page.members.len(), LARGE);
    };
    table.row("ListGroupMembers, first 50", spaces, members).await;
    let roles = async |it: &Grouped| {
        let parent = it.everybody.clone();
        let request = ListGroupRolesRequest { parent, page_size: wire(SMALL), ..Default::default() };
        let page = it.admin.groups().list_group_roles(request).await.expect("a page").into_inner();
        assert_eq!(page.roles.len(), SMALL);
    };
    table.row("ListGroupRoles, first 5", spaces, roles).await;
    let contributors = async |it: &Grouped| {
        let parent = it.app.clone();
        let request = ListContributorsRequest { parent, page_size: wire(SMALL), ..Default::default() };
        let page = it.admin.apps().list_contributors(request).await.expect("a page").into_inner();
        assert_eq!(page.contributors.len(), SMALL);
    };
    table.row("ListContributors, first 5", spaces, contributors).await;
    let all = async |it: &Grouped| assert_eq!(it.bindings("", LARGE).await, LARGE);
    table.row("ListRoleBindings, first 50", spaces, all).await;
    let own = async |it: &Grouped| assert_eq!(it.bindings(&it.one.name, SMALL).await, SMALL);
    table.row("ListRoleBindings of one in 1 group, first 5", spaces, own).await;
    let apps = async |it: &Grouped| full(SMALL, list_apps(&it.one, &it.space, SMALL, "").await);
    table.row("ListApps of one in 1 group, first 5", spaces, apps).await;
}

async fn checks(table: &mut Table, spaces: &[Grouped]) {
    let by_one = async |it: &Grouped| assert!(it.one.may("app.deploy", &it.app).await);
    table.row("check app.deploy of one in 1 group", spaces, by_one).await;
    let denied = async |it: &Grouped| assert!(!it.one.may("app.delete", &it.app).await);
    table.row("check app.delete, denied to one in 1 group", spaces, denied).await;
    // The smallest space has 10 groups, the others as many as one can be in: what is allowed then is bounded, not the same.
    let denied = async |it: &Grouped| assert!(!it.many.may("app.delete", &it.app).await);
    table.row("check app.delete, denied to one in 10 or 50 groups", spaces, denied).await;
    let resources = async |it: &Grouped| {
        let (permission, page_size) = ("app.deploy".to_owned(), wire(SMALL));
        let request = ListResourcesRequest { permission, page_size, ..Default::default() };
        let page = it.one.authz().list_resources(request).await.expect("a page").into_inner();
        assert_eq!(page.resources.len(), SMALL);
    };
    table.row("ListResources app.deploy of one in 1 group, 5", spaces, resources).await;
    let subjects = async |it: &Grouped| {
        let (permission, resource) = ("app.deploy".to_owned(), it.app.clone());
        let request =
            ListSubjectsRequest { permission, resource, page_size: wire(SMALL), ..Default::default() };
        let page = it.admin.authz().list_subjects(request).await.expect("a page").into_inner();
        assert_eq!(page.subjects.len(), SMALL);
    };
    table.row("ListSubjects app.deploy, first 5", spaces, subjects).await;
}
