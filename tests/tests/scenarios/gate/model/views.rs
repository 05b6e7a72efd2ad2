//! What each person sees, by the rules and by the API.
use std::fmt::Debug;

use devspaces_proto::{
    membership::v1::{ConsoleRole, ListMembersRequest},
    space::v1::{
        ContributorRole, ListAppsRequest, ListContributorsRequest, ListSpacesRequest,
        space_access::ConsoleRole as AccessRole,
    },
};
use futures::{
    StreamExt as _, TryStreamExt as _,
    future::{try_join, try_join_all},
    stream,
};

use super::{
    op::{PEOPLE, SPACES},
    stage::Stage,
    world::{No, On, World},
};
use crate::gate::oracle::{self, Row};

/// A console role as three messages name it.
fn title(role: ConsoleRole) -> &'static str {
    match role {
        ConsoleRole::Admin => "Admin",
        ConsoleRole::Developer => "Developer",
        ConsoleRole::Viewer => "Viewer",
        ConsoleRole::Unspecified => "none",
    }
}

/// A contributor in a list: the person, the role, and the console role that it is derived from (R-A4), or none where it comes
/// through the group (R-M11).
type Listed = (usize, ContributorRole, Option<Option<ConsoleRole>>);
/// A space in the switcher: its number, the console role, the add-on, whether the person is billing or Marketplace admin,
/// and whether the name is all that is shown (R-S2).
type Switched = (usize, ConsoleRole, bool, [bool; 2], bool);

impl World {
    /// R-S2
    fn spaces_of(&self, person: usize) -> Vec<Switched> {
        let seen = (0..SPACES).filter_map(|space| {
            let standing = self.standing(person, On::Space(space));
            let role = standing.console.unwrap_or_default();
            let planes = [standing.billing_admin, standing.marketplace_admin];
            let seen = standing.console.is_some() || standing.contributes || planes != [false; 2];
            let limited = standing.console.is_none() && !standing.marketplace_admin;
            seen.then_some((space, role, standing.view_all_apps, planes, limited))
        });
        seen.collect()
    }

    /// R-M7
    fn members_of(&self, person: usize, space: usize) -> Result<Vec<(usize, ConsoleRole, bool)>, No> {
        if !self.may(person, oracle::row("members.list"), On::Space(space)) {
            return Err(No::denied());
        }
        let members = self.spaces[space].members.iter();
        Ok(members.map(|(person, member)| (*person, member.role, member.view_all_apps)).collect())
    }

    /// The console role by which someone is a derived viewer of an app (R-A4).
    fn derived(&self, person: usize, app: usize) -> Option<ConsoleRole> {
        let member = self.spaces[self.apps[app].current_space()?].members.get(&person)?;
        member.views_all_apps().then_some(member.role)
    }

