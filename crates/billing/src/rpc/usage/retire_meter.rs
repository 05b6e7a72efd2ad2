use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{MeterName, Scope},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::billing::v1::{Meter as WireMeter, RetireMeterRequest};

use super::{meter_in_use, record_meter};
use crate::{domain::Meter, store};

/// R-B6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RetireMeterRequest,
) -> Result<WireMeter, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<MeterName>("name", &it.name))?;
    context.mutations.answer(&call, retire(context, &call, name, request.etag)).await
}

async fn retire(context: &Context, call: &Call, name: MeterName, etag: String) -> Result<WireMeter, Fault> {
    let pass = context.gate.require(&call.caller, Permission::MetersUpdate, Resource::Platform).await?;
    let retirement = Retirement { name, etag };
    context.mutations.run(call.clone(), vec![Scope::RateCards], pass.guard(retirement)).await
}

struct Retirement {
    name: MeterName,
    etag: String,
}

impl GuardedChange for Retirement {
    type Reply = WireMeter;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireMeter, Abort> {
        let before = meter_in_use(tx, &self.name, &self.etag).await?;
        let now = tx.time();
        let after = Meter { retire_time: Some(now), update_time: now, ..before.clone() };
        let revision = record_meter(tx, &self.name, before.to_json(), after.to_json()).await?;
        let after = Meter { revision, ..after };
        store::meter::put(tx, &after).await?;
        Ok(after.into())
    }
}
