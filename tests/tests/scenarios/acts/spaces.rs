//! Spaces: reading, changing, archiving and deleting them, and the switcher.
use devspaces_proto::space::v1::{
    ArchiveSpaceRequest, BillingConsent, CreateSpaceRequest, DeleteSpaceRequest, GetSpaceRequest,
    GetSpaceSettingsRequest, ListSpacesRequest, RestoreSpaceRequest, Space, SpaceAccess, SpaceSettings,
    UndeleteSpaceRequest, UpdateSpaceRequest,
};
use devspaces_tests::Persona;
use tonic::Status;

use crate::acts::mask;

/// The name of a space that does not exist.
pub(crate) const NOWHERE: &str = "spaces/0190a8d0-7b1c-7def-8000-000000000001";

pub(crate) async fn gets_space(who: &Persona, name: &str) -> Result<Space, Status> {
    who.spaces().get_space(GetSpaceRequest { name: name.to_owned() }).await.map(tonic::Response::into_inner)
}

/// A request for a space with consent to these terms of app invoicing.
pub(crate) fn creation_with_consent(terms_version: &str, request_id: &str) -> CreateSpaceRequest {
    CreateSpaceRequest {
        space: Some(Space { display_name: "Team".into(), ..Space::default() }),
        request_id: request_id.to_owned(),
        billing_consent: Some(BillingConsent { terms_version: terms_version.to_owned() }),
    }
}

pub(crate) async fn creates_space_with_consent(
    who: &Persona,
    request: CreateSpaceRequest,
) -> Result<Space, Status> {
    who.spaces().create_space(request).await.map(tonic::Response::into_inner)
}

/// A space's settings, which must be shown.
pub(crate) async fn settings_of(who: &Persona, space: &str) -> SpaceSettings {
    let request = GetSpaceSettingsRequest { name: space.to_owned() };
    who.spaces().get_space_settings(request).await.expect("settings").into_inner()
}

pub(crate) async fn updates_space(who: &Persona, space: Space, paths: &[&str]) -> Result<Space, Status> {
    let update_mask = mask(paths);
    let request = UpdateSpaceRequest { space: Some(space), update_mask, request_id: String::new() };
    who.spaces().update_space(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn archives_space(who: &Persona, name: &str) -> Result<Space, Status> {
    let request = ArchiveSpaceRequest { name: name.to_owned(), ..ArchiveSpaceRequest::default() };
    who.spaces().archive_space(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn restores_space(who: &Persona, name: &str) -> Result<Space, Status> {
    let request = RestoreSpaceRequest { name: name.to_owned(), ..RestoreSpaceRequest::default() };
    who.spaces().restore_space(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn deletes_space(who: &Persona, name: &str) -> Result<Space, Status> {
    let request = DeleteSpaceRequest { name: name.to_owned(), ..DeleteSpaceRequest::default() };
    who.spaces().delete_space(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn undeletes_space(who: &Persona, name: &str) -> Result<Space, Status> {
    let request = UndeleteSpaceRequest { name: name.to_owned(), ..UndeleteSpaceRequest::default() };
    who.spaces().undelete_space(request).await.map(tonic::Response::into_inner)
}

/// The names of the spaces that the switcher shows.
pub(crate) async fn space_names(who: &Persona) -> Vec<String> {
    let spaces = who.spaces().list_spaces(ListSpacesRequest::default()).await.expect("a list");
    spaces.into_inner().spaces.into_iter().filter_map(|access| Some(access.space?.name)).collect()
}

/// What the switcher shows.
pub(crate) async fn lists_spaces(who: &Persona) -> Vec<SpaceAccess> {
    who.spaces().list_spaces(ListSpacesRequest::default()).await.expect("a list").into_inner().spaces
}

/// Gives a space another name, which must succeed.
pub(crate) async fn renames_space(who: &Persona, space: &str, display_name: &str) {
    let space = Space { name: space.to_owned(), display_name: display_name.to_owned(), ..Space::default() };
    let request = UpdateSpaceRequest { space: Some(space), ..UpdateSpaceRequest::default() };
    who.spaces().update_space(request).await.expect("renamed");
}

/// Whether someone may give a space another name, tried by doing it.
pub(crate) async fn tries_to_rename(who: &Persona, space: &str) -> Result<Space, Status> {
    let display_name = format!("Named by {}", who.id());
    let space = Space { name: space.to_owned(), display_name, ..Space::default() };
    let request = UpdateSpaceRequest { space: Some(space), ..UpdateSpaceRequest::default() };
    who.spaces().update_space(request).await.map(tonic::Response::into_inner)
}

/// What the switcher shows someone of a space.
pub(crate) async fn shown_in_switcher(who: &Persona, space: &str) -> Option<SpaceAccess> {
    let all =
        who.spaces().list_spaces(ListSpacesRequest::default()).await.expect("a list").into_inner().spaces;
    all.into_iter().find(|access| access.space.as_ref().is_some_and(|it| it.name == space))
}
