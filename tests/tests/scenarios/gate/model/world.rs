//! The world as the rules have it, in plain data: who is what in which space, and on which app.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_proto::{membership::v1::ConsoleRole, space::v1::ContributorRole};
use tonic::Code;

use super::op::{Hours, PEOPLE, SPACES};
use crate::gate::oracle::{self, Place, Row, Standing};

/// A person's console role in a space (R-M1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) role: ConsoleRole,
    pub(super) view_all_apps: bool,
    /// The step at which the person came to the role.
    pub(super) since: usize,
    /// The hour at which the role ends (R-M10).
    pub(super) end: Option<usize>,
    /// Whether it was given in an emergency (R-M14).
    pub(super) emergency: bool,
}

impl Member {
    /// R-A4
    pub(super) fn views_all_apps(&self) -> bool {
        self.role != ConsoleRole::Developer || self.view_all_apps
    }

    pub(super) fn is_admin(&self) -> bool {
        self.role == ConsoleRole::Admin
    }
}

/// A contributor role, and the hour at which it ends (R-M10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) role: ContributorRole,
    pub(super) end: Option<usize>,
}

impl Given {
    pub(super) fn lasting(role: ContributorRole) -> Self {
        Self { role, end: None }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, Default)]
pub(super) struct Space {
    pub(super) archived: bool,
    /// R-A12
    pub(super) suspended: bool,
    /// R-S9
    pub(super) admins_create: bool,
    pub(super) members: BTreeMap<usize, Member>,
    /// R-B1
    pub(super) has_account: bool,
    pub(super) billing_admins: BTreeSet<usize>,
    /// R-K1
    pub(super) published: bool,
    pub(super) marketplace_admins: BTreeSet<usize>,
    /// R-M11: who is in its group. The space of the vendor profile has none.
    pub(super) group: Option<BTreeSet<usize>>,
}

#[derive(Clone, Debug)]
pub(super) struct App {
    /// The space that it is linked to, also while it is deleted.
    pub(super) space: Option<usize>,
    /// The hour at which it was deleted.
    pub(super) deleted: Option<usize>,
    /// R-A10: deleted so long ago that nobody has it back.
    pub(super) purged: bool,
    /// R-A12: itself.
    pub(super) suspended: bool,
    pub(super) roles: BTreeMap<usize, Given>,
    /// The space for which it was last submitted to the Marketplace, and whether it is there still (R-K6).
    pub(super) listing: Option<(usize, bool)>,
    /// The role that the group of its space has on it.
    pub(super) of_group: Option<Given>,
}

impl App {
    pub(super) fn is_deleted(&self) -> bool {
        self.deleted.is_some()
    }

    /// R-K6
    pub(super) fn is_listed(&self) -> bool {
        self.listing.is_some_and(|(_, listed)| listed)
    }

    /// The space that it is in.
    pub(super) fn current_space(&self) -> Option<usize> {
        self.space.filter(|_| !self.is_deleted())
    }
}

/// R-A11
#[derive(Clone, Debug)]
pub(super) struct AppGroup {
    pub(super) space: usize,
    pub(super) deleted: bool,
    pub(super) apps: BTreeSet<usize>,
    pub(super) roles: BTreeMap<usize, Given>,
    /// That of the group of its space.
    pub(super) of_group: Option<Given>,
}

/// What has become of an invitation or a transfer, apart from its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Accepted,
    Declined,
    /// Cancelled, if it is a transfer.
    Revoked,
    Void,
    Expired,
}

/// R-M9
#[derive(Clone, Debug)]
pub(super) struct Invitation {
    pub(super) space: usize,
    pub(super) inviter: usize,
    pub(super) person: usize,
    pub(super) role: ConsoleRole,
    pub(super) view_all_apps: bool,
    /// The hour at which the role ends that it offers.
    pub(super) end: Option<usize>,
    pub(super) expires: usize,
    pub(super) state: State,
    /// The hour at which it was accepted, or whatever else.
    pub(super) ended: Option<usize>,
}

/// R-A7
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) app: usize,
    pub(super) source: usize,
    pub(super) destination: usize,
    pub(super) initiator: usize,
    pub(super) expires: usize,
    pub(super) state: State,
}

/// R-M12
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Activity {
    #[default]
    Active,
    /// Since an hour.
    Deactivated(usize),
    /// What the person held is removed.
    Removed,
}

#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) spaces: [Space; SPACES],
    pub(super) people: [Activity; PEOPLE],
    /// In the order of their creation, as all that follows.
    pub(super) apps: Vec<App>,
    pub(super) app_groups: Vec<AppGroup>,
    pub(super) invitations: Vec<Invitation>,
    pub(super) transfers: Vec<Transfer>,
    /// How many calls were made.
    pub(super) now: usize,
    /// How many hours have passed.
    pub(super) hour: usize,
    /// R-A8: whether the invoices of the month before are drafts.
    pub(super) in_draft: bool,
    /// Whether the suite is the walk's own: see [`Op::needs_own_suite`](super::op::Op::needs_own_suite).
    pub(super) own_suite: bool,
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
    /// The service that the operator has deactivate people.
    Offboarding,
    /// The operator's person.
    Operator,
}

