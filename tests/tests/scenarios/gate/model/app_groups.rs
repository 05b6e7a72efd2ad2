//! What the rules say of app groups (R-A11).
use std::collections::{BTreeMap, BTreeSet};

use devspaces_proto::space::v1::ContributorRole;

use super::{
    op::Hours,
    world::{Actor, Answer, AppGroup, Given, No, On, Told, World},
};

impl World {
    /// R-S5
    pub(super) fn create_app_group(&mut self, actor: Actor, space: usize) -> Answer {
        self.require(actor, "app_groups.update", On::Space(space))?;
        No::if_any([(self.spaces[space].archived, "SPACE_ARCHIVED")])?;
        let (apps, roles) = (BTreeSet::new(), BTreeMap::new());
        self.app_groups.push(AppGroup { space, deleted: false, apps, roles, of_group: None });
        Ok(Told::default())
    }

    /// R-S5
    pub(super) fn delete_app_group(&mut self, actor: Actor, app_group: usize) -> Answer {
        let it = self.app_group(actor, app_group)?;
        it.deleted = true;
        it.apps.clear();
        it.roles.clear();
        it.of_group = None;
        Ok(Told::default())
    }

    /// R-S5: one that is there already may be added again.
    pub(super) fn add_app(&mut self, actor: Actor, app_group: usize, app: usize) -> Answer {
        let space = self.app_group(actor, app_group)?.space;
        No::if_any([
            (self.spaces[space].archived, "SPACE_ARCHIVED"),
            (self.apps[app].current_space() != Some(space), "APP_NOT_IN_SPACE"),
        ])?;
        self.app_groups[app_group].apps.insert(app);
        Ok(Told::default())
    }

    /// R-S5: one that is not there may be removed.
    pub(super) fn remove_app(&mut self, actor: Actor, app_group: usize, app: usize) -> Answer {
        self.app_group(actor, app_group)?.apps.remove(&app);
        Ok(Told::default())
    }

    /// R-M10, R-S5
    pub(super) fn grant_app_group_role(
        &mut self,
        actor: Actor,
        (app_group, person): (usize, Option<usize>),
        role: ContributorRole,
        end: Hours,
    ) -> Answer {
        let space = self.app_groups[app_group].space;
        self.require(actor, "app_groups.update", On::Space(space))?;
        if role == ContributorRole::Owner {
            return Err(No::invalid());
        }
        self.app_group(actor, app_group)?;
        if person.is_none() && self.spaces[space].group.is_none() {
            return Err(No::not_found());
        }
        No::if_any([(self.spaces[space].archived, "SPACE_ARCHIVED")])?;
        let given = Given { role, end: self.end(end) };
        let it = &mut self.app_groups[app_group];
        match person {
            Some(person) => drop(it.roles.insert(person, given)),
            None => it.of_group = Some(given),
        }
        Ok(Told::default())
    }

    /// R-S5
    pub(super) fn revoke_app_group_role(
        &mut self,
        actor: Actor,
        app_group: usize,
        person: Option<usize>,
    ) -> Answer {
        let it = self.app_group(actor, app_group)?;
        let taken = match person {
            Some(person) => it.roles.remove(&person),
            None => it.of_group.take(),
        };
        taken.map(|_| Told::default()).ok_or_else(No::not_found)
    }

    /// An app group, for whoever may change it.
    fn app_group(&mut self, actor: Actor, app_group: usize) -> Result<&mut AppGroup, No> {
        self.require(actor, "app_groups.update", On::Space(self.app_groups[app_group].space))?;
        let it = &mut self.app_groups[app_group];
        if it.deleted { Err(No::not_found()) } else { Ok(it) }
    }
}
