//! What each person sees, by the rules and by the API.
use std::fmt::Debug;

use devspaces_proto::{
    membership::v1::{ConsoleRole, ListMembersRequest},
    space::v1::{
        Contributor, ContributorRole, ListAppsRequest, ListContributorsRequest, ListSpacesRequest,
        space_access::ConsoleRole as AccessRole,
    },
};
use futures::future::{try_join, try_join_all};

use super::{
    op::{PEOPLE, SPACES},
    stage::Stage,
    world::{No, On, World},
};
use crate::gate::oracle;

/// A console role as three messages name it.
fn title(role: ConsoleRole) -> &'static str {
    match role {
        ConsoleRole::Admin => "Admin",
        ConsoleRole::Developer => "Developer",
        ConsoleRole::Viewer => "Viewer",
        ConsoleRole::Unspecified => "none",
    }
}

/// A member in a list.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, PartialEq, Eq)]
struct ListedMember {
    person: usize,
    role: ConsoleRole,
    view_all_apps: bool,
    ends: bool,
    emergency: bool,
    deactivated: bool,
}

/// Where the role of a contributor comes from.
#[derive(Debug, PartialEq, Eq)]
enum From {
    /// Their own, and whether it ends.
    Own(bool),
    /// The group, an app group or both (R-M11, R-A11).
    Groups,
    /// A console role, and whether that was given in an emergency (R-A4, R-M14).
    Console(ConsoleRole, bool),
}

/// A contributor in a list: the person, the role, where it comes from, and whether the person is deactivated.
type Listed = (usize, ContributorRole, From, bool);
/// An app in a list, with one's role on it, and whether it is suspended (R-A12).
type SeenApp = (usize, ContributorRole, bool);
/// A space in the switcher: its number, the console role, the add-on, whether the person is billing or Marketplace admin,
/// whether the name is all that is shown (R-S2), and if not, whether it is suspended (R-A12).
type Switched = (usize, ConsoleRole, bool, [bool; 2], bool, bool);

impl World {
    /// R-S2
    fn spaces_of(&self, person: usize) -> Result<Vec<Switched>, No> {
        if !self.is_active(person) {
            return Err(No::deactivated());
        }
        let seen = (0..SPACES).filter_map(|space| {
            let standing = self.standing(person, On::Space(space));
            let role = standing.console.unwrap_or_default();
            let planes = [standing.billing_admin, standing.marketplace_admin];
            let seen = standing.console.is_some() || standing.contributes || planes != [false; 2];
            let limited = standing.console.is_none() && !standing.marketplace_admin;
            let suspended = !limited && self.spaces[space].suspended;
            seen.then_some((space, role, standing.view_all_apps, planes, limited, suspended))
        });
        Ok(seen.collect())
    }

    /// R-M7, R-M12, R-M14
    fn members_of(&self, person: usize, space: usize) -> Result<Vec<ListedMember>, No> {
        if !self.may(person, oracle::row("members.list"), On::Space(space)) {
            return Err(No::denied());
        }
        let members = self.spaces[space].members.iter().map(|(&person, member)| ListedMember {
            person,
            role: member.role,
            view_all_apps: member.view_all_apps,
            ends: member.end.is_some(),
            emergency: member.emergency,
            deactivated: !self.is_active(person),
        });
        Ok(members.collect())
    }

    /// The console role by which someone is a derived viewer of an app (R-A4), and whether it was given in an emergency.
    fn derived(&self, person: usize, app: usize) -> Option<(ConsoleRole, bool)> {
        let member = self.spaces[self.apps[app].current_space()?].members.get(&person)?;
        member.views_all_apps().then_some((member.role, member.emergency))
    }

