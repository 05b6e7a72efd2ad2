//! The people, spaces and apps that the numbers of a walk stand for, and the calls that they make.
use std::collections::{BTreeMap, BTreeSet};

use devspaces::Service;
use devspaces_kit::clock::Clock as _;
use devspaces_ledger::db::Pool;
use devspaces_proto::space::v1::{
    AddContributorsRequest, App, ArchiveSpaceRequest, Contributor, CreateAppRequest, DeleteAppRequest,
    ImportAppRequest, LinkAppRequest, RemoveContributorRequest, RestoreSpaceRequest, Space,
    TransferOwnershipRequest, UndeleteAppRequest, UpdateContributorRequest, UpdateSpaceRequest,
    space::AppCreation,
};
use devspaces_tests::{Persona, Refusal, Suite};
use prost_types::Timestamp;
use tonic::{Code, Response, Status};

use super::{
    op::{End, Hours, Op, PEOPLE, SPACES},
    world::{Actor, No, Told},
};
use crate::acts::{
    accounts::invoicing_terms, groups::creates_group, marketplace::creates_profile, mask, people::offboarding,
};

/// How often something is asked again that a service of a busy machine could not answer in time.
pub(super) const TRIES: usize = 20;

pub(super) struct Stage<'a> {
    pub(super) suite: &'a Suite,
    /// What the ids of its people begin with.
    pub(super) mark: String,
    /// Where console roles are kept, if that can be looked into.
    pub(super) membership: Option<Pool>,
    /// In the order of their names.
    pub(super) people: [Persona; PEOPLE],
    importer: Persona,
    pub(super) offboarding: Persona,
    operator: Persona,
    /// The terms of invoicing, which whoever is deactivated is not told.
    pub(super) terms: String,
    pub(super) spaces: Vec<String>,
    /// In the order of their creation.
    pub(super) apps: Vec<String>,
    /// Of each space; that of none until it is published.
    pub(super) profiles: Vec<String>,
    /// The last of each app; that of none until it is submitted.
    pub(super) listings: BTreeMap<usize, String>,
    /// That of each space; of the vendor profile's, one that there is not.
    pub(super) groups: Vec<String>,
    /// In the order of their creation, as all that follows.
    pub(super) app_groups: Vec<String>,
    /// With their tokens.
    pub(super) invitations: Vec<(String, String)>,
    pub(super) transfers: Vec<String>,
}

