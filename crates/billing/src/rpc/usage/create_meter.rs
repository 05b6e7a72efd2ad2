use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::Scope,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::billing::v1::{CreateMeterRequest, Meter as WireMeter};
use serde_json::Value;
use tonic::Code;

use super::record_meter;
use crate::{
    convert::{self, meter::New},
    domain::Meter,
    store,
};

/// How many meters there are at most, those that are retired included: a card has a rate for each.
const MOST_METERS: i64 = 500;

/// R-B6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateMeterRequest,
) -> Result<WireMeter, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    context.mutations.answer(&call, create(context, &call, request)).await
}

async fn create(context: &Context, call: &Call, request: CreateMeterRequest) -> Result<WireMeter, Fault> {
    let pass = context.gate.require(&call.caller, Permission::MetersUpdate, Resource::Platform).await?;
    let creation = Creation(convert::meter::new(request.meter)?);
    context.mutations.run(call.clone(), vec![Scope::RateCards], pass.guard(creation)).await
}

struct Creation(New);

impl GuardedChange for Creation {
    type Reply = WireMeter;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireMeter, Abort> {
        let New { name, unit, description, dimensions } = &self.0;
        if store::meter::find(tx, name).await?.is_some() {
            let message = "There is a meter with this id already, or there was and it is retired";
            return Err(Fault::new(Code::AlreadyExists, Reason::MeterExists, message).into());
        }
        if store::meter::count(tx).await? >= MOST_METERS {
            let sentence = format!("There are {MOST_METERS} meters, and no more may be");
            return Err(Fault::precondition(Reason::TooManyMeters, name.to_string(), sentence).into());
        }
        let now = tx.time();
        let mut meter = Meter {
            name: name.clone(),
            unit: unit.clone(),
            description: description.clone(),
            dimensions: dimensions.clone(),
            create_time: now,
            update_time: now,
            retire_time: None,
            revision: 0,
        };
        meter.revision = record_meter(tx, name, Value::Null, meter.to_json()).await?;
        store::meter::put(tx, &meter).await?;
        Ok(meter.into())
    }
}
