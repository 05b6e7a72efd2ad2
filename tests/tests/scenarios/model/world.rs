//! The world as the rules have it, in plain data: who is what in which space, and on which app.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_proto::{membership::v1::ConsoleRole, space::v1::ContributorRole};
use tonic::Code;

use super::op::{APPS, Op, PEOPLE, SPACES, Step, Who};
use crate::matrix::oracle::{self, Place, Row, Standing};

/// A person's console role in a space (R-M1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) role: ConsoleRole,
    pub(super) view_all_apps: bool,
    /// The step at which the person came to the role.
    pub(super) since: usize,
}

impl Member {
    /// R-A4
    pub(super) fn views_all_apps(&self) -> bool {
        self.role != ConsoleRole::Developer || self.view_all_apps
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Space {
    pub(super) archived: bool,
    pub(super) members: BTreeMap<usize, Member>,
}

#[derive(Clone, Debug)]
pub(super) struct App {
    /// The space that it is linked to, also while it is deleted.
    pub(super) space: Option<usize>,
    pub(super) deleted: bool,
    pub(super) roles: BTreeMap<usize, ContributorRole>,
}

impl App {
    /// The space that it is in.
    pub(super) fn current_space(&self) -> Option<usize> {
        self.space.filter(|_| !self.deleted)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) spaces: [Space; SPACES],
    /// In the order of their creation.
    pub(super) apps: Vec<App>,
    pub(super) now: usize,
}

/// What a permission is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Space(usize),
    App(usize),
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    Person(usize),
    /// The service that the operator has import apps.
    Importer,
}

/// What is told of someone who goes: apps are numbers, and so are people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The app, the role, and who owns the app now.
    pub(super) removed: Vec<(usize, ContributorRole, Option<usize>)>,
    pub(super) remaining: Vec<(usize, ContributorRole)>,
}

/// A refusal: its code, with its reason or all of its blockers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct No(pub(super) Code, pub(super) BTreeSet<String>);

/// What a call answers. Only removals tell anything.
pub(super) type Answer = Result<Told, No>;

impl No {
    pub(super) fn because(code: Code, reason: &str) -> Self {
        Self(code, BTreeSet::from([reason.to_owned()]))
    }

    pub(super) fn denied() -> Self {
        Self::because(Code::PermissionDenied, "PERMISSION_DENIED")
    }

    pub(super) fn invalid() -> Self {
        Self::because(Code::InvalidArgument, "INVALID_FIELD")
    }

    pub(super) fn not_found() -> Self {
        Self::because(Code::NotFound, "RESOURCE_NOT_FOUND")
    }

    /// R-A3, R-M4 and their like: refused if any of these is so, and for all of them that are.
    pub(super) fn if_any<const N: usize>(blockers: [(bool, &str); N]) -> Result<(), Self> {
        let reasons: BTreeSet<_> =
            blockers.into_iter().filter(|(so, _)| *so).map(|(_, reason)| reason.to_owned()).collect();
        if reasons.is_empty() { Ok(()) } else { Err(Self(Code::FailedPrecondition, reasons)) }
    }
}

impl World {
    /// Two spaces, each with the Admin who created it (R-S1).
    pub(super) fn new() -> Self {
        let mut world = Self::default();
        for (creator, space) in world.spaces.iter_mut().enumerate() {
            let admin = Member { role: ConsoleRole::Admin, view_all_apps: false, since: 0 };
            space.members.insert(creator, admin);
        }
        world
    }

    /// What a person is to a space or an app.
    pub(super) fn standing(&self, person: usize, on: On) -> Standing {
        let member = |space: usize| self.spaces[space].members.get(&person);
        let as_member = |member: Option<&Member>| Standing {
            console: member.map(|member| member.role),
            view_all_apps: member.is_some_and(|member| member.view_all_apps),
            ..Standing::default()
        };
        match on {
            On::Space(space) => {
                let mut apps = self.apps.iter().filter(|app| app.current_space() == Some(space));
                let contributes = apps.any(|app| app.roles.contains_key(&person));
                Standing { contributes, ..as_member(member(space)) }
            }
            On::App(app) => {
                let app = &self.apps[app];
                let place = match app.space {
                    _ if app.deleted => Place::Deleted,
                    Some(_) => Place::Space,
                    None => Place::Nowhere,
                };
                let role = app.roles.get(&person).copied();
                Standing { app: role, place, ..as_member(app.current_space().and_then(member)) }
            }
        }
    }