    /// R-A5, R-A9: with the role of one's own or the derived one.
    fn apps_of(&self, person: usize, space: Option<usize>) -> Result<Vec<(usize, ContributorRole)>, No> {
        if space.is_some_and(|space| !self.may(person, oracle::row("apps.list"), On::Space(space))) {
            return Err(No::denied());
        }
        let listed = |number: &usize| {
            let app = &self.apps[*number];
            !app.deleted && (space.is_none() || app.space == space)
        };
        let seen = (0..self.apps.len()).filter(listed).filter_map(|app| {
            let derived = self.derived(person, app).map(|_| ContributorRole::Viewer);
            Some((app, self.role(person, &self.apps[app]).or(derived)?))
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
            let own = self.apps[app].roles.get(&other).copied();
            let highest = self.role(other, &self.apps[app]);
            match own {
                Some(role) if !with_derived || Some(role) == highest => Some((other, role, None)),
                _ if !with_derived => None,
                _ => match highest {
                    Some(role) => Some((other, role, Some(None))),
                    None => self
                        .derived(other, app)
                        .map(|from| (other, ContributorRole::Viewer, Some(Some(from)))),
                },
            }
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

impl Stage {
    async fn spaces_of(&self, person: usize) -> Result<Vec<Switched>, String> {
        let reply = self.people[person].spaces().list_spaces(ListSpacesRequest::default()).await;
        let spaces = reply.map_err(|status| format!("ListSpaces: {status:?}"))?.into_inner().spaces;
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
            Ok((self.space(&space.name)?, role, access.view_all_apps, planes, access.limited))
        });
        switched.collect()
    }

    async fn members_of(
        &self,
        person: usize,
        space: usize,
    ) -> Result<Result<Vec<(usize, ConsoleRole, bool)>, No>, String> {
        let parent = self.spaces[space].clone();
        let request = ListMembersRequest { parent, ..ListMembersRequest::default() };
        let members = match self.people[person].members().list_members(request).await {
            Ok(reply) => reply.into_inner().members,
            Err(status) => return Ok(Err(No::from(&status))),
        };
        let listed = members
            .into_iter()
            .map(|member| Ok((self.person(&member.user)?, member.role(), member.view_all_apps)));
        listed.collect::<Result<_, String>>().map(Ok)
    }

    async fn apps_of(
        &self,
        person: usize,
        space: Option<usize>,
    ) -> Result<Result<Vec<(usize, ContributorRole)>, No>, String> {
        let space = space.map(|space| self.spaces[space].clone()).unwrap_or_default();
        let request = ListAppsRequest { space, ..ListAppsRequest::default() };
        let apps = match self.people[person].apps().list_apps(request).await {
            Ok(reply) => reply.into_inner().apps,
            Err(status) => return Ok(Err(No::from(&status))),
        };
        let listed = apps.into_iter().map(|app| Ok((self.app(&app.name)?, app.my_role())));
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
        let origin = |role: &ConsoleRole| {
            space.map(|space| format!("console {} of {}", title(*role), self.spaces[space]))
        };
        let listed = contributors.into_iter().map(|contributor| {
            let from = Some(contributor.derived_from.clone()).filter(|from| !from.is_empty());
            let roles = [ConsoleRole::Admin, ConsoleRole::Developer, ConsoleRole::Viewer];
            let derived = roles.into_iter().find(|role| from.is_some() && origin(role) == from);
            let through = from.as_deref() == Some("group Team");
            let derived = if through { Some(None) } else { derived.map(Some) };
            if derived.is_some() != from.is_some() {
                return Err(format!("a role is derived from {from:?}"));
            }
            Ok((self.person(&contributor.user)?, contributor.role(), derived))
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

    /// Permission checks: of all questions, or of a few that are others after each step.
    pub(super) async fn compare_checks(&self, world: &World, few: Option<usize>) -> Result<(), String> {
        let questions = questions(world);
        let asked: Vec<_> = match few {
            None => questions,
            Some(step) => {
                let start = step * SOME;
                (0..SOME).map(|n| questions[(start + n) * STRIDE % questions.len()]).collect()
            }
        };
        let asked = stream::iter(asked).map(Ok);
        asked.try_for_each_concurrent(AT_ONCE, |question| self.compare_check(world, question)).await
    }

    async fn compare_check(&self, world: &World, (person, row, on): Question) -> Result<(), String> {
        let resource = match on {
            On::Space(space) => &self.spaces[space],
            On::App(app) => &self.apps[app],
        };
        let what = || format!("{} of p{person} on {on:?}", row.permission);
        let answer = self.people[person].check(&row.permission, resource).await;
        let answer = answer.map_err(|status| format!("{}: {status:?}", what()))?;
        same(what, &world.may(person, row, on), &answer.allowed)
    }
}

/// R-A3
fn one_owner(listed: &Result<Vec<Listed>, No>) -> Result<(), String> {
    let Ok(listed) = listed else { return Ok(()) };
    match listed.iter().filter(|(_, role, _)| *role == ContributorRole::Owner).count() {
        1 => Ok(()),
        owners => Err(format!("it has {owners} owners")),
    }
}

/// How many checks follow each step, and how far apart they are among all: a prime that divides the number of no list.
const SOME: usize = 12;
/// How many are asked at once: fewer than one person may have in progress.
const AT_ONCE: usize = 48;
const STRIDE: usize = 1009;

type Question = (usize, &'static Row, On);

impl World {
    /// A permission that somebody had before, and has no longer.
    pub(super) fn taken_since(&self, before: &Self) -> Option<String> {
        let taken = questions(before)
            .into_iter()
            .find(|&(person, row, on)| before.may(person, row, on) && !self.may(person, row, on));
        taken.map(|(person, row, on)| format!("{} of p{person} on {on:?}", row.permission))
    }
}

/// All that can be asked of anyone. Rows that no role has are left to the walks.
fn questions(world: &World) -> Vec<Question> {
    let spaces = (0..SPACES).map(On::Space);
    let apps = (0..world.apps.len()).map(On::App);
    let mut questions = Vec::new();
    for on in spaces.chain(apps) {
        let resource = if matches!(on, On::Space(_)) { "space" } else { "app" };
        for row in oracle::rows().iter().filter(|row| row.resource == resource && row.is_reachable()) {
            questions.extend((0..PEOPLE).map(|person| (person, row, on)));
        }
    }
    questions
}
