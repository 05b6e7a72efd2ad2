//! What the rules say of changes of members and of a space's life.
use std::collections::BTreeSet;

use devspaces_proto::{membership::v1::ConsoleRole, space::v1::ContributorRole};
use tonic::Code;

use super::world::{Actor, Answer, Member, No, On, Space, Told, World};

impl Space {
    /// R-M4: whether this person is the only Admin. Nobody's role has an end here.
    fn is_last_admin(&self, person: usize) -> bool {
        let is_admin = |member: &Member| member.role == ConsoleRole::Admin;
        self.members.get(&person).is_some_and(is_admin)
            && self.members.values().filter(|member| is_admin(member)).count() == 1
    }

    /// R-M8: who has been Admin longest, apart from this person. Of those who came to it by one call it is the first by
    /// name.
    fn longest_admin(&self, apart_from: usize) -> Option<usize> {
        let others = self.members.iter().filter(|(person, _)| **person != apart_from);
        let admins = others.filter(|(_, member)| member.role == ConsoleRole::Admin);
        admins.min_by_key(|(person, member)| (member.since, **person)).map(|(person, _)| *person)
    }
}

/// R-M6: the add-on is for Developers only.
fn is_fitting(role: ConsoleRole, view_all_apps: bool) -> bool {
    !view_all_apps || role == ConsoleRole::Developer
}

impl World {
    /// R-M1, R-M2, R-S5
    pub(super) fn add_members(
        &mut self,
        actor: Actor,
        space: usize,
        people: &[(usize, ConsoleRole, bool)],
    ) -> Answer {
        self.require(actor, "members.add", On::Space(space))?;
        let different: BTreeSet<_> = people.iter().map(|(person, ..)| *person).collect();
        let fitting = people.iter().all(|(_, role, view_all_apps)| is_fitting(*role, *view_all_apps));
        if different.len() < people.len() || !fitting {
            return Err(No::invalid());
        }
        let bootstraps = match actor {
            Actor::Person(person) => {
                self.spaces[space].members.get(&person).is_none_or(|member| member.role != ConsoleRole::Admin)
            }
            Actor::Importer => false,
        };
        let admins = people.iter().filter(|(_, role, _)| *role == ConsoleRole::Admin).count();
        let (since, space) = (self.now, &mut self.spaces[space]);
        No::if_any([
            (space.archived, "SPACE_ARCHIVED"),
            // R-M3
            (bootstraps && (admins < people.len() || admins > 5), "BOOTSTRAP_ONLY"),
            (bootstraps && admins == 0, "LAST_ADMIN"),
        ])?;
        if people.iter().any(|(person, ..)| space.members.contains_key(person)) {
            return Err(No::because(Code::AlreadyExists, "MEMBER_EXISTS"));
        }
        let added = people
            .iter()
            .map(|&(person, role, view_all_apps)| (person, Member { role, view_all_apps, since }));
        space.members.extend(added);
        Ok(Told::default())
    }

    /// R-M2, R-M4, R-M6, R-S5
    pub(super) fn update_member(
        &mut self,
        actor: Actor,
        space: usize,
        person: usize,
        role: Option<ConsoleRole>,
        view_all_apps: Option<bool>,
    ) -> Answer {
        self.require(actor, "members.update", On::Space(space))?;
        if role.is_some_and(|role| !is_fitting(role, view_all_apps.unwrap_or_default())) {
            return Err(No::invalid());
        }
        let (now, space) = (self.now, &mut self.spaces[space]);
        let before = *space.members.get(&person).ok_or_else(No::not_found)?;
        let role = role.unwrap_or(before.role);
        let same = role == before.role;
        let view_all_apps = view_all_apps.unwrap_or(before.view_all_apps && same);
        No::if_any([
            (space.archived, "SPACE_ARCHIVED"),
            (!is_fitting(role, view_all_apps), "NOT_A_DEVELOPER"),
            (space.is_last_admin(person) && role != ConsoleRole::Admin, "LAST_ADMIN"),
        ])?;
        let since = if same { before.since } else { now };
        space.members.insert(person, Member { role, view_all_apps, since });
        Ok(Told::default())
    }

