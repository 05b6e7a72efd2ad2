//! What the rules say of changes of members and of a space's life.
use std::collections::BTreeSet;

use devspaces_proto::membership::v1::ConsoleRole;
use tonic::Code;

use super::{
    departures::Kept,
    op::{End, Hours},
    world::{Actor, Answer, Member, No, On, Told, World},
};

/// R-M6: the add-on is for Developers only.
pub(super) fn is_fitting(role: ConsoleRole, view_all_apps: bool) -> bool {
    !view_all_apps || role == ConsoleRole::Developer
}

impl World {
    /// R-M4, R-M12: whether this person is the only Admin who is sure to stay.
    fn is_last_admin(&self, space: usize, person: usize) -> bool {
        self.lasting_admins(space).eq([person])
    }

    /// R-M1, R-M2, R-M10, R-S5
    pub(super) fn add_members(
        &mut self,
        actor: Actor,
        space: usize,
        people: &[(usize, ConsoleRole, bool, Hours)],
    ) -> Answer {
        let adding = self.require(actor, "members.add", On::Space(space))?;
        let different: BTreeSet<_> = people.iter().map(|(person, ..)| *person).collect();
        let fitting = people.iter().all(|(_, role, view_all_apps, _)| is_fitting(*role, *view_all_apps));
        if different.len() < people.len() || !fitting {
            return Err(No::invalid());
        }
        let bootstraps = self.spaces[space].members.get(&adding).is_none_or(|member| !member.is_admin());
        let admins = || people.iter().filter(|(_, role, ..)| *role == ConsoleRole::Admin);
        let lasting = admins().any(|(.., end)| end.is_none());
        let added = people.iter().map(|&(person, role, view_all_apps, end)| {
            let end = self.end(end);
            (person, Member { role, view_all_apps, since: self.now, end, emergency: false })
        });
        let added: Vec<_> = added.collect();
        let space = &mut self.spaces[space];
        No::if_any([
            (space.archived, "SPACE_ARCHIVED"),
            // R-M3
            (bootstraps && (admins().count() < people.len() || people.len() > 5), "BOOTSTRAP_ONLY"),
            (bootstraps && !lasting, "LAST_ADMIN"),
        ])?;
        if people.iter().any(|(person, ..)| space.members.contains_key(person)) {
            return Err(No::because(Code::AlreadyExists, "MEMBER_EXISTS"));
        }
        space.members.extend(added);
        Ok(Told::default())
    }

    /// R-M2, R-M4, R-M6, R-M10, R-S5; R-M9: whoever is made something else than an Admin invites nobody. R-M14: what an Admin
    /// makes of a role is an ordinary one.
    pub(super) fn update_member(
        &mut self,
        actor: Actor,
        (space, person): (usize, usize),
        role: Option<ConsoleRole>,
        view_all_apps: Option<bool>,
        end: End,
    ) -> Answer {
        self.require(actor, "members.update", On::Space(space))?;
        if role.is_some_and(|role| !is_fitting(role, view_all_apps.unwrap_or_default())) {
            return Err(No::invalid());
        }
        let before = *self.spaces[space].members.get(&person).ok_or_else(No::not_found)?;
        let role = role.unwrap_or(before.role);
        let same = role == before.role;
        let after = Member {
            role,
            view_all_apps: view_all_apps.unwrap_or(before.view_all_apps && same),
            since: if same { before.since } else { self.now },
            end: match end {
                End::Kept => before.end,
                End::To(hours) => self.end(hours),
            },
            emergency: false,
        };
        let stays = after.is_admin() && after.end.is_none();
        No::if_any([
            (self.spaces[space].archived, "SPACE_ARCHIVED"),
            (!is_fitting(role, after.view_all_apps), "NOT_A_DEVELOPER"),
            (self.is_last_admin(space, person) && !stays, "LAST_ADMIN"),
        ])?;
        // The same end given anew is another: the hours are counted from now.
        let ends_anew = matches!(end, End::To(hours) if hours.or(before.end).is_some());
        let is_change = !same || after.view_all_apps != before.view_all_apps || ends_anew;
        if is_change {
            self.spaces[space].members.insert(person, after);
        }
        if !after.is_admin() {
            self.void_invitations_by(space, person);
        }
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
        let emergency = members.get(&person).ok_or_else(No::not_found)?.emergency;
        let is_eligible = |heir: usize| members.contains_key(&heir) && self.is_active(heir);
        No::if_any([
            (self.is_last_admin(space, person), "LAST_ADMIN"),
            (new_owner.is_some_and(|heir| !is_eligible(heir)), "NEW_OWNER_INELIGIBLE"),
        ])?;
        // Whoever acts in an emergency as well: acting is as good as being named (R-M14).
        let heir = new_owner.or_else(|| Some(acting).filter(|acting| *acting != person));
        Ok(match heir {
            _ if keep_app_roles => self.depart(space, person, new_owner, Kept::All),
            Some(_) => self.depart(space, person, heir, Kept::Nothing),
            None => self.depart_unnamed(space, person, emergency),
        })
    }

    /// R-M4, R-M8; R-P3: a space that one is not in is as if it did not exist.
    pub(super) fn leave_space(&mut self, actor: Actor, space: usize) -> Answer {
        let person = self.require_person(actor)?;
        let emergency = self.spaces[space].members.get(&person).ok_or_else(No::denied)?.emergency;
        No::if_any([(self.is_last_admin(space, person), "LAST_ADMIN")])?;
        Ok(self.depart_unnamed(space, person, emergency))
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