    pub(super) fn may(&self, person: usize, row: &Row, on: On) -> bool {
        row.allows(&self.standing(person, on))
    }

    /// Goes on if someone has a permission, who can't be a service: those have none but to import.
    pub(super) fn require(&self, actor: Actor, permission: &str, on: On) -> Result<usize, No> {
        match actor {
            Actor::Person(person) if self.may(person, oracle::row(permission), on) => Ok(person),
            _ => Err(No::denied()),
        }
    }

    /// What a step comes to, and who makes it: the app is one that there is. `None`: nothing, since there is none yet, or
    /// no room for another.
    pub(super) fn interpret(&self, step: &Step) -> Option<(Actor, Op)> {
        if matches!(step.op, Op::CreateApp { .. } | Op::ImportApp { .. }) && self.apps.len() == APPS {
            return None;
        }
        let variants = || step.op.variants(self.apps.len());
        let op = variants().next()?;
        let anyone = Actor::Person(step.actor);
        if step.who == Who::Anyone {
            return Some((anyone, op));
        }
        if step.who == Who::Able {
            let telling = |answer: &Answer| answer.as_ref().is_ok_and(|told| *told != Told::default());
            let able = |such: fn(&Answer) -> bool| {
                variants().find_map(|op| Some((self.someone(step.actor, &op, such)?, op)))
            };
            if let Some(call) = able(telling).or_else(|| able(Result::is_ok)) {
                return Some(call);
            }
        }
        let permitted = self.someone(step.actor, &op, |answer| *answer != Err(No::denied()));
        Some((permitted.unwrap_or(anyone), op))
    }

    /// The so-manieth of those to whom a call would give such an answer.
    fn someone(&self, number: usize, op: &Op, such: impl Fn(&Answer) -> bool) -> Option<Actor> {
        let actors = (0..PEOPLE).map(Actor::Person).chain([Actor::Importer]);
        let answered: Vec<_> = actors.filter(|actor| such(&self.clone().answer(*actor, op))).collect();
        Some(answered[number.checked_rem(answered.len())?])
    }

    /// What a call answers. It changes the world if it is not refused.
    pub(super) fn answer(&mut self, actor: Actor, op: &Op) -> Answer {
        self.now += 1;
        match *op {
            Op::AddMembers { space, ref people } => self.add_members(actor, space, people),
            Op::UpdateMember { space, person, role, view_all_apps } => {
                self.update_member(actor, space, person, role, view_all_apps)
            }
            Op::RemoveMember { space, person, new_owner, keep_app_roles } => {
                self.remove_member(actor, space, person, new_owner, keep_app_roles)
            }
            Op::LeaveSpace { space } => self.leave_space(actor, space),
            Op::ArchiveSpace { space } => self.archive_space(actor, space),
            Op::RestoreSpace { space } => self.restore_space(actor, space),
            Op::CreateApp { space } => self.create_app(actor, space),
            Op::ImportApp { owner } => self.import_app(actor, owner),
            Op::LinkApp { app, space } => self.link_app(actor, app, space),
            Op::AddContributors { app, ref people } => self.add_contributors(actor, app, people),
            Op::UpdateContributor { app, person, role } => self.update_contributor(actor, app, person, role),
            Op::RemoveContributor { app, person } => self.remove_contributor(actor, app, person),
            Op::TransferOwnership { app, new_owner } => self.transfer_ownership(actor, app, new_owner),
            Op::DeleteApp { app } => self.delete_app(actor, app),
            Op::UndeleteApp { app } => self.undelete_app(actor, app),
        }
    }
}
