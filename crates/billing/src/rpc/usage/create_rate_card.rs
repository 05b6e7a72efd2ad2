use std::time::Duration;

use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::Scope,
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{CreateRateCardRequest, RateCard as WireRateCard};
use serde_json::Value;
use tonic::Code;

use crate::{
    convert,
    domain::{Month, RateCard},
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
    let current = begun(context.clock.now());
    let in_force = store::rate_card::for_month(&mut context.pool.read().await?, current).await?;
    let card = convert::rate_card::new(&request.rate_card.unwrap_or_default(), &in_force.currency, current)?;
    context.mutations.run(call.clone(), vec![Scope::RateCards], pass.guard(Creation { card })).await
}

/// For so long before a month begins its prices stand: usage may be reported five minutes ahead of time, and what is
/// accepted is bounded by what it costs.
const SETTLED: Duration = Duration::from_mins(10);

/// The latest month whose prices stand.
fn begun(now: Timestamp) -> Month {
    Month::of(now + SETTLED)
}

struct Creation {
    /// Its version is still to be found.
    card: RateCard,
}

impl GuardedChange for Creation {
    type Reply = WireRateCard;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireRateCard, Abort> {
        let month = self.card.effective_month;
        // The month may have begun since.
        let mut fields = Fields::new();
        fields.check("rate_card.effective_month", convert::rate_card::to_come(month, begun(tx.time())));
        fields.finish()?;
        if store::rate_card::for_month(tx, month).await?.effective_month == month {
            let message = "The month has a rate card already";
            return Err(Fault::new(Code::AlreadyExists, Reason::RateCardExists, message).into());
        }
        let version = store::rate_card::last_version(tx).await? + 1;
        let card = RateCard { version, ..self.card.clone() };
        let change = Change {
            scope: Scope::RateCards,
            resources: vec![Scope::RateCards.to_string()],
            before: Value::Null,
            after: card.to_json(),
            facts: false,
        };
        tx.record(change).await?;
        let now = tx.time();
        store::rate_card::add(tx, &card, now).await?;
        Ok(convert::rate_card::to_wire(&card, now))
    }
}
