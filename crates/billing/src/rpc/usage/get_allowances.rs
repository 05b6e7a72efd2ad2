use std::collections::BTreeMap;

use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AppName,
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{Allowances, GetAllowancesRequest};
use rust_decimal::Decimal;

use crate::{
    convert,
    domain::{Month, pricing::Allowance},
    store,
};

/// R-B12, R-B14
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetAllowancesRequest,
) -> Result<Allowances, Fault> {
    let mut fields = Fields::new();
    let app = fields.parse::<AppName>("app", &request.app);
    let app = fields.finish_with(app)?;
    context.gate.require_read(&caller, Permission::AppUsageGet, app).await?;
    let mut fields = Fields::new();
    let month = match request.month.as_str() {
        "" => Some(Month::of(context.clock.now())),
        month => fields.parse("month", month),
    };
    let month = fields.finish_with(month)?;
    let mut db = context.pool.read().await?;
    let card = store::rate_card::for_month(&mut db, month).await?;
    let sums = store::total::of_apps(&mut db, &[(app, month)]).await?;
    drop(db);
    let mut used = BTreeMap::<Allowance, Decimal>::new();
    for (key, sums) in &sums {
        for (tariff, sum) in sums.iter() {
            let used = used.entry(Allowance::of(key, tariff)).or_default();
            *used = used.saturating_add(sum.quantity);
        }
    }
    let allowances = used.iter().filter_map(|(allowance, used)| {
        let rate = card.rate(&allowance.tariff)?;
        Some(convert::allowance::to_wire(allowance, *used, rate))
    });
    Ok(Allowances { month: month.to_string(), allowances: allowances.collect() })
}
