//! Groups of a space's members, and the roles that they have on apps.
use devspaces_proto::{
    membership::v1::{
        AddGroupMembersRequest, CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, GrantAppRoleRequest,
        Group, GroupRole, ListGroupMembersRequest, ListGroupRolesRequest, ListGroupsRequest,
        RemoveGroupMemberRequest, RevokeAppRoleRequest, UpdateGroupRequest,
    },
    space::v1::ContributorRole,
};
use devspaces_tests::{Persona, suite::eventually};
use tonic::Status;

use super::members::{VIEWER, adds_members};

pub(crate) async fn creates_group(who: &Persona, space: &str, display_name: &str) -> Result<Group, Status> {
    let group = Group { display_name: display_name.to_owned(), ..Group::default() };
    let request =
        CreateGroupRequest { parent: space.to_owned(), group: Some(group), request_id: String::new() };
    who.groups().create_group(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn gets_group(who: &Persona, name: &str) -> Result<Group, Status> {
    who.groups().get_group(GetGroupRequest { name: name.to_owned() }).await.map(tonic::Response::into_inner)
}

pub(crate) async fn renames_group(who: &Persona, name: &str, display_name: &str) -> Result<Group, Status> {
    let group = Group { name: name.to_owned(), display_name: display_name.to_owned(), ..Group::default() };
    let request = UpdateGroupRequest { group: Some(group), ..Default::default() };
    who.groups().update_group(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn deletes_group(who: &Persona, name: &str) -> Result<(), Status> {
    let request = DeleteGroupRequest { name: name.to_owned(), ..Default::default() };
    who.groups().delete_group(request).await.map(drop)
}

pub(crate) async fn adds_to_group(who: &Persona, group: &str, people: &[&Persona]) -> Result<(), Status> {
    let users = people.iter().map(|person| person.name.clone()).collect();
    let request = AddGroupMembersRequest { parent: group.to_owned(), users, request_id: String::new() };
    who.groups().add_group_members(request).await.map(drop)
}

pub(crate) async fn removes_from_group(who: &Persona, group: &str, whom: &Persona) -> Result<(), Status> {
    let (name, user) = (group.to_owned(), whom.name.clone());
    let request = RemoveGroupMemberRequest { name, user, ..Default::default() };
    who.groups().remove_group_member(request).await.map(drop)
}

pub(crate) async fn grants_app_role(
    who: &Persona,
    group: &str,
    app: &str,
    role: ContributorRole,
) -> Result<GroupRole, Status> {
    grants_app_role_as_given(who, grant(group, app, role)).await
}

/// What is asked for to give a group a role on an app.
pub(crate) fn grant(group: &str, app: &str, role: ContributorRole) -> GrantAppRoleRequest {
    GrantAppRoleRequest {
        name: group.to_owned(),
        app: app.to_owned(),
        role: role.into(),
        ..GrantAppRoleRequest::default()
    }
}

pub(crate) async fn grants_app_role_as_given(
    who: &Persona,
    request: GrantAppRoleRequest,
) -> Result<GroupRole, Status> {
    let response = who.groups().grant_app_role(request).await?;
    Ok(response.into_inner().role.expect("the role"))
}

pub(crate) async fn revokes_app_role(who: &Persona, group: &str, app: &str) -> Result<(), Status> {
    let request = RevokeAppRoleRequest { name: group.to_owned(), app: app.to_owned(), ..Default::default() };
    who.groups().revoke_app_role(request).await.map(drop)
}

/// The names of a space's groups, page by page.
pub(crate) async fn lists_groups(who: &Persona, space: &str) -> Result<Vec<String>, Status> {
    let mut request = ListGroupsRequest { parent: space.to_owned(), page_size: 2, page_token: String::new() };
    let mut groups = Vec::new();
    loop {
        let page = who.groups().list_groups(request.clone()).await?.into_inner();
        groups.extend(page.groups.into_iter().map(|group| group.name));
        if page.next_page_token.is_empty() {
            return Ok(groups);
        }
        request.page_token = page.next_page_token;
    }
}

/// Who is in a group, page by page.
pub(crate) async fn lists_group_members(who: &Persona, group: &str) -> Result<Vec<String>, Status> {
    let mut request =
        ListGroupMembersRequest { parent: group.to_owned(), page_size: 2, page_token: String::new() };
    let mut members = Vec::new();
    loop {
        let page = who.groups().list_group_members(request.clone()).await?.into_inner();
        members.extend(page.members.into_iter().map(|member| member.user));
        if page.next_page_token.is_empty() {
            return Ok(members);
        }
        request.page_token = page.next_page_token;
    }
}

/// What a group has, page by page.
pub(crate) async fn lists_group_roles(
    who: &Persona,
    group: &str,
) -> Result<Vec<(String, ContributorRole)>, Status> {
    let mut request =
        ListGroupRolesRequest { parent: group.to_owned(), page_size: 2, page_token: String::new() };
    let mut roles = Vec::new();
    loop {
        let page = who.groups().list_group_roles(request.clone()).await?.into_inner();
        roles.extend(page.roles.iter().map(|role| (role.resource.clone(), role.role())));
        if page.next_page_token.is_empty() {
            return Ok(roles);
        }
        request.page_token = page.next_page_token;
    }
}

/// A group of this name with these people, who become Viewers of the space.
pub(crate) async fn group_of(
    admin: &Persona,
    space: &str,
    display_name: &str,
    people: &[&Persona],
) -> String {
    let group = creates_group(admin, space, display_name).await.expect("a group").name;
    if !people.is_empty() {
        let added: Vec<_> = people.iter().map(|person| (*person, VIEWER)).collect();
        adds_members(admin, space, &added).await.expect("members");
        adds_to_group(admin, &group, people).await.expect("in the group");
    }
    group
}

/// Somebody has a permission by this way, "" where it is their own: within a moment, since what allows may come from memory
/// (R-P9).
pub(crate) async fn has_it(who: &Persona, permission: &str, resource: &str, via: &str) {
    let told = async || {
        let checked = who.check(permission, resource).await.expect("an answer");
        let granted = checked.explanation.expect("an explanation").granted_by;
        granted.first().is_some_and(|grant| grant.via == via).then_some(())
    };
    eventually(told).await;
}
