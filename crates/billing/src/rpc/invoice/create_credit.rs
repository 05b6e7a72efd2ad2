use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{identity::Caller, name::AccountName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{CreateCreditRequest, Credit as WireCredit};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{convert, credit, domain::Month, store};

/// R-B10
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateCreditRequest,
) -> Result<WireCredit, Fault> {
    let (account, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AccountName>("parent", &it.parent))?;
    context.mutations.answer(&call, create(context, &call, account, request)).await
}

async fn create(
    context: &Context,
    call: &Call,
    account: AccountName,
    request: CreateCreditRequest,
) -> Result<WireCredit, Fault> {
    let pass = context.gate.require(&call.caller, Permission::BillingCredit, Resource::Platform).await?;
    let mut db = context.pool.read().await?;
    // All cards have one currency.
    let currency = store::rate_card::for_month(&mut db, Month::of(context.clock.now())).await?.currency;
    drop(db);
    let (amount, reason) = convert::credit::granted(request.credit, &currency)?;
    let creation = Creation { account, amount, currency, reason };
    context.mutations.run(call.clone(), vec![account.0.into()], pass.guard(creation)).await
}

struct Creation {
    account: AccountName,
    amount: Decimal,
    currency: String,
    reason: String,
}

impl GuardedChange for Creation {
    type Reply = WireCredit;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireCredit, Abort> {
        let Self { account, amount, currency, reason } = self;
        if store::account::find(tx, account.0).await?.is_none() {
            return Err(Fault::not_found(account).into());
        }
        let credit = credit::add(tx, *account, (*amount, currency), reason, None).await?;
        let change = Change {
            scope: account.0.into(),
            resources: vec![account.to_string()],
            before: Value::Null,
            after: json!({ "credit": credit.to_json() }),
            facts: false,
        };
        tx.record(change).await?;
        Ok(convert::credit::to_wire(credit)?)
    }
}
