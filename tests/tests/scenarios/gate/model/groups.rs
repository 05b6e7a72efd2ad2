//! What the rules say of groups: each space has one, but for that of the vendor profile.
use std::collections::BTreeSet;

use devspaces_proto::space::v1::ContributorRole;
use tonic::Code;

use super::{
    op::Hours,
    world::{Actor, Answer, Given, No, On, Told, World},
};

impl World {
    /// R-M11, R-A11: the roles on an app that somebody has by the group of its space and by its app groups.
    fn roles_by_groups(&self, person: usize, number: usize) -> impl Iterator<Item = ContributorRole> {
        let app = &self.apps[number];
        let space = app.current_space();
        let group = space.and_then(|space| self.spaces[space].group.as_ref());
        let in_group = group.is_some_and(|group| group.contains(&person));
        let app_groups = self.app_groups.iter().filter(move |it| it.apps.contains(&number));
        let by_app_groups = app_groups.flat_map(move |it| {
            [it.roles.get(&person).copied(), it.of_group.filter(|_| in_group)].into_iter().flatten()
        });
        let given = app.of_group.filter(|_| in_group).into_iter().chain(by_app_groups);
        given.map(|given| given.role)
    }

    /// The highest of them, which has the lowest number.
    pub(super) fn role_by_groups(&self, person: usize, app: usize) -> Option<ContributorRole> {
        self.roles_by_groups(person, app).min_by_key(|role| i32::from(*role))
    }

    /// R-M11: the highest role on an app, by groups or in their own right.
    pub(super) fn role(&self, person: usize, app: usize) -> Option<ContributorRole> {
        let own = self.apps[app].roles.get(&person).map(|given| given.role);
        [own, self.role_by_groups(person, app)].into_iter().flatten().min_by_key(|role| i32::from(*role))
    }

    /// Who is in the group, for whoever may change it.
    fn group(&mut self, actor: Actor, space: usize) -> Result<&mut BTreeSet<usize>, No> {
        self.require(actor, "groups.update", On::Space(space))?;
        self.spaces[space].group.as_mut().ok_or_else(No::not_found)
    }

    /// R-M11, R-S5
    pub(super) fn add_to_group(&mut self, actor: Actor, space: usize, person: usize) -> Answer {
        self.group(actor, space)?;
        let is_member = self.spaces[space].members.contains_key(&person);
        No::if_any([(self.spaces[space].archived, "SPACE_ARCHIVED"), (!is_member, "NOT_A_MEMBER")])?;
        if !self.group(actor, space)?.insert(person) {
            return Err(No::because(Code::AlreadyExists, "GROUP_MEMBER_EXISTS"));
        }
        Ok(Told::default())
    }

    /// R-M11
    pub(super) fn remove_from_group(&mut self, actor: Actor, space: usize, person: usize) -> Answer {
        if self.group(actor, space)?.remove(&person) { Ok(Told::default()) } else { Err(No::not_found()) }
    }

    /// R-M11, R-M10, R-S5
    pub(super) fn grant_app_role(
        &mut self,
        actor: Actor,
        app: usize,
        space: usize,
        role: ContributorRole,
        end: Hours,
    ) -> Answer {
        self.require(actor, "groups.update", On::Space(space))?;
        if role == ContributorRole::Owner {
            return Err(No::invalid());
        }
        self.group(actor, space)?;
        No::if_any([
            (self.spaces[space].archived, "SPACE_ARCHIVED"),
            (self.apps[app].current_space() != Some(space), "APP_NOT_IN_SPACE"),
        ])?;
        self.apps[app].of_group = Some(Given { role, end: self.end(end) });
        Ok(Told::default())
    }

    /// R-M11
    pub(super) fn revoke_app_role(&mut self, actor: Actor, app: usize, space: usize) -> Answer {
        self.group(actor, space)?;
        let app = &mut self.apps[app];
        if app.current_space() != Some(space) || app.of_group.take().is_none() {
            return Err(No::not_found());
        }
        Ok(Told::default())
    }
}
