//! The `AppService`: a file for each method.
mod add_contributors;
mod create_app;
mod delete_app;
mod get_app;
mod import_app;
mod link_app;
mod list_apps;
mod list_contributors;
mod remove_contributor;
mod transfer;
mod transfer_ownership;
mod undelete_app;
mod update_app;
mod update_contributor;

use devspaces_authz::{ConsoleRole, Permission};
use devspaces_gate::{Context, Viewers};
use devspaces_kit::{
    edge::answer,
    name::{AppName, ContributorName, Scope, SpaceName},
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Tx, etag};
use devspaces_proto::space::v1::{
    AcceptTransferRequest, AddContributorsRequest, AddContributorsResponse, App as WireApp,
    CancelTransferRequest, Contributor, CreateAppRequest, DeclineTransferRequest, DeleteAppRequest,
    GetAppRequest, GetTransferRequest, ImportAppRequest, InitiateTransferRequest, LinkAppRequest,
    ListAppsRequest, ListAppsResponse, ListContributorsRequest, ListContributorsResponse,
    ListTransfersRequest, ListTransfersResponse, RemoveContributorRequest, RemoveContributorResponse,
    Standing, SuspendAppRequest, Transfer, TransferOwnershipRequest, UndeleteAppRequest, UpdateAppRequest,
    UpdateContributorRequest, app_service_server::AppService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, suspension};
use crate::{convert, domain::App, store};

#[tonic::async_trait]
impl AppService for Rpc {
    async fn create_app(&self, request: Request<CreateAppRequest>) -> Result<Response<WireApp>, Status> {
        answer(request, |caller, request| create_app::handle(&self.0, caller, request)).await
    }

    async fn import_app(&self, request: Request<ImportAppRequest>) -> Result<Response<WireApp>, Status> {
        answer(request, |caller, request| import_app::handle(&self.0, caller, request)).await
    }

    async fn get_app(&self, request: Request<GetAppRequest>) -> Result<Response<WireApp>, Status> {
        answer(request, |caller, request| get_app::handle(&self.0, caller, request)).await
    }

    async fn list_apps(
        &self,
        request: Request<ListAppsRequest>,
    ) -> Result<Response<ListAppsResponse>, Status> {
        answer(request, |caller, request| list_apps::handle(&self.0, caller, request)).await
    }

    async fn update_app(&self, request: Request<UpdateAppRequest>) -> Result<Response<WireApp>, Status> {
        answer(request, |caller, request| update_app::handle(&self.0, caller, request)).await
    }

    async fn delete_app(&self, request: Request<DeleteAppRequest>) -> Result<Response<WireApp>, Status> {
        answer(request, |caller, request| delete_app::handle(&self.0, caller, request)).await
    }

    async fn undelete_app(&self, request: Request<UndeleteAppRequest>) -> Result<Response<WireApp>, Status> {
        answer(request, |caller, request| undelete_app::handle(&self.0, caller, request)).await
    }

    async fn suspend_app(&self, request: Request<SuspendAppRequest>) -> Result<Response<Standing>, Status> {
        answer(request, |caller, request| suspension::suspend_app(&self.0, caller, request)).await
    }

    async fn link_app(&self, request: Request<LinkAppRequest>) -> Result<Response<WireApp>, Status> {
        answer(request, |caller, request| link_app::handle(&self.0, caller, request)).await
    }

    async fn add_contributors(
        &self,
        request: Request<AddContributorsRequest>,
    ) -> Result<Response<AddContributorsResponse>, Status> {
        answer(request, |caller, request| add_contributors::handle(&self.0, caller, request)).await
    }

    async fn update_contributor(
        &self,
        request: Request<UpdateContributorRequest>,
    ) -> Result<Response<Contributor>, Status> {
        answer(request, |caller, request| update_contributor::handle(&self.0, caller, request)).await
    }

    async fn remove_contributor(
        &self,
        request: Request<RemoveContributorRequest>,
    ) -> Result<Response<RemoveContributorResponse>, Status> {
        answer(request, |caller, request| remove_contributor::handle(&self.0, caller, request)).await
    }

    async fn list_contributors(
        &self,
        request: Request<ListContributorsRequest>,
    ) -> Result<Response<ListContributorsResponse>, Status> {
        answer(request, |caller, request| list_contributors::handle(&self.0, caller, request)).await
    }

    async fn transfer_ownership(
        &self,
        request: Request<TransferOwnershipRequest>,
    ) -> Result<Response<WireApp>, Status> {
        answer(request, |caller, request| transfer_ownership::handle(&self.0, caller, request)).await
    }

