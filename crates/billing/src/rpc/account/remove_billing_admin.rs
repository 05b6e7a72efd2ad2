use devspaces_authz::Permission;
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::BillingAdminName,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx, standing};
use devspaces_proto::billing::v1::{RemoveBillingAdminRequest, RemoveBillingAdminResponse};
use serde_json::{Value, json};

use crate::store;

/// R-B2
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RemoveBillingAdminRequest,
) -> Result<RemoveBillingAdminResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<BillingAdminName>("name", &it.name))?;
    context.mutations.answer(&call, remove(context, &call, name)).await
}

/// R-S5: roles are taken away in archived spaces too, and R-B11: also when the space is gone.
async fn remove(
    context: &Context,
    call: &Call,
    name: BillingAdminName,
) -> Result<RemoveBillingAdminResponse, Fault> {
    let space = name.account.0;
    let pass = context.gate.require(&call.caller, Permission::BillingAdminsUpdate, space).await?;
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(Removal { name })).await
}

struct Removal {
    name: BillingAdminName,
}

impl GuardedChange for Removal {
    type Reply = RemoveBillingAdminResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<RemoveBillingAdminResponse, Abort> {
        let name = &self.name;
        store::admin::find(tx, name).await?.ok_or_else(|| Fault::not_found(name))?;
        // Who is deactivated is not the last of those who count (R-M12).
        if !store::admin::has_other(tx, name).await? && standing::is_active(tx, &name.user).await? {
            let sentence = "A billing account keeps at least one billing admin; add someone else first";
            let account = name.account.to_string();
            return Err(Fault::precondition(Reason::LastBillingAdmin, account, sentence).into());
        }
        let change = Change {
            scope: name.account.0.into(),
            resources: vec![name.to_string()],
            before: json!({"billing_admins": [name.user.to_string()]}),
            after: Value::Null,
            facts: true,
        };
        tx.record(change).await?;
        store::admin::remove(tx, name).await?;
        Ok(RemoveBillingAdminResponse {})
    }
}
