use std::collections::BTreeMap;

use devspaces_authz::{Permission, Service};
use devspaces_gate::{Context, Peers};
use devspaces_kit::{
    identity::Caller,
    name::{AccountName, AppName, Malformed, SpaceName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::{
    billing::v1::{BilledApp, ListBilledAppsRequest, ListBilledAppsResponse},
    facts::v1::{ListSpaceAppsRequest, space_records_service_client::SpaceRecordsServiceClient},
};
use uuid::Uuid;

use crate::{
    convert,
    domain::{Month, amount::Amount, invoice::issue_time},
    statement::{Estimate, estimate},
    store,
};

/// R-B9
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListBilledAppsRequest,
) -> Result<ListBilledAppsResponse, Fault> {
    let mut fields = Fields::new();
    let account = fields.parse::<AccountName>("parent", &request.parent);
    let account = fields.finish_with(account)?;
    let space = account.0;
    context.gate.require_read(&caller, Permission::BillingEstimatesGet, space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListBilledAppsRequest>(&[&request.parent]);
    let after = tokens.decode(&request.page_token)?.map(|key| place(&key)).transpose()?;
    let month = Month::of(context.clock.now());
    let mut db = context.pool.read().await?;
    store::account::find(&mut db, space).await?.ok_or_else(|| Fault::not_found(account))?;
    let costs = estimate(&mut db, space, month).await?;
    // No connection is held while another service is asked.
    drop(db);
    let in_space = apps_of(context, space, after, size + 1).await?;
    let apps = merge(in_space, &costs, month, after, size + 1);
    let (apps, last) = page::fill(apps, size, |(app, _)| app.0, |(_, app)| Some(app));
    Ok(ListBilledAppsResponse {
        apps,
        next_page_token: tokens.next(last),
        estimated_total: costs.total.and_then(|total| convert::money::to_wire(total, &costs.currency)),
        month: month.to_string(),
        next_invoice_time: Some(issue_time(month).into()),
    })
}

/// The app in a page token.
fn place(key: &[u8]) -> Result<AppName, Fault> {
    Uuid::from_slice(key).map(AppName).map_err(|_| Fault::page_token_invalid())
}

/// The apps that are in the space now, after this one, with what people call them.
async fn apps_of(
    context: &Context,
    space: SpaceName,
    after: Option<AppName>,
    limit: usize,
) -> Result<BTreeMap<AppName, String>, Fault> {
    let question = ListSpaceAppsRequest {
        space: space.to_string(),
        after: after.map(|app| app.to_string()).unwrap_or_default(),
        limit: i32::try_from(limit).unwrap_or(i32::MAX),
    };
    let asked = context.peers.ask(Service::Space, question, async |channel, request| {
        SpaceRecordsServiceClient::new(channel).list_space_apps(request).await
    });
    let named = asked.await?.apps.into_iter().map(|it| Ok((it.app.parse()?, it.display_name)));
    named.collect::<Result<_, Malformed>>().map_err(|_| Peers::unreadable(Service::Space))
}

/// The apps of a page in their order: those in the space, and those that were used there this month and have left. Of
/// the apps in the space the first `limit` are given, so of the first `limit` of all it is known whether they are.
fn merge(
    in_space: BTreeMap<AppName, String>,
    costs: &Estimate,
    month: Month,
    after: Option<AppName>,
    limit: usize,
) -> Vec<(AppName, BilledApp)> {
    // Nothing: it can't be computed, and that hides no other app's.
    let mut estimates: BTreeMap<AppName, Option<Amount>> = BTreeMap::new();
    for line in costs.lines.iter().filter(|line| line.allowance.usage_month == month) {
        let estimate = estimates.entry(line.allowance.app).or_insert(Some(Amount::default()));
        *estimate = estimate.and_then(|sum| sum.and(line.amount()));
    }
    for pool in costs.unpriced.iter().filter(|pool| pool.usage_month == month) {
        estimates.insert(pool.app, None);
    }
    let estimate = |app: &AppName| {
        let estimate = estimates.get(app).copied().unwrap_or(Some(Amount::default()));
        estimate.map(|sum| sum.to_string()).unwrap_or_default()
    };
    let billed = |app: AppName, display_name, in_space| {
        let (name, estimate) = (app.to_string(), estimate(&app));
        (app, BilledApp { app: name, display_name, estimate, in_space })
    };
    let left = estimates.keys().filter(|app| after.is_none_or(|after| **app > after));
    let left: Vec<_> = left.filter(|app| !in_space.contains_key(*app)).copied().collect();
    let there = in_space.into_iter().map(|(app, display_name)| billed(app, display_name, true));
    let gone = left.into_iter().map(|app| billed(app, String::new(), false));
    let all: BTreeMap<_, _> = there.chain(gone).collect();
    all.into_iter().take(limit).collect()
}
