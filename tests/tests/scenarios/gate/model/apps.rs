//! What the rules say of changes of apps and of who contributes to them.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_proto::space::v1::ContributorRole;
use tonic::Code;

use super::world::{Actor, Answer, App, Member, No, On, Told, World};
use crate::gate::oracle;

impl World {
    fn new_app(&mut self, owner: usize, space: Option<usize>) -> Told {
        let roles = BTreeMap::from([(owner, ContributorRole::Owner)]);
        self.apps.push(App { space, deleted: false, roles, listing: None, of_group: None });
        Told::default()
    }

    /// R-A1, R-S5, R-S9
    pub(super) fn create_app(&mut self, actor: Actor, space: usize) -> Answer {
        let owner = self.require(actor, "apps.create", On::Space(space))?;
        No::if_any([(self.spaces[space].archived, "SPACE_ARCHIVED")])?;
        Ok(self.new_app(owner, Some(space)))
    }

    /// R-A2, R-P7
    pub(super) fn import_app(&mut self, actor: Actor, owner: usize) -> Answer {
        match actor {
            Actor::Importer => Ok(self.new_app(owner, None)),
            Actor::Person(_) => Err(No::denied()),
        }
    }

    /// R-A2, R-S5, R-S9
    pub(super) fn link_app(&mut self, actor: Actor, app: usize, space: usize) -> Answer {
        let Actor::Person(person) = actor else { return Err(No::denied()) };
        let console = self.spaces[space].members.get(&person).map(|member| member.role);
        let role = self.apps[app].roles.get(&person).copied();
        if !oracle::may_link(console, role, self.spaces[space].admins_create) {
            return Err(No::denied());
        }
        let app = &mut self.apps[app];
        No::if_any([
            (self.spaces[space].archived, "SPACE_ARCHIVED"),
            (app.deleted, "APP_DELETED"),
            (app.current_space().is_some(), "APP_LINKED"),
        ])?;
        app.space = Some(space);
        Ok(Told::default())
    }

    /// R-A3
    pub(super) fn add_contributors(
        &mut self,
        actor: Actor,
        app: usize,
        people: &[(usize, ContributorRole)],
    ) -> Answer {
        self.require(actor, "app.contributors.update", On::App(app))?;
        let different: BTreeSet<_> = people.iter().map(|(person, _)| *person).collect();
        if different.len() < people.len() || people.iter().any(|(_, role)| *role == ContributorRole::Owner) {
            return Err(No::invalid());
        }
        let roles = &mut self.apps[app].roles;
        if different.iter().any(|person| roles.contains_key(person)) {
            return Err(No::because(Code::AlreadyExists, "CONTRIBUTOR_EXISTS"));
        }
        roles.extend(people.iter().copied());
        Ok(Told::default())
    }

    /// R-A3, R-A4
    pub(super) fn update_contributor(
        &mut self,
        actor: Actor,
        app: usize,
        person: usize,
        role: ContributorRole,
    ) -> Answer {
        self.require(actor, "app.contributors.update", On::App(app))?;
        if role == ContributorRole::Owner {
            return Err(No::invalid());
        }
        self.own_role(app, person)?;
        self.apps[app].roles.insert(person, role);
        Ok(Told::default())
    }

    /// R-A3, R-A4. Contributors may always go by themselves.
    pub(super) fn remove_contributor(&mut self, actor: Actor, app: usize, person: usize) -> Answer {
        if actor != Actor::Person(person) || !self.apps[app].roles.contains_key(&person) {
            self.require(actor, "app.contributors.update", On::App(app))?;
        }
        self.own_role(app, person)?;
        self.apps[app].roles.remove(&person);
        Ok(Told::default())
    }

    /// Goes on if the person has a role on the app that is their own, and not that of OWNER.
    fn own_role(&self, app: usize, person: usize) -> Result<(), No> {
        let app = &self.apps[app];
        if let Some(role) = app.roles.get(&person) {
            return No::if_any([(*role == ContributorRole::Owner, "APP_OWNER")]);
        }
        No::if_any([(self.role_by_group(person, app).is_some(), "DERIVED_ROLE")])?;
        let space = app.current_space().map(|space| &self.spaces[space]);
        let member = space.and_then(|space| space.members.get(&person));
        No::if_any([(member.is_some_and(Member::views_all_apps), "DERIVED_ROLE")])?;
        Err(No::not_found())
    }

    /// R-A3
    pub(super) fn transfer_ownership(&mut self, actor: Actor, app: usize, new_owner: usize) -> Answer {
        let owner = self.require(actor, "app.owner.update", On::App(app))?;
        if new_owner == owner {
            return Err(No::invalid());
        }
        let app = &mut self.apps[app];
        let space = app.current_space().map(|space| &self.spaces[space]);
        // R-M7: from outside the space nobody learns this way who is in it.
        let members = space.map(|space| &space.members);
        let both = members.is_some_and(|them| them.contains_key(&owner) && them.contains_key(&new_owner));
        let eligible = both || app.roles.contains_key(&new_owner);
        No::if_any([(!eligible, "NEW_OWNER_INELIGIBLE")])?;
        app.roles.extend([(owner, ContributorRole::Admin), (new_owner, ContributorRole::Owner)]);
        Ok(Told::default())
    }

    /// R-A10
    pub(super) fn delete_app(&mut self, actor: Actor, app: usize) -> Answer {
        self.require(actor, "app.delete", On::App(app))?;
        let app = &mut self.apps[app];
        No::if_any([(app.deleted, "APP_DELETED"), (app.is_listed(), "APP_LISTED")])?;
        app.deleted = true;
        app.of_group = None;
        Ok(Told::default())
    }

    /// R-A10, R-S7
    pub(super) fn undelete_app(&mut self, actor: Actor, app: usize) -> Answer {
        self.require(actor, "app.delete", On::App(app))?;
        let app = &mut self.apps[app];
        let archived = app.space.is_some_and(|space| self.spaces[space].archived);
        No::if_any([(!app.deleted, "APP_NOT_DELETED"), (archived, "SPACE_ARCHIVED")])?;
        app.deleted = false;
        Ok(Told::default())
    }
}
