//! Members of a space and their console roles.
use devspaces_proto::membership::v1::{
    AddMembersRequest, ConsoleRole, LeaveSpaceRequest, ListMembersRequest, Member, RemoveMemberRequest,
    RemoveMemberResponse, UpdateMemberRequest,
};
use devspaces_tests::Persona;
use tonic::Status;

use crate::acts::mask;

pub(crate) const ADMIN: ConsoleRole = ConsoleRole::Admin;
pub(crate) const DEVELOPER: ConsoleRole = ConsoleRole::Developer;
pub(crate) const VIEWER: ConsoleRole = ConsoleRole::Viewer;

/// Someone with a role, to be added.
pub(crate) fn member(who: &Persona, role: ConsoleRole) -> Member {
    Member { user: who.name.clone(), role: role.into(), ..Member::default() }
}

/// Adds people with their roles.
pub(crate) async fn adds_members(
    who: &Persona,
    space: &str,
    people: &[(&Persona, ConsoleRole)],
) -> Result<Vec<Member>, Status> {
    let members = people.iter().map(|(person, role)| member(person, *role)).collect();
    adds_members_as_given(who, space, members).await
}

/// Adds members with whatever else is set: an add-on, an end.
pub(crate) async fn adds_members_as_given(
    who: &Persona,
    space: &str,
    members: Vec<Member>,
) -> Result<Vec<Member>, Status> {
    let request = AddMembersRequest { parent: space.to_owned(), members, request_id: String::new() };
    who.members().add_members(request).await.map(|response| response.into_inner().members)
}

pub(crate) async fn updates_member(who: &Persona, member: Member, paths: &[&str]) -> Result<Member, Status> {
    let update_mask = mask(paths);
    let request = UpdateMemberRequest {
        member: Some(member),
        update_mask,
        request_id: String::new(),
        ..UpdateMemberRequest::default()
    };
    who.members().update_member(request).await.map(tonic::Response::into_inner)
}

/// Makes a member a Viewer.
pub(crate) async fn demotes_member(who: &Persona, space: &str, whom: &Persona) -> Result<Member, Status> {
    updates_member(who, Member { name: whom.member_of(space), ..member(whom, VIEWER) }, &["role"]).await
}

pub(crate) async fn removes_member(
    who: &Persona,
    space: &str,
    whom: &Persona,
) -> Result<RemoveMemberResponse, Status> {
    let request = RemoveMemberRequest { name: whom.member_of(space), ..RemoveMemberRequest::default() };
    who.members().remove_member(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn leaves_space(who: &Persona, space: &str) -> Result<(), Status> {
    let request = LeaveSpaceRequest { name: space.to_owned(), ..LeaveSpaceRequest::default() };
    who.members().leave_space(request).await.map(drop)
}

/// All members with their roles, in the order of the list.
pub(crate) async fn lists_members(who: &Persona, space: &str) -> Result<Vec<(String, ConsoleRole)>, Status> {
    let request =
        ListMembersRequest { parent: space.to_owned(), page_size: 1000, ..ListMembersRequest::default() };
    let members = who.members().list_members(request).await?.into_inner().members;
    Ok(members.into_iter().map(|member| (member.user.clone(), member.role())).collect())
}

/// Takes someone's console role away and leaves the contributor roles (R-M5).
pub(crate) async fn keeps_only_app_roles(admin: &Persona, space: &str, whom: &Persona) {
    let removal = RemoveMemberRequest {
        name: whom.member_of(space),
        keep_app_roles: true,
        ..RemoveMemberRequest::default()
    };
    admin.members().remove_member(removal).await.expect("removed");
}
