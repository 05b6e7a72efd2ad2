use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AccountName, BillingAdminName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::billing::v1::{AddBillingAdminsRequest, AddBillingAdminsResponse};
use serde_json::{Value, json};
use tonic::Code;

use crate::{convert, domain::Admin, store};

/// R-B2
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: AddBillingAdminsRequest,
) -> Result<AddBillingAdminsResponse, Fault> {
    let (account, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AccountName>("parent", &it.parent))?;
    context.mutations.answer(&call, add(context, &call, account, request)).await
}

async fn add(
    context: &Context,
    call: &Call,
    account: AccountName,
    request: AddBillingAdminsRequest,
) -> Result<AddBillingAdminsResponse, Fault> {
    let permission = Permission::BillingAdminsUpdate;
    let pass = context.gate.require_active(&call.caller, permission, account.0).await?;
    let users = convert::account::added(&request.users)?;
    let added = users.into_iter().map(|user| BillingAdminName { account, user }).collect();
    context.mutations.run(call.clone(), vec![account.0.into()], pass.guard(Addition { account, added })).await
}

struct Addition {
    account: AccountName,
    added: Vec<BillingAdminName>,
}

impl GuardedChange for Addition {
    type Reply = AddBillingAdminsResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::BillingAdminGiven])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<AddBillingAdminsResponse, Abort> {
        let Self { account, added } = self;
        confirmed.blockers()?.finish()?;
        refuse_existing(tx, added).await?;
        let users: Vec<String> = added.iter().map(|name| name.user.to_string()).collect();
        let change = Change {
            scope: account.0.into(),
            resources: added.iter().map(ToString::to_string).collect(),
            before: Value::Null,
            after: json!({ "billing_admins": users }),
            facts: true,
        };
        tx.record(change).await?;
        let mut admins = Vec::with_capacity(added.len());
        for name in added {
            let admin = Admin { name: name.clone(), create_time: tx.time() };
            store::admin::insert(tx, &admin).await?;
            admins.push(admin.into());
        }
        Ok(AddBillingAdminsResponse { admins })
    }
}

/// All of them or none: whoever is billing admin already is named.
async fn refuse_existing(tx: &mut Tx, added: &[BillingAdminName]) -> Result<(), Abort> {
    let mut fault = None;
    for (index, name) in added.iter().enumerate() {
        if store::admin::find(tx, name).await?.is_some() {
            let message = "Someone who already is billing admin can't be made one";
            fault = Some(
                fault
                    .unwrap_or_else(|| Fault::new(Code::AlreadyExists, Reason::BillingAdminExists, message))
                    .field(format!("users[{index}]"), "already is billing admin"),
            );
        }
    }
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}
