//! What the marketplace service tells the other services that no permission depends on.
use devspaces_authz::Service;
use devspaces_gate::{AskedBindings, Context, admin_bindings_to_wire, admit};
use devspaces_kit::{
    clock::Timestamp,
    edge::answer,
    identity::Caller,
    name::{MarketplaceAdminName, UserName},
    status::Fault,
};
use devspaces_ledger::journal::Changed;
use devspaces_proto::facts::v1::{
    ListMarketplaceAdminBindingsRequest, ListMarketplaceAdminBindingsResponse,
    marketplace_records_service_server::MarketplaceRecordsService,
};
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::store;

#[tonic::async_trait]
impl MarketplaceRecordsService for Rpc {
    async fn list_marketplace_admin_bindings(
        &self,
        request: Request<ListMarketplaceAdminBindingsRequest>,
    ) -> Result<Response<ListMarketplaceAdminBindingsResponse>, Status> {
        answer(request, |caller, request| admin_bindings(&self.0, caller, request)).await
    }
}

/// R-M13. A key is the encoded id of a person.
async fn admin_bindings(
    context: &Context,
    caller: Caller,
    request: ListMarketplaceAdminBindingsRequest,
) -> Result<ListMarketplaceAdminBindingsResponse, Fault> {
    admit(&caller, Service::Marketplace, &[Service::Membership])?;
    let asked = AskedBindings::read(request.question)?;
    let mut db = context.pool.read().await?;
    let Some(profile) = store::profile::of_space(&mut db, asked.space).await? else {
        return Ok(ListMarketplaceAdminBindingsResponse::default());
    };
    let admins = match &asked.user {
        Some(user) => {
            let since = store::admin::since(&mut db, asked.space, user).await?;
            let since = since.filter(|_| user.id() > asked.after.as_str());
            since.into_iter().map(|since| (user.clone(), since)).collect()
        }
        None => store::admin::list(&mut db, asked.space, &asked.after, asked.limit).await?,
    };
    let given = |(user, time): (UserName, Timestamp)| {
        let resource = MarketplaceAdminName { profile: profile.name, user: user.clone() }.to_string();
        (user, Changed { scope: asked.space.into(), time, resource })
    };
    let bindings = admin_bindings_to_wire(&mut db, admins.into_iter().map(given).collect()).await?;
    Ok(ListMarketplaceAdminBindingsResponse { bindings })
}
