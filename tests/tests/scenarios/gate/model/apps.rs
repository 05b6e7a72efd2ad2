//! What the rules say of changes of apps and of who contributes to them.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_proto::space::v1::ContributorRole;
use tonic::Code;

use super::{
    op::{End, Hours},
    world::{Actor, Answer, App, Given, Member, No, On, Told, World},
};
use crate::gate::oracle;

impl World {
    fn new_app(&mut self, owner: usize, space: Option<usize>) -> Told {
        let roles = BTreeMap::from([(owner, Given::lasting(ContributorRole::Owner))]);
        let (deleted, purged, suspended) = (None, false, false);
        self.apps.push(App { space, deleted, purged, suspended, roles, listing: None, of_group: None });
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
            _ => Err(No::denied()),
        }
    }

    /// R-A2, R-S5, R-S9
    pub(super) fn link_app(&mut self, actor: Actor, app: usize, space: usize) -> Answer {
        let person = match actor {
            Actor::Person(person) if self.is_active(person) => person,
            _ => return Err(No::denied()),
        };
        let console = self.spaces[space].members.get(&person).map(|member| member.role);
        let role = self.apps[app].roles.get(&person).map(|given| given.role);
        if !oracle::may_link(console, role, self.spaces[space].admins_create) {
            return Err(No::denied());
        }
        let app = &mut self.apps[app];
        No::if_any([
            (self.spaces[space].archived, "SPACE_ARCHIVED"),
            (app.is_deleted(), "APP_DELETED"),
            (app.current_space().is_some(), "APP_LINKED"),
        ])?;
        app.space = Some(space);
        Ok(Told::default())
    }

    /// R-A3, R-M10
    pub(super) fn add_contributors(
        &mut self,
        actor: Actor,
        app: usize,
        people: &[(usize, ContributorRole, Hours)],
    ) -> Answer {
        self.require(actor, "app.contributors.update", On::App(app))?;
        let different: BTreeSet<_> = people.iter().map(|(person, ..)| *person).collect();
        if different.len() < people.len() || people.iter().any(|(_, role, _)| *role == ContributorRole::Owner)
        {
            return Err(No::invalid());
        }
        let given = people.iter().map(|&(person, role, end)| (person, Given { role, end: self.end(end) }));
        let given: Vec<_> = given.collect();
        let roles = &mut self.apps[app].roles;
        if different.iter().any(|person| roles.contains_key(person)) {
            return Err(No::because(Code::AlreadyExists, "CONTRIBUTOR_EXISTS"));
        }
        roles.extend(given);
        Ok(Told::default())
    }

    /// R-A3, R-A4, R-M10
    pub(super) fn update_contributor(
        &mut self,
        actor: Actor,
        (app, person): (usize, usize),
        role: Option<ContributorRole>,
        end: End,
    ) -> Answer {
        self.require(actor, "app.contributors.update", On::App(app))?;
        if role == Some(ContributorRole::Owner) {
            return Err(No::invalid());
        }
        let before = self.apps[app].roles.get(&person).copied();
        // Who asks for what is so already is refused nothing.
        if role.is_none() && before.is_some_and(|it| it.end.is_none()) && matches!(end, End::To(None)) {
            return Ok(Told::default());
        }
        let before = self.own_role(app, person)?;
        let end = match end {
            End::Kept => before.end,
            End::To(hours) => self.end(hours),
        };
        self.apps[app].roles.insert(person, Given { role: role.unwrap_or(before.role), end });
        Ok(Told::default())
    }

    /// R-A3, R-A4. Contributors may always go by themselves.
    pub(super) fn remove_contributor(&mut self, actor: Actor, app: usize, person: usize) -> Answer {
        if matches!(actor, Actor::Person(_)) {
            self.require_person(actor)?;
        }
        if actor != Actor::Person(person) || !self.apps[app].roles.contains_key(&person) {
            self.require(actor, "app.contributors.update", On::App(app))?;
        }
        self.own_role(app, person)?;
        self.apps[app].roles.remove(&person);
        Ok(Told::default())
    }

    /// Goes on with the role on the app that the person has in their own right, if it is not that of OWNER.
    fn own_role(&self, number: usize, person: usize) -> Result<Given, No> {
        let app = &self.apps[number];
        if let Some(given) = app.roles.get(&person) {
            No::if_any([(given.role == ContributorRole::Owner, "APP_OWNER")])?;
            return Ok(*given);
        }
        No::if_any([(self.role_by_groups(person, number).is_some(), "DERIVED_ROLE")])?;
        let space = app.current_space().map(|space| &self.spaces[space]);
        let member = space.and_then(|space| space.members.get(&person));
        No::if_any([(member.is_some_and(Member::views_all_apps), "DERIVED_ROLE")])?;
        Err(No::not_found())
    }

    /// R-A3, R-M12
    pub(super) fn transfer_ownership(&mut self, actor: Actor, app: usize, new_owner: usize) -> Answer {
        let owner = self.require(actor, "app.owner.update", On::App(app))?;
        if new_owner == owner {
            return Err(No::invalid());
        }
        let is_active = self.is_active(new_owner);
        let app = &mut self.apps[app];
        let space = app.current_space().map(|space| &self.spaces[space]);
        // R-M7: from outside the space nobody learns this way who is in it.
        let members = space.map(|space| &space.members);
        let both = members.is_some_and(|them| them.contains_key(&owner) && them.contains_key(&new_owner));
        let eligible = both || app.roles.contains_key(&new_owner);
        No::if_any([(!eligible || !is_active, "NEW_OWNER_INELIGIBLE")])?;
        let roles = [(owner, ContributorRole::Admin), (new_owner, ContributorRole::Owner)];
        app.roles.extend(roles.map(|(person, role)| (person, Given::lasting(role))));
        Ok(Told::default())
    }

    /// R-A10, R-A7
    pub(super) fn delete_app(&mut self, actor: Actor, number: usize) -> Answer {
        self.require(actor, "app.delete", On::App(number))?;
        let app = &mut self.apps[number];
        No::if_any([(app.is_deleted(), "APP_DELETED"), (app.is_listed(), "APP_LISTED")])?;
        app.deleted = Some(self.hour);
        self.leave_groups(number);
        self.cancel_transfers_of(number);
        Ok(Told::default())
    }

    /// R-M11, R-A11: what groups have on an app ends for good.
    pub(super) fn leave_groups(&mut self, number: usize) {
        self.apps[number].of_group = None;
        for app_group in &mut self.app_groups {
            app_group.apps.remove(&number);
        }
    }

    /// R-A12, R-P8
    pub(super) fn suspend_app(&mut self, actor: Actor, app: usize, suspended: bool) -> Answer {
        if actor != Actor::Operator {
            return Err(No::denied());
        }
        let app = &mut self.apps[app];
        if app.purged {
            return Err(No::not_found());
        }
        No::if_any([(!suspended && !app.suspended, "NOT_SUSPENDED")])?;
        app.suspended = suspended;
        Ok(Told::default())
    }

    /// R-A12, R-P8
    pub(super) fn suspend_space(&mut self, actor: Actor, space: usize, suspended: bool) -> Answer {
        if actor != Actor::Operator {
            return Err(No::denied());
        }
        let space = &mut self.spaces[space];
        No::if_any([(!suspended && !space.suspended, "NOT_SUSPENDED")])?;
        space.suspended = suspended;
        Ok(Told::default())
    }

    /// R-A10, R-S7
    pub(super) fn undelete_app(&mut self, actor: Actor, app: usize) -> Answer {
        self.require(actor, "app.delete", On::App(app))?;
        let app = &mut self.apps[app];
        let archived = app.space.is_some_and(|space| self.spaces[space].archived);
        No::if_any([(!app.is_deleted(), "APP_NOT_DELETED"), (archived, "SPACE_ARCHIVED")])?;
        app.deleted = None;
        Ok(Told::default())
    }
}