/// What a contributor role is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    App(usize),
    AppGroup(usize),
}

/// What is told of someone who goes: apps are numbers, and so are people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The role on each app and app group, and who owns the app now.
    pub(super) removed: BTreeMap<Target, (ContributorRole, Option<usize>)>,
    pub(super) remaining: BTreeMap<Target, ContributorRole>,
    /// The other planes on which roles are left (R-M5).
    pub(super) planes: BTreeSet<&'static str>,
    /// The invitations that become void.
    pub(super) void: BTreeSet<usize>,
    /// Whether the person was in the group.
    pub(super) left_group: bool,
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

    /// Whether a service did not answer in time, and nothing was changed.
    pub(super) fn is_passing(&self) -> bool {
        let Self(code, reasons) = self;
        *code == Code::Unavailable && !reasons.contains("EFFECT_PENDING")
    }

    /// R-M12: what takes no permission.
    pub(super) fn deactivated() -> Self {
        Self::because(Code::PermissionDenied, "PERSON_DEACTIVATED")
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
    pub(super) fn new(own_suite: bool) -> Self {
        let mut world = Self { own_suite, ..Self::default() };
        let [created @ .., vendors] = &mut world.spaces;
        for (creator, space) in created.iter_mut().enumerate() {
            let role = ConsoleRole::Admin;
            let admin = Member { role, view_all_apps: false, since: 0, end: None, emergency: false };
            space.members.insert(creator, admin);
            space.group = Some(BTreeSet::new());
        }
        vendors.published = true;
        vendors.marketplace_admins.insert(created.len());
        world
    }

    /// R-M12
    pub(super) fn is_active(&self, person: usize) -> bool {
        self.people[person] == Activity::Active
    }

    /// The hour at which a role ends that is given now.
    pub(super) fn end(&self, hours: Hours) -> Option<usize> {
        hours.map(|hours| self.hour + hours)
    }

    /// R-M4, R-M3, R-M12, R-M14: those Admins of a space who are sure to stay.
    pub(super) fn lasting_admins(&self, space: usize) -> impl Iterator<Item = usize> {
        let members = self.spaces[space].members.iter();
        let lasting = members.filter(|(_, member)| member.is_admin() && member.end.is_none());
        lasting.map(|(person, _)| *person).filter(|person| self.is_active(*person))
    }

    /// What a person is to a space or an app, or would be if active.
    pub(super) fn standing(&self, person: usize, on: On) -> Standing {
        match on {
            On::Space(space) => {
                let mut apps = self.apps.iter().enumerate();
                let contributes = apps.any(|(number, app)| {
                    app.current_space() == Some(space) && self.role(person, number).is_some()
                });
                Standing { contributes, ..self.in_space(person, space) }
            }
            On::App(number) => {
                let app = &self.apps[number];
                let place = match app.space {
                    _ if app.is_deleted() => Place::Deleted,
                    Some(_) => Place::Space,
                    None => Place::Nowhere,
                };
                let in_space = app.current_space().map(|space| self.in_space(person, space));
                let suspended = self.is_suspended(number);
                Standing { app: self.role(person, number), place, suspended, ..in_space.unwrap_or_default() }
            }
        }
    }

    /// R-A12: by itself or with its space, also the one that it was in until it was deleted.
    pub(super) fn is_suspended(&self, app: usize) -> bool {
        let app = &self.apps[app];
        app.suspended || app.space.is_some_and(|space| self.spaces[space].suspended)
    }

    fn in_space(&self, person: usize, number: usize) -> Standing {
        let space = &self.spaces[number];
        let member = space.members.get(&person);
        Standing {
            console: member.map(|member| member.role),
            view_all_apps: member.is_some_and(|member| member.view_all_apps),
            billing_admin: space.billing_admins.contains(&person),
            marketplace_admin: space.marketplace_admins.contains(&person),
            published: space.published,
            without_admin: self.lasting_admins(number).next().is_none(),
            admins_create: space.admins_create,
            ..Standing::default()
        }
    }

    /// R-M12: whoever is not active has no permission.
    pub(super) fn may(&self, person: usize, row: &Row, on: On) -> bool {
        self.is_active(person) && row.allows(&self.standing(person, on))
    }

    /// Goes on if someone has a permission, who can't be a service: those have none of these.
    pub(super) fn require(&self, actor: Actor, permission: &str, on: On) -> Result<usize, No> {
        match actor {
            Actor::Person(person) if self.may(person, oracle::row(permission), on) => Ok(person),
            _ => Err(No::denied()),
        }
    }

    /// Goes on with the person who calls what takes no permission.
    pub(super) fn require_person(&self, actor: Actor) -> Result<usize, No> {
        match actor {
            Actor::Person(person) if self.is_active(person) => Ok(person),
            Actor::Person(_) => Err(No::deactivated()),
            _ => Err(No::denied()),
        }
    }
}
