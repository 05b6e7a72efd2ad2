use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::VendorProfileName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::marketplace::v1::{ListListingsRequest, ListListingsResponse};
use uuid::Uuid;

use crate::{rpc::profile::resource, store};

/// R-K6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListListingsRequest,
) -> Result<ListListingsResponse, Fault> {
    let mut fields = Fields::new();
    let profile = fields.parse::<VendorProfileName>("parent", &request.parent);
    let profile = fields.finish_with(profile)?;
    let (resource, space) = resource(context, profile).await?;
    context.gate.require_read(&caller, Permission::MarketplaceListingsGet, resource).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListListingsRequest>(&[&request.parent]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let after = after.map_err(|_| Fault::page_token_invalid())?.unwrap_or_default();
    let mut db = context.pool.read().await?;
    let found = store::listing::list(&mut db, space, after, page::limit(size)).await?;
    let (listings, last) = page::fill(found, size, |it| it.name.0, |it| Some(it.into()));
    Ok(ListListingsResponse { listings, next_page_token: tokens.next(last) })
}
