use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AccountName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{ListCreditsRequest, ListCreditsResponse};

use crate::{
    convert::{self, invoice::to_money},
    domain::Month,
    store,
};

/// R-B10, R-B11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListCreditsRequest,
) -> Result<ListCreditsResponse, Fault> {
    let mut fields = Fields::new();
    let account = fields.parse::<AccountName>("parent", &request.parent);
    let account = fields.finish_with(account)?;
    context.gate.require_read(&caller, Permission::BillingInvoicesGet, account.0).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListCreditsRequest>(&[&request.parent]);
    let before = tokens.decode_text(&request.page_token)?;
    let before = match before.as_str() {
        "" => i64::MAX,
        number => number.parse().map_err(|_| Fault::page_token_invalid())?,
    };
    let mut db = context.pool.read().await?;
    let found = store::credit::before(&mut db, account.0, before, page::limit(size)).await?;
    let balance = store::credit::balance(&mut db, account.0).await?;
    let currency = store::rate_card::for_month(&mut db, Month::of(context.clock.now())).await?.currency;
    drop(db);
    let shown = found.into_iter().map(|credit| Ok((credit.number, convert::credit::to_wire(credit)?)));
    let shown = shown.collect::<Result<Vec<_>, Fault>>()?;
    let (credits, last) =
        page::fill(shown, size, |(number, _)| number.to_string(), |(_, credit)| Some(credit));
    let balance = Some(to_money(balance, &currency)?);
    Ok(ListCreditsResponse { credits, balance, next_page_token: tokens.next(last) })
}
