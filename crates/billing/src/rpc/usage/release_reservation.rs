use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{identity::Caller, name::ReservationName, status::Fault};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::billing::v1::{ReleaseReservationRequest, ReleaseReservationResponse};
use serde_json::{Value, json};

use super::reserve_usage::record;
use crate::{domain::reservation::Reservation, store};

/// R-E5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ReleaseReservationRequest,
) -> Result<ReleaseReservationResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<ReservationName>("name", &it.name))?;
    context.mutations.answer(&call, release(context, &call, name)).await
}

async fn release(
    context: &Context,
    call: &Call,
    name: ReservationName,
) -> Result<ReleaseReservationResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::UsageReport, Resource::Platform).await?;
    let found = store::reservation::of_names(&mut context.pool.read().await?, &[name]).await?.remove(&name);
    let scope = found.ok_or_else(|| Fault::not_found(name))?.space.into();
    context.mutations.run(call.clone(), vec![scope], pass.guard(Release(name))).await
}

struct Release(ReservationName);

impl GuardedChange for Release {
    type Reply = ReleaseReservationResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<ReleaseReservationResponse, Abort> {
        let found = store::reservation::of_names(tx, &[self.0]).await?.remove(&self.0);
        let found: Reservation = found.ok_or_else(|| Fault::not_found(self.0))?;
        let released_quantity = found.remaining.to_string();
        let before = json!({"reservation": { "name": self.0.to_string(), "remaining": released_quantity }});
        record(tx, &found, before, &Value::Null).await?;
        store::reservation::remove(tx, self.0).await?;
        Ok(ReleaseReservationResponse { released_quantity })
    }
}
