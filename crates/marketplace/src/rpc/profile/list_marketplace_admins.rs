use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::{MarketplaceAdminName, VendorProfileName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::marketplace::v1::{ListMarketplaceAdminsRequest, ListMarketplaceAdminsResponse};

use super::resource;
use crate::{domain::Admin, store};

/// R-K4
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListMarketplaceAdminsRequest,
) -> Result<ListMarketplaceAdminsResponse, Fault> {
    let mut fields = Fields::new();
    let profile = fields.parse::<VendorProfileName>("parent", &request.parent);
    let profile = fields.finish_with(profile)?;
    let (resource, space) = resource(context, profile).await?;
    context.gate.require_read(&caller, Permission::MarketplaceAdminsList, resource).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListMarketplaceAdminsRequest>(&[&request.parent]);
    let after = tokens.decode_text(&request.page_token)?;
    let mut db = context.pool.read().await?;
    let found = store::admin::list(&mut db, space, &after, page::limit(size)).await?;
    let admin = |(user, create_time)| Admin { name: MarketplaceAdminName { profile, user }, create_time };
    let (admins, last) =
        page::fill(found, size, |(user, _)| user.id().to_owned(), |found| Some(admin(found).into()));
    Ok(ListMarketplaceAdminsResponse { admins, next_page_token: tokens.next(last) })
}
