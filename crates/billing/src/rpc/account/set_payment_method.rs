use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::AccountName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{PaymentMethod as WirePaymentMethod, SetPaymentMethodRequest};
use serde_json::Value;

use crate::{
    convert,
    domain::{Instrument, PaymentMethod, Token},
    store,
};

/// R-B3
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: SetPaymentMethodRequest,
) -> Result<WirePaymentMethod, Fault> {
    let (account, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AccountName>("parent", &it.parent))?;
    context.mutations.answer(&call, set(context, &call, account, request)).await
}

/// R-S5: also while the space is archived.
async fn set(
    context: &Context,
    call: &Call,
    account: AccountName,
    request: SetPaymentMethodRequest,
) -> Result<WirePaymentMethod, Fault> {
    let permission = Permission::BillingPaymentMethodUpdate;
    let pass = context.gate.require(&call.caller, permission, account.0).await?;
    let (token, instrument) = convert::payment::given(request.payment_method, context.clock.now())?;
    let setting = Setting { account, token, instrument };
    context.mutations.run(call.clone(), vec![account.0.into()], pass.guard(setting)).await
}

struct Setting {
    account: AccountName,
    token: Token,
    instrument: Instrument,
}

impl GuardedChange for Setting {
    type Reply = WirePaymentMethod;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WirePaymentMethod, Abort> {
        let space = self.account.0;
        let before = store::payment::find(tx, space).await?;
        let change = Change {
            scope: space.into(),
            resources: vec![self.account.to_string()],
            before: before.map_or(Value::Null, |before| before.instrument.to_json()),
            after: self.instrument.to_json(),
            facts: false,
        };
        let revision = tx.record(change).await?;
        let now = tx.time();
        let method = PaymentMethod { instrument: self.instrument.clone(), update_time: now, revision };
        store::payment::put(tx, space, &self.token, &method).await?;
        store::account::touch(tx, space, now, revision).await?;
        Ok(convert::payment::whole(method))
    }
}
