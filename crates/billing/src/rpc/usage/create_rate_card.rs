use std::{collections::BTreeMap, time::Duration};

use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::Scope,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{CreateRateCardRequest, RateCard as WireRateCard};
use serde_json::Value;
use tonic::Code;

use crate::{
    convert,
    domain::{Meter, Month, RateCard},
    store,
};

/// R-B6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateRateCardRequest,
) -> Result<WireRateCard, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    context.mutations.answer(&call, create(context, &call, request)).await
}

async fn create(
    context: &Context,
    call: &Call,
    request: CreateRateCardRequest,
) -> Result<WireRateCard, Fault> {
    let pass = context.gate.require(&call.caller, Permission::BillingRun, Resource::Platform).await?;
    let creation =
        Creation { card: request.rate_card.unwrap_or_default(), notice: context.invoicing.rate_card_notice };
    context.mutations.run(call.clone(), vec![Scope::RateCards], pass.guard(creation)).await
}

/// For so long before a month begins its prices stand, however short the operator's notice is: usage may be reported five
/// minutes ahead of time, and what is accepted is bounded by what it costs.
const SETTLED: Duration = Duration::from_mins(10);

/// The latest month whose prices stand. One that begins just when the notice is over is yet to be priced.
fn settled(now: Timestamp, notice: Duration) -> Month {
    let at = now + notice.max(SETTLED);
    Month::of(Timestamp::from_micros(at.micros() - 1))
}

struct Creation {
    card: WireRateCard,
    notice: Duration,
}

impl GuardedChange for Creation {
    type Reply = WireRateCard;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireRateCard, Abort> {
        let now = tx.time();
        let settled = settled(now, self.notice);
        let currency = store::rate_card::for_month(tx, Month::of(now)).await?.currency;
        let meters = priced_meters(tx, now).await?;
        let card = convert::rate_card::new(&self.card, &currency, settled, &meters)?;
        if store::rate_card::for_month(tx, card.effective_month).await?.effective_month
            == card.effective_month
        {
            let message = "The month has a rate card already";
            return Err(Fault::new(Code::AlreadyExists, Reason::RateCardExists, message).into());
        }
        let card = RateCard { version: store::rate_card::last_version(tx).await? + 1, ..card };
        let change = Change {
            scope: Scope::RateCards,
            resources: vec![Scope::RateCards.to_string()],
            before: Value::Null,
            after: card.to_json(),
            facts: false,
        };
        tx.record(change).await?;
        store::rate_card::add(tx, &card, now).await?;
        Ok(convert::rate_card::to_wire(&card, now))
    }
}

/// The meters that a card is to price: all that are not retired.
async fn priced_meters(
    tx: &mut Tx,
    now: Timestamp,
) -> Result<BTreeMap<devspaces_kit::name::MeterName, Meter>, Abort> {
    let meters = store::meter::after(tx, "", i64::MAX).await?;
    let meters = meters.into_iter().filter(|meter| !meter.is_retired(now));
    Ok(meters.map(|meter| (meter.name.clone(), meter)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-B6
    #[test]
    fn a_card_is_announced_as_long_before_as_the_notice() {
        let day = Duration::from_hours(24);
        for (now, notice, latest) in [
            ("2026-11-03T00:00:00Z", 90 * day, "2027-01"),
            ("2026-11-03T00:00:00.000001Z", 90 * day, "2027-02"),
            ("2026-11-02T23:59:59Z", 90 * day, "2027-01"),
            ("2026-10-31T23:50:00Z", Duration::ZERO, "2026-10"),
            ("2026-10-31T23:50:00.000001Z", Duration::ZERO, "2026-11"),
            ("2026-11-15T00:00:00Z", Duration::ZERO, "2026-11"),
        ] {
            let settled = settled(now.parse().expect("a time"), notice);
            assert_eq!(settled.to_string(), latest, "{now}");
        }
    }
}