    /// R-A5, R-A9, R-A12: with the role of one's own or the derived one.
    fn apps_of(&self, person: usize, space: Option<usize>) -> Result<Vec<SeenApp>, No> {
        match space {
            None if !self.is_active(person) => return Err(No::deactivated()),
            Some(space) if !self.may(person, oracle::row("apps.list"), On::Space(space)) => {
                return Err(No::denied());
            }
            _ => {}
        }
        let listed = |number: &usize| {
            let app = &self.apps[*number];
            !app.is_deleted() && (space.is_none() || app.space == space)
        };
        let seen = (0..self.apps.len()).filter(listed).filter_map(|app| {
            let derived = self.derived(person, app).map(|_| ContributorRole::Viewer);
            Some((app, self.role(person, app).or(derived)?, self.is_suspended(app)))
        });
        Ok(seen.collect())
    }

    /// R-A4, R-M7: derived viewers are shown to members of the space and to those who manage the app.
    fn contributors_of(&self, person: usize, app: usize) -> Result<Vec<Listed>, No> {
        if !self.may(person, oracle::row("app.contributors.list"), On::App(app)) {
            return Err(No::denied());
        }
        let standing = self.standing(person, On::App(app));
        let manages = matches!(standing.app, Some(ContributorRole::Owner | ContributorRole::Admin));
        let with_derived = standing.console.is_some() || manages;
        let listed = (0..PEOPLE).filter_map(|other| {
            let own = self.apps[app].roles.get(&other);
            let by_groups = self.role_by_groups(other, app).filter(|_| with_derived);
            let is_highest =
                |role: ContributorRole| by_groups.is_none_or(|other| i32::from(role) <= i32::from(other));
            let (role, from) = match (own, by_groups) {
                (Some(own), _) if is_highest(own.role) => (own.role, From::Own(own.end.is_some())),
                (_, Some(role)) => (role, From::Groups),
                _ => {
                    let (role, emergency) = self.derived(other, app).filter(|_| with_derived)?;
                    (ContributorRole::Viewer, From::Console(role, emergency))
                }
            };
            Some((other, role, from, !self.is_active(other)))
        });
        Ok(listed.collect())
    }
}

/// What the API answers must be what the rules say.
pub(super) fn same<T: PartialEq + Debug>(
    what: impl FnOnce() -> String,
    rules: &T,
    api: &T,
) -> Result<(), String> {
    if rules == api { Ok(()) } else { Err(format!("{}: by the rules {rules:?}, but {api:?}", what())) }
}

