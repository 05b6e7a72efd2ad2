use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::AccountName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx, etag};
use devspaces_proto::billing::v1::{RemovePaymentMethodRequest, RemovePaymentMethodResponse};
use serde_json::Value;

use super::{no_payment_method, payment_method_of};
use crate::store;

/// R-B3
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RemovePaymentMethodRequest,
) -> Result<RemovePaymentMethodResponse, Fault> {
    let (account, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AccountName>("name", &it.name))?;
    context.mutations.answer(&call, remove(context, &call, account, request.etag)).await
}

/// R-S5: also while the space is archived.
async fn remove(
    context: &Context,
    call: &Call,
    account: AccountName,
    etag: String,
) -> Result<RemovePaymentMethodResponse, Fault> {
    let permission = Permission::BillingPaymentMethodUpdate;
    let pass = context.gate.require(&call.caller, permission, account.0).await?;
    context.mutations.run(call.clone(), vec![account.0.into()], pass.guard(Removal { account, etag })).await
}

struct Removal {
    account: AccountName,
    etag: String,
}

impl GuardedChange for Removal {
    type Reply = RemovePaymentMethodResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<RemovePaymentMethodResponse, Abort> {
        let Self { account, etag } = self;
        let before = store::payment::find(tx, account.0).await?.ok_or_else(|| no_payment_method(*account))?;
        etag::check(etag, before.revision, payment_method_of(*account))?;
        let change = Change {
            scope: account.0.into(),
            resources: vec![account.to_string()],
            before: before.instrument.to_json(),
            after: Value::Null,
            facts: false,
        };
        let revision = tx.record(change).await?;
        store::payment::remove(tx, account.0).await?;
        let now = tx.time();
        store::account::touch(tx, account.0, now, revision).await?;
        Ok(RemovePaymentMethodResponse {})
    }
}
