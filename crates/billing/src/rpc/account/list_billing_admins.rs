use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AccountName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::standing;
use devspaces_proto::billing::v1::{BillingAdmin, ListBillingAdminsRequest, ListBillingAdminsResponse};

use crate::{domain::Admin, store};

/// R-B2
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListBillingAdminsRequest,
) -> Result<ListBillingAdminsResponse, Fault> {
    let mut fields = Fields::new();
    let account = fields.parse::<AccountName>("parent", &request.parent);
    let account = fields.finish_with(account)?;
    context.gate.require_read(&caller, Permission::BillingAdminsList, account.0).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListBillingAdminsRequest>(&[&request.parent]);
    let after = tokens.decode_text(&request.page_token)?;
    let mut db = context.pool.read().await?;
    let found = store::admin::list(&mut db, account, &after, page::limit(size)).await?;
    let deactivated = standing::deactivated(&mut db, found.iter().map(|it| &it.name.user)).await?;
    let marked =
        |it: Admin| Some(BillingAdmin { deactivated: deactivated.contains(&it.name.user), ..it.into() });
    let (admins, last) = page::fill(found, size, |it| it.name.user.id().to_owned(), marked);
    Ok(ListBillingAdminsResponse { admins, next_page_token: tokens.next(last) })
}