    /// R-M2, R-M4, R-M5
    pub(super) fn remove_member(
        &mut self,
        actor: Actor,
        space: usize,
        person: usize,
        new_owner: Option<usize>,
        keep_app_roles: bool,
    ) -> Answer {
        let acting = self.require(actor, "members.remove", On::Space(space))?;
        if new_owner == Some(person) {
            return Err(No::invalid());
        }
        let members = &self.spaces[space].members;
        if !members.contains_key(&person) {
            return Err(No::not_found());
        }
        No::if_any([
            (self.spaces[space].is_last_admin(person), "LAST_ADMIN"),
            (new_owner.is_some_and(|heir| !members.contains_key(&heir)), "NEW_OWNER_INELIGIBLE"),
        ])?;
        let other_admin = self.spaces[space].longest_admin(person);
        let default = if acting == person { other_admin } else { Some(acting) };
        let heir = if keep_app_roles { new_owner } else { new_owner.or(default) };
        Ok(self.depart(space, person, heir, keep_app_roles))
    }

    /// R-M4, R-M8; R-P3: a space that one is not in is as if it did not exist.
    pub(super) fn leave_space(&mut self, actor: Actor, space: usize) -> Answer {
        let members = &self.spaces[space].members;
        let person = match actor {
            Actor::Person(person) if members.contains_key(&person) => person,
            _ => return Err(No::denied()),
        };
        No::if_any([(self.spaces[space].is_last_admin(person), "LAST_ADMIN")])?;
        let heir = self.spaces[space].longest_admin(person);
        Ok(self.depart(space, person, heir, false))
    }

    /// R-M5: what becomes of the roles on the space's apps, of which deleted ones can come back.
    fn depart(&mut self, space: usize, person: usize, heir: Option<usize>, keep: bool) -> Told {
        let left = &mut self.spaces[space];
        left.members.remove(&person);
        if let Some(group) = &mut left.group {
            group.remove(&person);
        }
        let planes = [
            (left.billing_admins.contains(&person), "billing"),
            (left.marketplace_admins.contains(&person), "marketplace"),
        ];
        let planes = planes.into_iter().filter(|(held, _)| *held).map(|(_, plane)| plane).collect();
        let mut told = Told { planes, ..Told::default() };
        let apps = self.apps.iter_mut().enumerate().filter(|(_, app)| app.space == Some(space));
        for (number, app) in apps {
            let Some(&role) = app.roles.get(&person) else { continue };
            let inherited = heir.filter(|_| role == ContributorRole::Owner);
            if keep && inherited.is_none() {
                told.remaining.push((number, role));
                continue;
            }
            told.removed.push((number, role, inherited));
            app.roles.remove(&person);
            if keep {
                app.roles.insert(person, ContributorRole::Admin);
                told.remaining.push((number, ContributorRole::Admin));
            }
            if let Some(heir) = inherited {
                app.roles.insert(heir, ContributorRole::Owner);
            }
        }
        told
    }

    /// R-S5, R-S7
    pub(super) fn archive_space(&mut self, actor: Actor, space: usize) -> Answer {
        self.require(actor, "space.archive", On::Space(space))?;
        let has_apps = self.apps.iter().any(|app| app.current_space() == Some(space));
        No::if_any([(has_apps, "SPACE_HAS_APPS"), (self.spaces[space].archived, "SPACE_ARCHIVED")])?;
        self.spaces[space].archived = true;
        Ok(Told::default())
    }

    /// R-S5
    pub(super) fn restore_space(&mut self, actor: Actor, space: usize) -> Answer {
        self.require(actor, "space.archive", On::Space(space))?;
        No::if_any([(!self.spaces[space].archived, "SPACE_NOT_ARCHIVED")])?;
        self.spaces[space].archived = false;
        Ok(Told::default())
    }
}
