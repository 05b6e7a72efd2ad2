//! The people, spaces and apps that the numbers of a walk stand for, and the calls that they make.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_proto::{
    membership::v1::{
        AddMembersRequest, LeaveSpaceRequest, Member, RemainingRole, RemoveGroupMemberRequest,
        RemoveMemberRequest, RemovedAppRole, UpdateMemberRequest,
    },
    space::v1::{
        AddContributorsRequest, App, ArchiveSpaceRequest, Contributor, ContributorRole, CreateAppRequest,
        DeleteAppRequest, ImportAppRequest, LinkAppRequest, RemoveContributorRequest, RestoreSpaceRequest,
        Space, TransferOwnershipRequest, UndeleteAppRequest, UpdateContributorRequest, UpdateSpaceRequest,
        space::AppCreation,
    },
};
use devspaces_tests::{Persona, Refusal, Suite};
use prost_types::FieldMask;
use tonic::{Code, Response, Status};

use super::{
    op::{Op, PEOPLE, SPACES},
    world::{Actor, No, Told},
};
use crate::acts::{
    groups::{adds_to_group, creates_group, grants_app_role, revokes_app_role},
    marketplace::creates_profile,
};

pub(super) struct Stage {
    /// In the order of their names.
    pub(super) people: [Persona; PEOPLE],
    importer: Persona,
    pub(super) spaces: Vec<String>,
    /// In the order of their creation.
    pub(super) apps: Vec<String>,
    /// Of each space; that of none until it is published.
    pub(super) profiles: Vec<String>,
    /// The last of each app; that of none until it is submitted.
    pub(super) listings: BTreeMap<usize, String>,
    /// That of each space; of the vendor profile's, one that there is not.
    groups: Vec<String>,
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

impl Stage {
    /// People whom nobody knows yet, of whom some create a space each, and one a vendor profile.
    pub(super) async fn set(suite: &Suite, case: usize) -> Self {
        let people = std::array::from_fn(|person| suite.user(&format!("case{case}-p{person}")));
        let importer = suite.persona("services/importer");
        let profiles = vec![format!("vendorProfiles/{NOTHING}"); SPACES];
        let (spaces, apps, listings, groups) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
        let mut stage = Self { people, importer, spaces, apps, profiles, listings, groups };
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

    pub(super) fn user(&self, person: usize) -> String {
        self.people[person].name.clone()
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

    /// Makes a call, or has it checked only. What it answers is told in numbers; an answer that can't be is an error.
    pub(super) async fn call(
        &mut self,
        actor: Actor,
        op: &Op,
        validate_only: bool,
    ) -> Result<Result<Told, No>, String> {
        let who = match actor {
            Actor::Person(person) => self.people[person].clone(),
            Actor::Importer => self.importer.clone(),
        };
        let answer = match op {
            Op::CreateApp { .. } | Op::ImportApp { .. } => self.new_app(&who, op).await,
            Op::RemoveMember { .. } | Op::LeaveSpace { .. } => match self.goes(&who, op, validate_only).await
            {
                Ok((removed, remaining, unknown)) => return self.told(removed, remaining, &unknown).map(Ok),
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
            _ => self.changes_app(&who, op, validate_only).await,
        };
        Ok(answer.map(|()| Told::default()).map_err(|status| No::from(&status)))
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

    /// Someone is removed or leaves: the two answer alike.
    async fn goes(
        &self,
        who: &Persona,
        op: &Op,
        validate_only: bool,
    ) -> Result<(Vec<RemovedAppRole>, Vec<RemainingRole>, Vec<String>), Status> {
        if let Op::RemoveMember { space, person, new_owner, keep_app_roles } = *op {
            let request = RemoveMemberRequest {
                name: self.people[person].member_of(&self.spaces[space]),
                new_owner: new_owner.map(|heir| self.user(heir)).unwrap_or_default(),
                keep_app_roles,
                validate_only,
                ..RemoveMemberRequest::default()
            };
            let reply = who.members().remove_member(request).await?.into_inner();
            Ok((reply.removed_app_roles, reply.remaining_roles, reply.unknown_planes))
        } else if let Op::LeaveSpace { space } = *op {
            let name = self.spaces[space].clone();
            let request = LeaveSpaceRequest { name, validate_only, ..LeaveSpaceRequest::default() };
            let reply = who.members().leave_space(request).await?.into_inner();
            Ok((reply.removed_app_roles, reply.remaining_roles, reply.unknown_planes))
        } else {
            unreachable!("nobody goes by {op:?}")
        }
    }

    /// Every owner of roles answers.
    fn told(
        &self,
        removed: Vec<RemovedAppRole>,
        remaining: Vec<RemainingRole>,
        unknown: &[String],
    ) -> Result<Told, String> {
        let role = |name: &str| {
            let role = ContributorRole::from_str_name(&format!("CONTRIBUTOR_ROLE_{name}"));
            role.ok_or_else(|| format!("{name} is no role"))
        };
        if !unknown.is_empty() {
            return Err(format!("planes are not known: {unknown:?}"));
        }
        let (remaining, others): (Vec<_>, Vec<_>) =
            remaining.into_iter().partition(|remaining| remaining.plane == "app");
        let plane = |other: RemainingRole| match (other.plane.as_str(), other.role.as_str()) {
            ("billing", "BILLING_ADMIN") => Ok("billing"),
            ("marketplace", "MARKETPLACE_ADMIN") => Ok("marketplace"),
            other => Err(format!("{other:?} is no role")),
        };
        let removed = removed.into_iter().map(|removed| {
            let heir = Some(removed.new_owner).filter(|heir| !heir.is_empty());
            let heir = heir.map(|heir| self.person(&heir)).transpose()?;
            Ok((self.app(&removed.app)?, role(&removed.role)?, heir))
        });
        let remaining =
            remaining.into_iter().map(|remaining| Ok((self.app(&remaining.app)?, role(&remaining.role)?)));
        Ok(Told {
            removed: removed.collect::<Result<_, String>>()?,
            remaining: remaining.collect::<Result<_, String>>()?,
            planes: others.into_iter().map(plane).collect::<Result<_, String>>()?,
        })
    }

    async fn changes_members(&self, who: &Persona, op: &Op) -> Result<(), Status> {
        if let Op::AddMembers { space, people } = op {
            let member = |&(person, role, view_all_apps): &(usize, _, _)| {
                let role = i32::from(role);
                Member { user: self.user(person), role, view_all_apps, ..Member::default() }
            };
            let request = AddMembersRequest {
                parent: self.spaces[*space].clone(),
                members: people.iter().map(member).collect(),
                request_id: String::new(),
            };
            who.members().add_members(request).await.map(drop)
        } else if let Op::UpdateMember { space, person, role, view_all_apps } = *op {
            let paths = [("role", role.is_some()), ("view_all_apps", view_all_apps.is_some())];
            let paths = paths.into_iter().filter(|(_, changed)| *changed).map(|(path, _)| path.to_owned());
            let request = UpdateMemberRequest {
                member: Some(Member {
                    name: self.people[person].member_of(&self.spaces[space]),
                    role: role.unwrap_or_default().into(),
                    view_all_apps: view_all_apps.unwrap_or_default(),
                    ..Member::default()
                }),
                update_mask: Some(FieldMask { paths: paths.collect() }),
                request_id: String::new(),
            };
            who.members().update_member(request).await.map(drop)
        } else {
            unreachable!("{op:?} changes no members")
        }
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
                let added = people.iter().map(|&(person, role)| Contributor {
                    user: self.user(person),
                    role: role.into(),
                    ..Contributor::default()
                });
                let request = AddContributorsRequest {
                    parent: self.apps[*app].clone(),
                    contributors: added.collect(),
                    request_id: String::new(),
                };
                who.apps().add_contributors(request).await.map(drop)
            }
            Op::UpdateContributor { app, person, role } => {
                let name = name(*app, *person);
                let contributor = Contributor { name, role: i32::from(*role), ..Contributor::default() };
                let contributor = Some(contributor);
                let request = UpdateContributorRequest { contributor, ..UpdateContributorRequest::default() };
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

    async fn changes_group(&self, who: &Persona, op: &Op, validate_only: bool) -> Result<(), Status> {
        match *op {
            Op::AddToGroup { space, person } => {
                adds_to_group(who, &self.groups[space], &[&self.people[person]]).await
            }
            Op::RemoveFromGroup { space, person } => {
                let (name, user) = (self.groups[space].clone(), self.user(person));
                let request = RemoveGroupMemberRequest { name, user, validate_only, ..Default::default() };
                who.groups().remove_group_member(request).await.map(drop)
            }
            Op::GrantAppRole { app, space, role } => {
                grants_app_role(who, &self.groups[space], &self.apps[app], role).await.map(drop)
            }
            Op::RevokeAppRole { app, space } => {
                revokes_app_role(who, &self.groups[space], &self.apps[app]).await
            }
            _ => unreachable!("{op:?} changes no group"),
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