    async fn initiate_transfer(
        &self,
        request: Request<InitiateTransferRequest>,
    ) -> Result<Response<Transfer>, Status> {
        answer(request, |caller, request| transfer::initiate(&self.0, caller, request)).await
    }

    async fn get_transfer(&self, request: Request<GetTransferRequest>) -> Result<Response<Transfer>, Status> {
        answer(request, |caller, request| transfer::get(&self.0, caller, request)).await
    }

    async fn list_transfers(
        &self,
        request: Request<ListTransfersRequest>,
    ) -> Result<Response<ListTransfersResponse>, Status> {
        answer(request, |caller, request| transfer::list(&self.0, caller, request)).await
    }

    async fn accept_transfer(
        &self,
        request: Request<AcceptTransferRequest>,
    ) -> Result<Response<Transfer>, Status> {
        answer(request, |caller, request| transfer::accept(&self.0, caller, request)).await
    }

    async fn decline_transfer(
        &self,
        request: Request<DeclineTransferRequest>,
    ) -> Result<Response<Transfer>, Status> {
        answer(request, |caller, request| transfer::decline(&self.0, caller, request)).await
    }

    async fn cancel_transfer(
        &self,
        request: Request<CancelTransferRequest>,
    ) -> Result<Response<Transfer>, Status> {
        answer(request, |caller, request| transfer::cancel(&self.0, caller, request)).await
    }
}

/// The scopes of a change of an app and its contributors: the app's, and that of the space whose facts change with it.
fn scopes(app: AppName, space: Option<SpaceName>) -> Vec<Scope> {
    [Some(app.into()), space.map(Scope::from)].into_iter().flatten().collect()
}

/// The app that the caller may change, in a transaction on its scope.
async fn permitted_app(tx: &mut Tx, permission: Permission, name: AppName, etag: &str) -> Result<App, Abort> {
    let now = tx.time();
    let app = store::app::find(tx, name, now).await?;
    let app = app.ok_or_else(|| Fault::permission_denied(permission.name(), name))?;
    etag::check(etag, app.revision, name)?;
    Ok(app)
}

/// R-A3: an `OWNER` is neither changed nor removed by managing contributors.
fn block_owner(blockers: &mut Blockers, name: &ContributorName) {
    let sentence = "The OWNER of an app stays until they pass it on by TransferOwnership";
    blockers.add(Reason::AppOwner, name.to_string(), sentence);
}

/// What is answered of someone who has no role of their own on an app: that the role is derived (R-A4) or comes through a group
/// or an app group, or that they don't contribute to it at all.
///
/// # Errors
/// Always: `FAILED_PRECONDITION` / `DERIVED_ROLE`, `NOT_FOUND`; `UNAVAILABLE` if it can't be known which; `CLOCK_STEPPED`.
async fn no_own_role<T>(
    context: &Context,
    name: &ContributorName,
    space: Option<SpaceName>,
) -> Result<T, Fault> {
    // One that seems to have ended is back when a clock that is doubted is put right.
    context.steady.now()?;
    let Some(space) = space else { return Err(Fault::not_found(name)) };
    let mut db = context.pool.read().await?;
    let roles = store::way::on_apps(&mut db, &[name.app], name.user.id()).await?;
    drop(db);
    let highest = roles.get(&name.app).and_then(|roles| roles.highest_at(context.clock.now()));
    if let Some(through) = highest.and_then(|held| held.through.as_deref()) {
        return Err(group_role(name, through));
    }
    // Not by facts, which say of whoever is deactivated that they hold nothing, though they are listed.
    // Boxed, since a change that is refused so holds all that a call works with beside.
    let asking = Box::pin(context.gate.derived_viewers(space, Viewers::One(&name.user)));
    match asking.await?.first() {
        Some(viewer) => Err(derived_role(name, space, viewer.role)),
        None => Err(Fault::not_found(name)),
    }
}

/// R-M11, R-A11
fn group_role(name: &ContributorName, through: &str) -> Fault {
    let sentence = format!("The role comes through {through}, and lasts as long as that gives it");
    Fault::precondition(Reason::DerivedRole, name.to_string(), sentence).metadata("derived_from", through)
}

fn derived_role(name: &ContributorName, space: SpaceName, role: ConsoleRole) -> Fault {
    let origin = convert::contributor::origin(space, role);
    let sentence =
        format!("The role is derived: the person is {origin}, and sees its apps as long as that lasts");
    Fault::precondition(Reason::DerivedRole, name.to_string(), sentence).metadata("derived_from", origin)
}
