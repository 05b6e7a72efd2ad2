use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::{AccountName, AppName, MeterName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{ListUsageRequest, ListUsageResponse};
use uuid::Uuid;

use crate::{
    convert,
    domain::Month,
    store::usage_list::{self, Wanted},
};

/// R-B5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListUsageRequest,
) -> Result<ListUsageResponse, Fault> {
    let mut fields = Fields::new();
    let account = fields.parse::<AccountName>("parent", &request.parent);
    let app = match request.app.as_str() {
        "" => Some(None),
        app => fields.parse::<AppName>("app", app).map(Some),
    };
    let (AccountName(space), app) = fields.finish_with(account.zip(app))?;
    context.gate.require_read(&caller, Permission::BillingEstimatesGet, space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let month = match request.month.as_str() {
        "" => Some(Month::of(context.clock.now())),
        month => fields.parse("month", month),
    };
    let (size, month) = fields.finish_with(size.zip(month))?;
    // By the month itself: a page that follows is of the same one, also when that has ended meanwhile.
    let tokens =
        PageToken::for_arguments::<ListUsageRequest>(&[&request.parent, &month.to_string(), &request.app]);
    let after = tokens.decode(&request.page_token)?.map(|key| place(&key)).transpose()?;
    let wanted = Wanted { space, month, app, after, limit: size + 1 };
    let sums = usage_list::sums(&mut context.pool.read().await?, &wanted).await?;
    let key = |app: &AppName, meter: &MeterName| [app.0.as_bytes(), meter.id().as_bytes()].concat();
    let (usage, last) =
        page::fill(sums, size, |(app, meter, _)| key(app, meter), |sum| Some(convert::usage::sum(sum)));
    Ok(ListUsageResponse { usage, next_page_token: tokens.next(last) })
}

/// The app and the meter in a page token.
fn place(key: &[u8]) -> Result<(AppName, MeterName), Fault> {
    let (app, meter) = key.split_first_chunk().ok_or_else(Fault::page_token_invalid)?;
    let meter = std::str::from_utf8(meter).ok().and_then(MeterName::of);
    Ok((AppName(Uuid::from_bytes(*app)), meter.ok_or_else(Fault::page_token_invalid)?))
}
