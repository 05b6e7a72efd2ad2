use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{MeterName, Scope},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::billing::v1::{Meter as WireMeter, UpdateMeterRequest};

use super::{meter_in_use, record_meter};
use crate::{
    convert::{self, meter::Patch},
    domain::Meter,
    store,
};

/// R-B6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UpdateMeterRequest,
) -> Result<WireMeter, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        let name = it.meter.as_ref().map_or("", |meter| &meter.name);
        fields.parse::<MeterName>("meter.name", name)
    })?;
    context.mutations.answer(&call, update(context, &call, name, request)).await
}

async fn update(
    context: &Context,
    call: &Call,
    name: MeterName,
    request: UpdateMeterRequest,
) -> Result<WireMeter, Fault> {
    let pass = context.gate.require(&call.caller, Permission::MetersUpdate, Resource::Platform).await?;
    let patch = convert::meter::patch(&request)?;
    let etag = request.meter.map(|meter| meter.etag).unwrap_or_default();
    let update = Update { name, etag, patch };
    context.mutations.run(call.clone(), vec![Scope::RateCards], pass.guard(update)).await
}

struct Update {
    name: MeterName,
    etag: String,
    patch: Patch,
}

impl GuardedChange for Update {
    type Reply = WireMeter;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireMeter, Abort> {
        let Self { name, etag, patch } = self;
        let before = meter_in_use(tx, name, etag).await?;
        convert::meter::same_unit(&before, patch)?;
        let dimensions = patch.dimensions.clone().unwrap_or_else(|| before.dimensions.clone());
        convert::meter::grown(&before, &dimensions)?;
        let description = patch.description.clone().unwrap_or_else(|| before.description.clone());
        let after = Meter { description, dimensions, ..before.clone() };
        if after == before {
            return Ok(before.into());
        }
        let revision = record_meter(tx, name, before.to_json(), after.to_json()).await?;
        let after = Meter { revision, update_time: tx.time(), ..after };
        store::meter::put(tx, &after).await?;
        Ok(after.into())
    }
}