/// The fields that an update changes.
pub(super) fn changed<const N: usize>(paths: [(&'static str, bool); N]) -> Vec<&'static str> {
    paths.into_iter().filter(|(_, changed)| *changed).map(|(path, _)| path).collect()
}

/// What is not there.
pub(super) const NOTHING: &str = "0190a8d0-7b1c-7def-8000-000000000001";

/// A refusal, in what the rules say of it.
impl From<&Status> for No {
    fn from(status: &Status) -> Self {
        let refusal = Refusal::from(status);
        let reasons = match refusal.code {
            Code::FailedPrecondition => refusal.blockers.into_iter().collect(),
            _ => BTreeSet::from([refusal.reason]),
        };
        Self(refusal.code, reasons)
    }
}

impl<'a> Stage<'a> {
    /// People whom nobody knows yet, of whom some create a space each, and one a vendor profile.
    pub(super) async fn set(suite: &'a Suite, case: usize) -> Self {
        let mark = format!("case{case}-");
        let people = std::array::from_fn(|person| suite.user(&format!("{mark}p{person}")));
        let importer = suite.persona("services/importer");
        let mut stage = Self {
            suite,
            mark,
            membership: suite.inside(Service::Membership).await,
            people,
            terms: invoicing_terms(&importer).await,
            importer,
            offboarding: offboarding(suite),
            operator: suite.user("operator"),
            spaces: Vec::new(),
            apps: Vec::new(),
            profiles: vec![format!("vendorProfiles/{NOTHING}"); SPACES],
            listings: BTreeMap::new(),
            groups: Vec::new(),
            app_groups: Vec::new(),
            invitations: Vec::new(),
            transfers: Vec::new(),
        };
        for creator in 0..SPACES - 1 {
            let space = stage.people[creator].creates_space("Team").await;
            let group = creates_group(&stage.people[creator], &space, "Team").await.expect("a group");
            stage.spaces.push(space);
            stage.groups.push(group.name);
        }
        let profile = creates_profile(&stage.people[SPACES - 1], "Vendor").await.expect("a profile");
        stage.groups.push(format!("{}/groups/{NOTHING}", profile.space));
        stage.spaces.push(profile.space);
        stage.profiles[SPACES - 1] = profile.name;
        stage
    }
}

impl Stage<'_> {
    /// By the suite's clock.
    pub(super) fn day_of_month(&self) -> u8 {
        self.suite.clock.now().day_of_month()
    }

    /// The moment that is so many hours from now.
    pub(super) fn end(&self, hours: Hours) -> Option<Timestamp> {
        let hours = i64::try_from(hours?).expect("few");
        Some(self.suite.clock_in(hours * 3600))
    }

    pub(super) fn user(&self, person: usize) -> String {
        self.people[person].name.clone()
    }

    pub(super) fn changed_end(&self, end: End) -> Option<Timestamp> {
        match end {
            End::Kept => None,
            End::To(hours) => self.end(hours),
        }
    }

    /// The number of the person of this name.
    pub(super) fn person(&self, name: &str) -> Result<usize, String> {
        let found = self.people.iter().position(|person| person.name == name);
        found.ok_or_else(|| format!("{name} is nobody here"))
    }

    /// The number of the space of this name.
    pub(super) fn space(&self, name: &str) -> Result<usize, String> {
        self.spaces.iter().position(|space| space == name).ok_or_else(|| format!("{name} is no space here"))
    }

    /// The number of the app of this name.
    pub(super) fn app(&self, name: &str) -> Result<usize, String> {
        self.apps.iter().position(|app| app == name).ok_or_else(|| format!("{name} is no app here"))
    }

    /// The number of the invitation of this name.
    pub(super) fn invitation(&self, name: &str) -> Result<usize, String> {
        let found = self.invitations.iter().position(|(invitation, _)| invitation == name);
        found.ok_or_else(|| format!("{name} is no invitation here"))
    }

    /// Makes a call, or has it checked only, again as long as another service does not answer in time. What it answers is told in
    /// numbers; an answer that can't be is an error.
    pub(super) async fn call(
        &mut self,
        actor: Actor,
        op: &Op,
        validate_only: bool,
    ) -> Result<Result<Told, No>, String> {
        for _ in 0..TRIES {
            match self.call_once(actor, op, validate_only).await? {
                Err(no) if no.is_passing() => {}
                answer => return Ok(answer),
            }
        }
        self.call_once(actor, op, validate_only).await
    }

    async fn call_once(
        &mut self,
        actor: Actor,
        op: &Op,
        validate_only: bool,
    ) -> Result<Result<Told, No>, String> {
        let who = match actor {
            Actor::Person(person) => self.people[person].clone(),
            Actor::Importer => self.importer.clone(),
            Actor::Offboarding => self.offboarding.clone(),
            Actor::Operator => self.operator.clone(),
        };
        let answer = match op {
            Op::CreateApp { .. } | Op::ImportApp { .. } => self.new_app(&who, op).await,
            Op::RemoveMember { .. } | Op::LeaveSpace { .. } => match self.goes(&who, op, validate_only).await
            {
                Ok(reply) => return self.told(reply).map(Ok),
                Err(status) => Err(status),
            },
            Op::AddMembers { .. } | Op::UpdateMember { .. } => self.changes_members(&who, op).await,
            Op::ConsentToInvoicing { .. } | Op::AddBillingAdmin { .. } | Op::RemoveBillingAdmin { .. } => {
                self.changes_billing(&who, op, validate_only).await
            }
            Op::AcceptTerms { .. } | Op::AddMarketplaceAdmin { .. } | Op::RemoveMarketplaceAdmin { .. } => {
                self.changes_profile(&who, op, validate_only).await
            }
            Op::SubmitListing { .. } | Op::WithdrawListing { .. } => {
                self.changes_listing(&who, op, validate_only).await
            }
            Op::ArchiveSpace { .. } | Op::RestoreSpace { .. } | Op::UpdateSpace { .. } => {
                self.changes_space(&who, op, validate_only).await
            }
            Op::AddContributors { .. } | Op::UpdateContributor { .. } | Op::RemoveContributor { .. } => {
                self.changes_contributors(&who, op, validate_only).await
            }
            Op::AddToGroup { .. }
            | Op::RemoveFromGroup { .. }
            | Op::GrantAppRole { .. }
            | Op::RevokeAppRole { .. } => self.changes_group(&who, op, validate_only).await,
            _ => self.call_more(&who, op, validate_only).await,
        };
        Ok(answer.map(|()| Told::default()).map_err(|status| No::from(&status)))
    }

    async fn call_more(&mut self, who: &Persona, op: &Op, validate_only: bool) -> Result<(), Status> {
        match op {
            Op::CreateAppGroup { .. }
            | Op::DeleteAppGroup { .. }
            | Op::AddApp { .. }
            | Op::RemoveApp { .. }
            | Op::GrantAppGroupRole { .. }
            | Op::RevokeAppGroupRole { .. } => self.changes_app_group(who, op, validate_only).await,
            Op::InitiateTransfer { .. }
            | Op::AcceptTransfer { .. }
            | Op::DeclineTransfer { .. }
            | Op::CancelTransfer { .. } => self.transfers_app(who, op, validate_only).await,
            Op::CreateInvitation { .. }
            | Op::AcceptInvitation { .. }
            | Op::DeclineInvitation { .. }
            | Op::RevokeInvitation { .. } => self.changes_invitation(who, op).await,
            Op::PassTime { .. }
            | Op::DeactivateUser { .. }
            | Op::ReactivateUser { .. }
            | Op::GrantEmergencyAdmin { .. } => self.changes_standing(who, op).await,
            Op::SuspendApp { .. }
            | Op::LiftOfApp { .. }
            | Op::SuspendSpace { .. }
            | Op::LiftOfSpace { .. } => self.suspends(who, op).await,
            _ => self.changes_app(who, op, validate_only).await,
        }
    }

    async fn new_app(&mut self, who: &Persona, op: &Op) -> Result<(), Status> {
        let mut app = App { display_name: "App".to_owned(), ..App::default() };
        let request_id = String::new();
        let created = if let Op::ImportApp { owner } = *op {
            let request = ImportAppRequest { app: Some(app), owner: self.user(owner), request_id };
            who.apps().import_app(request).await?
        } else if let Op::CreateApp { space } = *op {
            app.space.clone_from(&self.spaces[space]);
            who.apps().create_app(CreateAppRequest { app: Some(app), request_id }).await?
        } else {
            unreachable!("{op:?} makes no app")
        };
        self.apps.push(created.into_inner().name);
        Ok(())
    }

    async fn changes_space(&self, who: &Persona, op: &Op, validate_only: bool) -> Result<(), Status> {
        match *op {
            Op::ArchiveSpace { space } => {
                let name = self.spaces[space].clone();
                let request = ArchiveSpaceRequest { name, validate_only, ..ArchiveSpaceRequest::default() };
                who.spaces().archive_space(request).await.map(drop)
            }
            Op::RestoreSpace { space } => {
                let name = self.spaces[space].clone();
                let request = RestoreSpaceRequest { name, ..RestoreSpaceRequest::default() };
                who.spaces().restore_space(request).await.map(drop)
            }
            Op::UpdateSpace { space, metadata, admins_create } => {
                let setting = |admins| if admins { AppCreation::Admins } else { AppCreation::Members };
                let space = Space {
                    name: self.spaces[space].clone(),
                    description: if metadata { "Changed".to_owned() } else { String::new() },
                    app_creation: admins_create.map_or(AppCreation::Unspecified, setting).into(),
                    ..Space::default()
                };
                let request = UpdateSpaceRequest { space: Some(space), ..UpdateSpaceRequest::default() };
                who.spaces().update_space(request).await.map(drop)
            }
            _ => unreachable!("{op:?} changes no space"),
        }
    }

    async fn changes_contributors(&self, who: &Persona, op: &Op, validate_only: bool) -> Result<(), Status> {
        let name = |app: usize, person: usize| self.people[person].contributor_to(&self.apps[app]);
        match op {
            Op::AddContributors { app, people } => {
                let added = people.iter().map(|&(person, role, end)| Contributor {
                    user: self.user(person),
                    role: role.into(),
                    expire_time: self.end(end),
                    ..Contributor::default()
                });
                let request = AddContributorsRequest {
                    parent: self.apps[*app].clone(),
                    contributors: added.collect(),
                    request_id: String::new(),
                };
                who.apps().add_contributors(request).await.map(drop)
            }
            Op::UpdateContributor { app, person, role, end } => {
                let paths = [("role", role.is_some()), ("expire_time", matches!(end, End::To(_)))];
                let contributor = Contributor {
                    name: name(*app, *person),
                    role: role.unwrap_or_default().into(),
                    expire_time: self.changed_end(*end),
                    ..Contributor::default()
                };
                let (contributor, update_mask) = (Some(contributor), mask(&changed(paths)));
                let request = UpdateContributorRequest { contributor, update_mask, ..Default::default() };
                who.apps().update_contributor(request).await.map(drop)
            }
            Op::RemoveContributor { app, person } => {
                let name = name(*app, *person);
                let request =
                    RemoveContributorRequest { name, validate_only, ..RemoveContributorRequest::default() };
                who.apps().remove_contributor(request).await.map(drop)
            }
            _ => unreachable!("{op:?} changes no contributors"),
        }
    }

    async fn changes_app(&self, who: &Persona, op: &Op, validate_only: bool) -> Result<(), Status> {
        let name = |app: usize| self.apps[app].clone();
        let mut apps = who.apps();
        let answer: Result<Response<App>, Status> = match *op {
            Op::LinkApp { app, space } => {
                let (name, space) = (name(app), self.spaces[space].clone());
                let request = LinkAppRequest { name, space, validate_only, ..LinkAppRequest::default() };
                apps.link_app(request).await
            }
            Op::TransferOwnership { app, new_owner } => {
                let (name, new_owner) = (name(app), self.user(new_owner));
                let mut request = TransferOwnershipRequest { name, new_owner, ..Default::default() };
                request.validate_only = validate_only;
                apps.transfer_ownership(request).await
            }
            Op::DeleteApp { app } => {
                let request = DeleteAppRequest { name: name(app), validate_only, ..Default::default() };
                apps.delete_app(request).await
            }
            Op::UndeleteApp { app } => {
                let request = UndeleteAppRequest { name: name(app), ..Default::default() };
                apps.undelete_app(request).await
            }
            _ => unreachable!("{op:?} changes no app"),
        };
        answer.map(drop)
    }
}
