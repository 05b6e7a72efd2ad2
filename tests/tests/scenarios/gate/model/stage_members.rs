//! The calls of a walk that are about members, and what is told of those who go.
use devspaces_proto::{
    membership::v1::{
        AddMembersRequest, LeaveSpaceRequest, LeaveSpaceResponse, Member, RemainingRole, RemoveMemberRequest,
        RemovedAppRole, UpdateMemberRequest,
    },
    space::v1::ContributorRole,
};
use devspaces_tests::Persona;
use tonic::{Response, Status};

use super::{
    op::{End, Op},
    stage::{Stage, changed},
    world::{Target, Told},
};
use crate::acts::mask;

impl Stage<'_> {
    /// Someone is removed or leaves: the two answer alike.
    pub(super) async fn goes(
        &self,
        who: &Persona,
        op: &Op,
        validate_only: bool,
    ) -> Result<LeaveSpaceResponse, Status> {
        if let Op::RemoveMember { space, person, new_owner, keep_app_roles } = *op {
            let request = RemoveMemberRequest {
                name: self.people[person].member_of(&self.spaces[space]),
                new_owner: new_owner.map(|heir| self.user(heir)).unwrap_or_default(),
                keep_app_roles,
                validate_only,
                ..RemoveMemberRequest::default()
            };
            let reply = who.members().remove_member(request).await?.into_inner();
            Ok(LeaveSpaceResponse {
                removed_app_roles: reply.removed_app_roles,
                remaining_roles: reply.remaining_roles,
                unknown_planes: reply.unknown_planes,
                untold_app_roles: reply.untold_app_roles,
                left_groups: reply.left_groups,
                void_invitations: reply.void_invitations,
            })
        } else if let Op::LeaveSpace { space } = *op {
            let name = self.spaces[space].clone();
            let request = LeaveSpaceRequest { name, validate_only, ..LeaveSpaceRequest::default() };
            who.members().leave_space(request).await.map(Response::into_inner)
        } else {
            unreachable!("nobody goes by {op:?}")
        }
    }

    /// Every owner of roles answers.
    pub(super) fn told(&self, reply: LeaveSpaceResponse) -> Result<Told, String> {
        let LeaveSpaceResponse { removed_app_roles: removed, remaining_roles: remaining, .. } = reply;
        let role = |name: &str| {
            let role = ContributorRole::from_str_name(&format!("CONTRIBUTOR_ROLE_{name}"));
            role.ok_or_else(|| format!("{name} is no role"))
        };
        if !reply.unknown_planes.is_empty() {
            return Err(format!("planes are not known: {:?}", reply.unknown_planes));
        }
        let (remaining, others): (Vec<RemainingRole>, Vec<_>) =
            remaining.into_iter().partition(|remaining| remaining.plane == "app");
        let plane = |other: RemainingRole| match (other.plane.as_str(), other.role.as_str()) {
            ("billing", "BILLING_ADMIN") => Ok("billing"),
            ("marketplace", "MARKETPLACE_ADMIN") => Ok("marketplace"),
            other => Err(format!("{other:?} is no role")),
        };
        let removed = removed.into_iter().map(|removed: RemovedAppRole| {
            let heir = Some(removed.new_owner).filter(|heir| !heir.is_empty());
            let heir = heir.map(|heir| self.person(&heir)).transpose()?;
            Ok((self.target(&removed.app)?, (role(&removed.role)?, heir)))
        });
        let remaining =
            remaining.into_iter().map(|remaining| Ok((self.target(&remaining.app)?, role(&remaining.role)?)));
        let void = reply.void_invitations.iter().map(|name| self.invitation(name));
        Ok(Told {
            removed: removed.collect::<Result<_, String>>()?,
            remaining: remaining.collect::<Result<_, String>>()?,
            planes: others.into_iter().map(plane).collect::<Result<_, String>>()?,
            void: void.collect::<Result<_, String>>()?,
            left_group: !reply.left_groups.is_empty(),
        })
    }

    pub(super) async fn changes_members(&self, who: &Persona, op: &Op) -> Result<(), Status> {
        if let Op::AddMembers { space, people } = op {
            let member = |&(person, role, view_all_apps, end): &(usize, _, _, _)| {
                let (role, expire_time) = (i32::from(role), self.end(end));
                Member { user: self.user(person), role, view_all_apps, expire_time, ..Member::default() }
            };
            let request = AddMembersRequest {
                parent: self.spaces[*space].clone(),
                members: people.iter().map(member).collect(),
                request_id: String::new(),
            };
            who.members().add_members(request).await.map(drop)
        } else if let Op::UpdateMember { space, person, role, add_on, end } = *op {
            let paths = [
                ("role", role.is_some()),
                ("view_all_apps", add_on.is_some()),
                ("expire_time", matches!(end, End::To(_))),
            ];
            let request = UpdateMemberRequest {
                member: Some(Member {
                    name: self.people[person].member_of(&self.spaces[space]),
                    role: role.unwrap_or_default().into(),
                    view_all_apps: add_on.unwrap_or_default(),
                    expire_time: self.changed_end(end),
                    ..Member::default()
                }),
                update_mask: mask(&changed(paths)),
                request_id: String::new(),
                ..UpdateMemberRequest::default()
            };
            who.members().update_member(request).await.map(drop)
        } else {
            unreachable!("{op:?} changes no members")
        }
    }

    /// What the role of somebody who goes is on.
    fn target(&self, name: &str) -> Result<Target, String> {
        match self.app_groups.iter().position(|app_group| app_group == name) {
            Some(number) => Ok(Target::AppGroup(number)),
            None => self.app(name).map(Target::App),
        }
    }
}
