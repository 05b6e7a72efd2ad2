//! The world as the rules have it, in plain data: who is what in which space, and on which app.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_proto::{membership::v1::ConsoleRole, space::v1::ContributorRole};
use tonic::Code;

use super::op::{APPS, Op, PEOPLE, SPACES, Step, Who};
use crate::gate::oracle::{self, Place, Row, Standing};

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
    /// R-S9
    pub(super) admins_create: bool,
    pub(super) members: BTreeMap<usize, Member>,
    /// R-B1: nobody, until there is an account.
    pub(super) billing_admins: BTreeSet<usize>,
    /// R-K1: nobody, until it is published.
    pub(super) marketplace_admins: BTreeSet<usize>,
    /// R-M11: who is in its group. The space of the vendor profile has none.
    pub(super) group: Option<BTreeSet<usize>>,
}

impl Space {
    pub(super) fn has_account(&self) -> bool {
        !self.billing_admins.is_empty()
    }

    pub(super) fn is_published(&self) -> bool {
        !self.marketplace_admins.is_empty()
    }

    pub(super) fn has_admin(&self) -> bool {
        self.members.values().any(|member| member.role == ConsoleRole::Admin)
    }
}

#[derive(Clone, Debug)]
pub(super) struct App {
    /// The space that it is linked to, also while it is deleted.
    pub(super) space: Option<usize>,
    pub(super) deleted: bool,
    pub(super) roles: BTreeMap<usize, ContributorRole>,
    /// The space for which it was last submitted to the Marketplace, and whether it is there still (R-K6).
    pub(super) listing: Option<(usize, bool)>,
    /// The role that the group of its space has on it.
    pub(super) of_group: Option<ContributorRole>,
}

impl App {
    /// R-K6
    pub(super) fn is_listed(&self) -> bool {
        self.listing.is_some_and(|(_, listed)| listed)
    }

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
    /// The other planes on which roles are left (R-M5).
    pub(super) planes: BTreeSet<&'static str>,
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
    /// Spaces with the Admins who created them (R-S1), and one with the Marketplace admin by whose vendor profile it came
    /// about (R-K2).
    pub(super) fn new() -> Self {
        let mut world = Self::default();
        let [created @ .., vendors] = &mut world.spaces;
        for (creator, space) in created.iter_mut().enumerate() {
            let admin = Member { role: ConsoleRole::Admin, view_all_apps: false, since: 0 };
            space.members.insert(creator, admin);
            space.group = Some(BTreeSet::new());
        }
        vendors.marketplace_admins.insert(created.len());
        world
    }

    /// What a person is to a space or an app.
    pub(super) fn standing(&self, person: usize, on: On) -> Standing {
        let in_space = |space: usize| {
            let space = &self.spaces[space];
            let member = space.members.get(&person);
            Standing {
                console: member.map(|member| member.role),
                view_all_apps: member.is_some_and(|member| member.view_all_apps),
                billing_admin: space.billing_admins.contains(&person),
                marketplace_admin: space.marketplace_admins.contains(&person),
                published: space.is_published(),
                without_admin: !space.has_admin(),
                admins_create: space.admins_create,
                ..Standing::default()
            }
        };
        match on {
            On::Space(space) => {
                let mut apps = self.apps.iter().filter(|app| app.current_space() == Some(space));
                let contributes = apps.any(|app| self.role(person, app).is_some());
                Standing { contributes, ..in_space(space) }
            }
            On::App(app) => {
                let app = &self.apps[app];
                let place = match app.space {
                    _ if app.deleted => Place::Deleted,
                    Some(_) => Place::Space,
                    None => Place::Nowhere,
                };
                let role = self.role(person, app);
                Standing { app: role, place, ..app.current_space().map(in_space).unwrap_or_default() }
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
            Op::UpdateSpace { space, metadata, admins_create } => {
                self.update_space(actor, space, metadata, admins_create)
            }
            Op::ConsentToInvoicing { space } => self.consent(actor, space),
            Op::AddBillingAdmin { space, person } => self.add_billing_admin(actor, space, person),
            Op::RemoveBillingAdmin { space, person } => self.remove_billing_admin(actor, space, person),
            Op::AcceptTerms { space } => self.accept_terms(actor, space),
            Op::AddMarketplaceAdmin { space, person } => self.add_marketplace_admin(actor, space, person),
            Op::RemoveMarketplaceAdmin { space, person } => {
                self.remove_marketplace_admin(actor, space, person)
            }
            Op::SubmitListing { app, space } => self.submit_listing(actor, app, space),
            Op::WithdrawListing { app } => self.withdraw_listing(actor, app),
            Op::AddToGroup { space, person } => self.add_to_group(actor, space, person),
            Op::RemoveFromGroup { space, person } => self.remove_from_group(actor, space, person),
            Op::GrantAppRole { app, space, role } => self.grant_app_role(actor, app, space, role),
            Op::RevokeAppRole { app, space } => self.revoke_app_role(actor, app, space),
        }
    }
}
