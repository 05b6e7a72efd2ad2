//! Questions about permissions, in batches and as lists.
use devspaces_proto::authz::v1::{
    BatchCheckPermissionsRequest, CheckPermissionRequest, CheckPermissionResult, ListPermissionsRequest,
    ListPermissionsResponse, ListResourcesRequest, ListResourcesResponse, ListSubjectsRequest,
    ListSubjectsResponse,
};
use devspaces_tests::Persona;
use tonic::{Response, Status};

/// A strict question about somebody.
pub(crate) fn about(subject: &str, permission: &str, resource: &str) -> CheckPermissionRequest {
    CheckPermissionRequest {
        subject: subject.to_owned(),
        permission: permission.to_owned(),
        resource: resource.to_owned(),
        max_staleness: None,
    }
}

pub(crate) async fn checks_batch(
    who: &Persona,
    checks: Vec<CheckPermissionRequest>,
) -> Result<Vec<CheckPermissionResult>, Status> {
    let answer = who.authz().batch_check_permissions(BatchCheckPermissionsRequest { checks }).await;
    answer.map(|answer| answer.into_inner().results)
}

pub(crate) fn permissions_of(subject: &str, resource: &str) -> ListPermissionsRequest {
    let (subject, resource) = (subject.to_owned(), resource.to_owned());
    ListPermissionsRequest { subject, resource, ..ListPermissionsRequest::default() }
}

pub(crate) fn subjects_with(permission: &str, resource: &str) -> ListSubjectsRequest {
    let (permission, resource) = (permission.to_owned(), resource.to_owned());
    ListSubjectsRequest { permission, resource, ..ListSubjectsRequest::default() }
}

pub(crate) fn resources_of(subject: &str, permission: &str) -> ListResourcesRequest {
    let (subject, permission) = (subject.to_owned(), permission.to_owned());
    ListResourcesRequest { subject, permission, ..ListResourcesRequest::default() }
}

pub(crate) async fn lists_permissions(
    who: &Persona,
    request: ListPermissionsRequest,
) -> Result<ListPermissionsResponse, Status> {
    who.authz().list_permissions(request).await.map(Response::into_inner)
}

pub(crate) async fn lists_subjects(
    who: &Persona,
    request: ListSubjectsRequest,
) -> Result<ListSubjectsResponse, Status> {
    who.authz().list_subjects(request).await.map(Response::into_inner)
}

pub(crate) async fn lists_resources(
    who: &Persona,
    request: ListResourcesRequest,
) -> Result<ListResourcesResponse, Status> {
    who.authz().list_resources(request).await.map(Response::into_inner)
}

/// Every permission that somebody has, in pages of this size.
pub(crate) async fn all_permissions(
    who: &Persona,
    mut request: ListPermissionsRequest,
    page_size: i32,
) -> Result<Vec<String>, Status> {
    request.page_size = page_size;
    let mut all = Vec::new();
    loop {
        let page = lists_permissions(who, request.clone()).await?;
        all.extend(page.permissions.into_iter().map(|held| held.permission));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// Everybody who has a permission, in pages of this size.
pub(crate) async fn all_subjects(
    who: &Persona,
    mut request: ListSubjectsRequest,
    page_size: i32,
) -> Result<Vec<String>, Status> {
    request.page_size = page_size;
    let mut all = Vec::new();
    loop {
        let page = lists_subjects(who, request.clone()).await?;
        all.extend(page.subjects.into_iter().map(|it| it.subject));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// Everything on which somebody has a permission, in pages of this size.
pub(crate) async fn all_resources(
    who: &Persona,
    mut request: ListResourcesRequest,
    page_size: i32,
) -> Result<Vec<String>, Status> {
    request.page_size = page_size;
    let mut all = Vec::new();
    loop {
        let page = lists_resources(who, request.clone()).await?;
        all.extend(page.resources.into_iter().map(|it| it.resource));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(all);
        }
    }
}
