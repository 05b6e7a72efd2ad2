//! Apps: creating, importing, linking, changing and deleting them, and who sees them.
use devspaces_proto::space::v1::{
    App, ContributorRole, CreateAppRequest, DeleteAppRequest, GetAppRequest, ImportAppRequest,
    LinkAppRequest, ListAppsRequest, UndeleteAppRequest, UpdateAppRequest,
};
use devspaces_tests::{Persona, Suite};
use tonic::Status;

use crate::acts::mask;

pub(crate) async fn gets_app(who: &Persona, name: &str) -> Result<App, Status> {
    who.apps().get_app(GetAppRequest { name: name.to_owned() }).await.map(tonic::Response::into_inner)
}

/// Creates an app and gives the answer, which may be a refusal.
pub(crate) async fn creates_app(who: &Persona, space: &str) -> Result<App, Status> {
    let app = App { display_name: "App".into(), space: space.to_owned(), ..App::default() };
    let request = CreateAppRequest { app: Some(app), request_id: String::new() };
    who.apps().create_app(request).await.map(tonic::Response::into_inner)
}

/// A private app that is in no space, brought in with its owner.
pub(crate) async fn imported_app(suite: &Suite, owner: &Persona) -> String {
    let importer = suite.persona("services/importer");
    let app = App { display_name: "Old".into(), ..App::default() };
    let request = ImportAppRequest { app: Some(app), owner: owner.name.clone(), request_id: String::new() };
    importer.apps().import_app(request).await.expect("imported").into_inner().name
}

pub(crate) async fn links_app(who: &Persona, app: &str, space: &str) -> Result<App, Status> {
    let request =
        LinkAppRequest { name: app.to_owned(), space: space.to_owned(), ..LinkAppRequest::default() };
    who.apps().link_app(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn deletes_app(who: &Persona, app: &str) -> Result<App, Status> {
    let request = DeleteAppRequest { name: app.to_owned(), ..DeleteAppRequest::default() };
    who.apps().delete_app(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn undeletes_app(who: &Persona, app: &str) -> Result<App, Status> {
    let request = UndeleteAppRequest { name: app.to_owned(), ..UndeleteAppRequest::default() };
    who.apps().undelete_app(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn updates_app(who: &Persona, app: App, paths: &[&str]) -> Result<App, Status> {
    let update_mask = mask(paths);
    let request = UpdateAppRequest { app: Some(app), update_mask, request_id: String::new() };
    who.apps().update_app(request).await.map(tonic::Response::into_inner)
}

/// The apps that someone sees, page by page: of a space, or everywhere where none is given.
pub(crate) async fn lists_apps(who: &Persona, space: &str, page_size: i32) -> Result<Vec<App>, Status> {
    let mut request = ListAppsRequest { space: space.to_owned(), page_size, page_token: String::new() };
    let mut apps = Vec::new();
    loop {
        let page = who.apps().list_apps(request.clone()).await?.into_inner();
        apps.extend(page.apps);
        if page.next_page_token.is_empty() {
            return Ok(apps);
        }
        request.page_token = page.next_page_token;
    }
}

/// Their names and the roles of who lists them.
pub(crate) async fn apps_seen(who: &Persona, space: &str) -> Vec<(String, ContributorRole)> {
    let apps = lists_apps(who, space, 2).await.expect("a list");
    apps.into_iter().map(|app| (app.name.clone(), app.my_role())).collect()
}
