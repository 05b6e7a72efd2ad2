//! The calls of a walk that are about groups and app groups.
use devspaces_proto::{
    membership::v1::{GrantAppRoleRequest, RemoveGroupMemberRequest},
    space::v1::{DeleteAppGroupRequest, GrantAppGroupRoleRequest, RemoveAppsRequest},
};
use devspaces_tests::Persona;
use tonic::Status;

use super::{op::Op, stage::Stage};
use crate::acts::{
    app_groups::{
        adds_apps, creates_app_group, grant as grant_on_app_group, grants_app_group_role,
        revokes_app_group_role,
    },
    groups::{adds_to_group, grant, grants_app_role_as_given, revokes_app_role},
};

impl Stage<'_> {
    pub(super) async fn changes_group(
        &self,
        who: &Persona,
        op: &Op,
        validate_only: bool,
    ) -> Result<(), Status> {
        match *op {
            Op::AddToGroup { space, person } => {
                adds_to_group(who, &self.groups[space], &[&self.people[person]]).await
            }
            Op::RemoveFromGroup { space, person } => {
                let (name, user) = (self.groups[space].clone(), self.user(person));
                let request = RemoveGroupMemberRequest { name, user, validate_only, ..Default::default() };
                who.groups().remove_group_member(request).await.map(drop)
            }
            Op::GrantAppRole { app, space, role, end } => {
                let request = GrantAppRoleRequest {
                    expire_time: self.end(end),
                    ..grant(&self.groups[space], &self.apps[app], role)
                };
                grants_app_role_as_given(who, request).await.map(drop)
            }
            Op::RevokeAppRole { app, space } => {
                revokes_app_role(who, &self.groups[space], &self.apps[app]).await
            }
            _ => unreachable!("{op:?} changes no group"),
        }
    }

    pub(super) async fn changes_app_group(
        &mut self,
        who: &Persona,
        op: &Op,
        validate_only: bool,
    ) -> Result<(), Status> {
        match *op {
            Op::CreateAppGroup { space } => {
                self.app_groups.push(creates_app_group(who, &self.spaces[space], "Set").await?.name);
                Ok(())
            }
            Op::DeleteAppGroup { app_group } => {
                let name = self.app_groups[app_group].clone();
                let request = DeleteAppGroupRequest { name, validate_only, ..Default::default() };
                who.app_groups().delete_app_group(request).await.map(drop)
            }
            Op::AddApp { app_group, app } => {
                adds_apps(who, &self.app_groups[app_group], &[&self.apps[app]]).await
            }
            Op::RemoveApp { app_group, app } => {
                let (name, apps) = (self.app_groups[app_group].clone(), vec![self.apps[app].clone()]);
                let request = RemoveAppsRequest { name, apps, validate_only, ..Default::default() };
                who.app_groups().remove_apps(request).await.map(drop)
            }
            Op::GrantAppGroupRole { app_group, person, role, end } => {
                let holder = self.holder(app_group, person);
                let request = GrantAppGroupRoleRequest {
                    expire_time: self.end(end),
                    ..grant_on_app_group(&self.app_groups[app_group], &holder, role)
                };
                grants_app_group_role(who, request).await.map(drop)
            }
            Op::RevokeAppGroupRole { app_group, person } => {
                let holder = self.holder(app_group, person);
                revokes_app_group_role(who, &self.app_groups[app_group], &holder).await
            }
            _ => unreachable!("{op:?} changes no app group"),
        }
    }

    /// The name of who has a role on an app group: a person, or the group of its space.
    pub(super) fn holder(&self, app_group: usize, person: Option<usize>) -> String {
        let of_space = |(space, _): &(usize, &String)| {
            self.app_groups[app_group].starts_with(&format!("{}/", self.spaces[*space]))
        };
        if let Some(person) = person {
            return self.user(person);
        }
        let (_, group) = self.groups.iter().enumerate().find(of_space).expect("a space of the walk");
        group.clone()
    }
}
