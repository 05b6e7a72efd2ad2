use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{MarketplaceAdminName, UserName, VendorProfileName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::standing;
use devspaces_proto::marketplace::v1::{
    ListMarketplaceAdminsRequest, ListMarketplaceAdminsResponse, MarketplaceAdmin,
};

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
    let deactivated = standing::deactivated(&mut db, found.iter().map(|(user, _)| user)).await?;
    let marked = |(user, create_time): (UserName, Timestamp)| {
        let deactivated = deactivated.contains(&user);
        let admin = Admin { name: MarketplaceAdminName { profile, user }, create_time };
        Some(MarketplaceAdmin { deactivated, ..admin.into() })
    };
    let (admins, last) = page::fill(found, size, |(user, _)| user.id().to_owned(), marked);
    Ok(ListMarketplaceAdminsResponse { admins, next_page_token: tokens.next(last) })
}