impl Stage<'_> {
    async fn spaces_of(&self, person: usize) -> Result<Result<Vec<Switched>, No>, String> {
        let spaces = match self.people[person].spaces().list_spaces(ListSpacesRequest::default()).await {
            Ok(reply) => reply.into_inner().spaces,
            Err(status) => return Ok(Err(No::from(&status))),
        };
        let switched = spaces.into_iter().map(|access| {
            let role = match access.console_role() {
                AccessRole::Unspecified => ConsoleRole::Unspecified,
                AccessRole::Admin => ConsoleRole::Admin,
                AccessRole::Developer => ConsoleRole::Developer,
                AccessRole::Viewer => ConsoleRole::Viewer,
            };
            let space = access.space.ok_or("no space")?;
            if access.limited != space.create_time.is_none() {
                return Err(format!("{} is not shown as it should be: {space:?}", space.name));
            }
            let planes = [access.billing_admin, access.marketplace_admin];
            let suspended = space.standing.as_ref().is_some_and(|standing| standing.suspended);
            Ok((self.space(&space.name)?, role, access.view_all_apps, planes, access.limited, suspended))
        });
        switched.collect::<Result<_, String>>().map(Ok)
    }

    async fn members_of(&self, person: usize, space: usize) -> Result<Result<Vec<ListedMember>, No>, String> {
        let parent = self.spaces[space].clone();
        let request = ListMembersRequest { parent, ..ListMembersRequest::default() };
        let members = match self.people[person].members().list_members(request).await {
            Ok(reply) => reply.into_inner().members,
            Err(status) => return Ok(Err(No::from(&status))),
        };
        let listed = members.into_iter().map(|member| {
            Ok(ListedMember {
                person: self.person(&member.user)?,
                role: member.role(),
                view_all_apps: member.view_all_apps,
                ends: member.expire_time.is_some(),
                emergency: member.emergency,
                deactivated: member.deactivated,
            })
        });
        listed.collect::<Result<_, String>>().map(Ok)
    }

    async fn apps_of(&self, person: usize, space: Option<usize>) -> Result<Result<Vec<SeenApp>, No>, String> {
        let space = space.map(|space| self.spaces[space].clone()).unwrap_or_default();
        let request = ListAppsRequest { space, ..ListAppsRequest::default() };
        let apps = match self.people[person].apps().list_apps(request).await {
            Ok(reply) => reply.into_inner().apps,
            Err(status) => return Ok(Err(No::from(&status))),
        };
        let listed = apps.into_iter().map(|app| {
            let suspended = app.standing.as_ref().is_some_and(|standing| standing.suspended);
            Ok((self.app(&app.name)?, app.my_role(), suspended))
        });
        listed.collect::<Result<_, String>>().map(Ok)
    }

    async fn contributors_of(
        &self,
        person: usize,
        app: usize,
        space: Option<usize>,
    ) -> Result<Result<Vec<Listed>, No>, String> {
        let request = ListContributorsRequest { parent: self.apps[app].clone(), ..Default::default() };
        let contributors = match self.people[person].apps().list_contributors(request).await {
            Ok(reply) => reply.into_inner().contributors,
            Err(status) => return Ok(Err(No::from(&status))),
        };
        let origin = |role: ConsoleRole| {
            space.map(|space| format!("console {} of {}", title(role), self.spaces[space]))
        };
        let from = |it: &Contributor| {
            let roles = [ConsoleRole::Admin, ConsoleRole::Developer, ConsoleRole::Viewer];
            match it.derived_from.as_str() {
                "" => Some(From::Own(it.expire_time.is_some())),
                "group Team" | "app group Set" | "group Team and app group Set" => Some(From::Groups),
                from => {
                    let role = roles.into_iter().find(|role| origin(*role).as_deref() == Some(from));
                    role.map(|role| From::Console(role, it.emergency))
                }
            }
        };
        let listed = contributors.into_iter().map(|it| {
            let from = from(&it).ok_or_else(|| format!("a role is derived from {:?}", it.derived_from))?;
            Ok((self.person(&it.user)?, it.role(), from, it.deactivated))
        });
        listed.collect::<Result<_, String>>().map(Ok)
    }

    /// Every list of one person.
    async fn compare_lists(&self, world: &World, person: usize) -> Result<(), String> {
        let who = format!("p{person}");
        let spaces = async {
            let api = self.spaces_of(person).await?;
            same(|| format!("ListSpaces of {who}"), &world.spaces_of(person), &api)
        };
        let members = try_join_all((0..SPACES).map(async |space| {
            let api = self.members_of(person, space).await?;
            same(|| format!("ListMembers of s{space} by {who}"), &world.members_of(person, space), &api)
        }));
        let apps = try_join_all([None, Some(0), Some(1), Some(2)].map(async |space| {
            let api = self.apps_of(person, space).await?;
            same(|| format!("ListApps of {space:?} by {who}"), &world.apps_of(person, space), &api)
        }));
        let contributors = try_join_all((0..world.apps.len()).map(async |app| {
            let api = self.contributors_of(person, app, world.apps[app].current_space()).await?;
            let what = || format!("ListContributors of a{app} by {who}");
            same(what, &world.contributors_of(person, app), &api)?;
            one_owner(&api).map_err(|error| format!("{}: {error}", what()))
        }));
        try_join(try_join(spaces, members), try_join(apps, contributors)).await.map(drop)
    }

    /// Every list of everybody.
    pub(super) async fn compare_views(&self, world: &World) -> Result<(), String> {
        try_join_all((0..PEOPLE).map(|person| self.compare_lists(world, person))).await.map(drop)
    }
}

/// R-A3
fn one_owner(listed: &Result<Vec<Listed>, No>) -> Result<(), String> {
    let Ok(listed) = listed else { return Ok(()) };
    match listed.iter().filter(|(_, role, ..)| *role == ContributorRole::Owner).count() {
        1 => Ok(()),
        owners => Err(format!("it has {owners} owners")),
    }
}
