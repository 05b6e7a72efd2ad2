//! App groups, and the roles on them.
use devspaces_proto::space::v1::{
    AddAppsRequest, AppGroup, AppGroupRole, ContributorRole, CreateAppGroupRequest, DeleteAppGroupRequest,
    GetAppGroupRequest, GrantAppGroupRoleRequest, ListAppGroupAppsRequest, ListAppGroupRolesRequest,
    ListAppGroupsRequest, RemoveAppsRequest, RevokeAppGroupRoleRequest, UpdateAppGroupRequest,
};
use devspaces_tests::Persona;
use tonic::Status;

pub(crate) async fn creates_app_group(
    who: &Persona,
    space: &str,
    display_name: &str,
) -> Result<AppGroup, Status> {
    let app_group = AppGroup { display_name: display_name.to_owned(), ..AppGroup::default() };
    let request = CreateAppGroupRequest {
        parent: space.to_owned(),
        app_group: Some(app_group),
        request_id: String::new(),
    };
    who.app_groups().create_app_group(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn gets_app_group(who: &Persona, name: &str) -> Result<AppGroup, Status> {
    let request = GetAppGroupRequest { name: name.to_owned() };
    who.app_groups().get_app_group(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn updates_app_group(who: &Persona, app_group: AppGroup) -> Result<AppGroup, Status> {
    let request = UpdateAppGroupRequest { app_group: Some(app_group), ..Default::default() };
    who.app_groups().update_app_group(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn deletes_app_group(who: &Persona, name: &str) -> Result<(), Status> {
    let request = DeleteAppGroupRequest { name: name.to_owned(), ..Default::default() };
    who.app_groups().delete_app_group(request).await.map(drop)
}

fn owned(apps: &[&str]) -> Vec<String> {
    apps.iter().copied().map(str::to_owned).collect()
}

pub(crate) async fn adds_apps(who: &Persona, name: &str, apps: &[&str]) -> Result<(), Status> {
    let request = AddAppsRequest { name: name.to_owned(), apps: owned(apps), request_id: String::new() };
    who.app_groups().add_apps(request).await.map(drop)
}

pub(crate) async fn removes_apps(who: &Persona, name: &str, apps: &[&str]) -> Result<(), Status> {
    let request = RemoveAppsRequest { name: name.to_owned(), apps: owned(apps), ..Default::default() };
    who.app_groups().remove_apps(request).await.map(drop)
}

/// What is asked for to give somebody a role on an app group.
pub(crate) fn grant(name: &str, member: &str, role: ContributorRole) -> GrantAppGroupRoleRequest {
    GrantAppGroupRoleRequest {
        name: name.to_owned(),
        member: member.to_owned(),
        role: role.into(),
        ..GrantAppGroupRoleRequest::default()
    }
}

pub(crate) async fn grants_app_group_role(
    who: &Persona,
    request: GrantAppGroupRoleRequest,
) -> Result<AppGroupRole, Status> {
    who.app_groups().grant_app_group_role(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn revokes_app_group_role(who: &Persona, name: &str, member: &str) -> Result<(), Status> {
    let (name, member) = (name.to_owned(), member.to_owned());
    let request = RevokeAppGroupRoleRequest {
        name,
        member,
        request_id: String::new(),
        ..RevokeAppGroupRoleRequest::default()
    };
    who.app_groups().revoke_app_group_role(request).await.map(drop)
}

/// The names of the app groups of a space that somebody sees, page by page.
pub(crate) async fn lists_app_groups(who: &Persona, space: &str) -> Result<Vec<String>, Status> {
    let mut request =
        ListAppGroupsRequest { parent: space.to_owned(), page_size: 2, page_token: String::new() };
    let mut groups = Vec::new();
    loop {
        let page = who.app_groups().list_app_groups(request.clone()).await?.into_inner();
        groups.extend(page.app_groups.into_iter().map(|group| group.name));
        if page.next_page_token.is_empty() {
            return Ok(groups);
        }
        request.page_token = page.next_page_token;
    }
}

/// The apps in an app group that somebody sees, page by page.
pub(crate) async fn lists_app_group_apps(who: &Persona, name: &str) -> Result<Vec<String>, Status> {
    let mut request =
        ListAppGroupAppsRequest { parent: name.to_owned(), page_size: 2, page_token: String::new() };
    let mut apps = Vec::new();
    loop {
        let page = who.app_groups().list_app_group_apps(request.clone()).await?.into_inner();
        apps.extend(page.apps);
        if page.next_page_token.is_empty() {
            return Ok(apps);
        }
        request.page_token = page.next_page_token;
    }
}

/// Who has which role on an app group, page by page.
pub(crate) async fn lists_app_group_roles(
    who: &Persona,
    name: &str,
) -> Result<Vec<(String, ContributorRole)>, Status> {
    let mut request =
        ListAppGroupRolesRequest { parent: name.to_owned(), page_size: 2, page_token: String::new() };
    let mut roles = Vec::new();
    loop {
        let page = who.app_groups().list_app_group_roles(request.clone()).await?.into_inner();
        roles.extend(page.roles.iter().map(|role| (role.member.clone(), role.role())));
        if page.next_page_token.is_empty() {
            return Ok(roles);
        }
        request.page_token = page.next_page_token;
    }
}
