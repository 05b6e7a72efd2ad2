use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::{AccountName, AppName, BudgetName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{ListBudgetsRequest, ListBudgetsResponse};
use uuid::Uuid;

use crate::{
    convert,
    domain::{Budget, Month},
    store,
};

/// R-B12
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListBudgetsRequest,
) -> Result<ListBudgetsResponse, Fault> {
    let mut fields = Fields::new();
    let account = fields.parse::<AccountName>("parent", &request.parent);
    let AccountName(space) = fields.finish_with(account)?;
    context.gate.require_read(&caller, Permission::BillingEstimatesGet, space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListBudgetsRequest>(&[&request.parent]);
    let after = tokens.decode(&request.page_token)?.map(|key| place(&key)).transpose()?;
    let mut db = context.pool.read().await?;
    let mut found: Vec<Budget> = Vec::new();
    if after.is_none() {
        found.extend(store::budget::find(&mut db, BudgetName { space, app: None }).await?);
    }
    let after = after.unwrap_or(AppName::NIL);
    found.extend(store::budget::of_apps_after(&mut db, space, after, page::limit(size)).await?);
    found.truncate(size + 1);
    let crossed = store::budget::all_crossed(&mut db, space, Month::of(context.clock.now())).await?;
    let told = |budget: Budget| {
        let crossed = crossed.get(&budget.name).map(Vec::as_slice).unwrap_or_default();
        Some(convert::budget::to_wire(budget, crossed))
    };
    let key = |budget: &Budget| budget.name.app.unwrap_or(AppName::NIL).0;
    let (budgets, last) = page::fill(found, size, key, told);
    Ok(ListBudgetsResponse { budgets, next_page_token: tokens.next(last) })
}

/// The app in a page token; no app: the space's own budget.
fn place(key: &[u8]) -> Result<AppName, Fault> {
    Uuid::from_slice(key).map(AppName).map_err(|_| Fault::page_token_invalid())
}
