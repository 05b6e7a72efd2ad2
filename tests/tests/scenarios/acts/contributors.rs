//! Contributors of apps, and how an app changes hands.
use devspaces_proto::space::v1::{
    AddContributorsRequest, App, Contributor, ContributorRole, ListContributorsRequest,
    RemoveContributorRequest, TransferOwnershipRequest, UpdateContributorRequest,
};
use devspaces_tests::Persona;
use tonic::Status;

pub(crate) const OWNER: ContributorRole = ContributorRole::Owner;
pub(crate) const APP_ADMIN: ContributorRole = ContributorRole::Admin;
pub(crate) const DEPLOYER: ContributorRole = ContributorRole::Deployer;
pub(crate) const APP_VIEWER: ContributorRole = ContributorRole::Viewer;

pub(crate) async fn adds_contributors(
    who: &Persona,
    app: &str,
    people: &[(&Persona, ContributorRole)],
) -> Result<Vec<Contributor>, Status> {
    let contributor = |(person, role): &(&Persona, ContributorRole)| Contributor {
        user: person.name.clone(),
        role: (*role).into(),
        ..Contributor::default()
    };
    let contributors = people.iter().map(contributor).collect();
    let request = AddContributorsRequest { parent: app.to_owned(), contributors, request_id: String::new() };
    who.apps().add_contributors(request).await.map(|response| response.into_inner().contributors)
}

pub(crate) async fn updates_contributor(
    who: &Persona,
    app: &str,
    whom: &Persona,
    role: ContributorRole,
) -> Result<Contributor, Status> {
    let contributor =
        Contributor { name: whom.contributor_to(app), role: role.into(), ..Contributor::default() };
    let request = UpdateContributorRequest { contributor: Some(contributor), ..Default::default() };
    who.apps().update_contributor(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn removes_contributor(who: &Persona, app: &str, whom: &Persona) -> Result<(), Status> {
    let request = RemoveContributorRequest { name: whom.contributor_to(app), ..Default::default() };
    who.apps().remove_contributor(request).await.map(drop)
}

/// Makes someone else the OWNER.
pub(crate) async fn transfers_ownership(who: &Persona, app: &str, to: &Persona) -> Result<App, Status> {
    let request =
        TransferOwnershipRequest { name: app.to_owned(), new_owner: to.name.clone(), ..Default::default() };
    who.apps().transfer_ownership(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn lists_contributors(
    who: &Persona,
    app: &str,
    page_size: i32,
) -> Result<Vec<Contributor>, Status> {
    let mut request =
        ListContributorsRequest { parent: app.to_owned(), page_size, page_token: String::new() };
    let mut contributors = Vec::new();
    loop {
        let page = who.apps().list_contributors(request.clone()).await?.into_inner();
        contributors.extend(page.contributors);
        if page.next_page_token.is_empty() {
            return Ok(contributors);
        }
        request.page_token = page.next_page_token;
    }
}

/// Ids and roles, each with whether it is derived.
pub(crate) async fn listed_contributors(who: &Persona, app: &str) -> Vec<(String, ContributorRole, bool)> {
    let contributors = lists_contributors(who, app, 2).await.expect("a list");
    let id = |contributor: &Contributor| contributor.user.strip_prefix("users/").expect("a user").to_owned();
    contributors.iter().map(|it| (id(it), it.role(), !it.derived_from.is_empty())).collect()
}
