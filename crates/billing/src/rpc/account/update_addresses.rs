use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::AccountName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx, etag};
use devspaces_proto::billing::v1::{Addresses as WireAddresses, UpdateAddressesRequest};

use crate::{
    convert,
    domain::{Addresses, AddressesPatch},
    store,
};

/// R-B4
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UpdateAddressesRequest,
) -> Result<WireAddresses, Fault> {
    let (account, call) = Call::parse(caller, &mut request, |fields, it| {
        let name = it.addresses.as_ref().map_or("", |addresses| &addresses.name);
        fields.parse::<AccountName>("addresses.name", name)
    })?;
    context.mutations.answer(&call, update(context, &call, account, request)).await
}

async fn update(
    context: &Context,
    call: &Call,
    account: AccountName,
    request: UpdateAddressesRequest,
) -> Result<WireAddresses, Fault> {
    let permission = Permission::BillingAddressesUpdate;
    let pass = context.gate.require_active(&call.caller, permission, account.0).await?;
    let etag = request.addresses.as_ref().map(|addresses| addresses.etag.clone()).unwrap_or_default();
    let patch = convert::address::patch(request)?;
    let update = Update { account, etag, patch };
    context.mutations.run(call.clone(), vec![account.0.into()], pass.guard(update)).await
}

struct Update {
    account: AccountName,
    etag: String,
    patch: AddressesPatch,
}

impl GuardedChange for Update {
    type Reply = WireAddresses;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireAddresses, Abort> {
        let Self { account, etag, patch } = self;
        let before = store::address::find(tx, account.0).await?;
        etag::check(etag, before.revision, account)?;
        confirmed.blockers()?.finish()?;
        let after = patch.apply(&before);
        if after == before {
            return Ok(convert::address::to_wire(*account, before));
        }
        let change = Change {
            scope: account.0.into(),
            resources: vec![account.to_string()],
            before: before.to_json(&after),
            after: after.to_json(&before),
            facts: false,
        };
        let revision = tx.record(change).await?;
        let now = tx.time();
        let after = Addresses { update_time: Some(now), revision, ..after };
        store::address::put(tx, account.0, &after).await?;
        store::account::touch(tx, account.0, now, revision).await?;
        Ok(convert::address::to_wire(*account, after))
    }
}
