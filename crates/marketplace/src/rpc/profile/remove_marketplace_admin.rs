use devspaces_authz::Permission;
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{MarketplaceAdminName, SpaceName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx, standing};
use devspaces_proto::marketplace::v1::{RemoveMarketplaceAdminRequest, RemoveMarketplaceAdminResponse};
use serde_json::{Value, json};

use super::resource;
use crate::store;

/// R-K4
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RemoveMarketplaceAdminRequest,
) -> Result<RemoveMarketplaceAdminResponse, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        fields.parse::<MarketplaceAdminName>("name", &it.name)
    })?;
    context.mutations.answer(&call, remove(context, &call, name)).await
}

async fn remove(
    context: &Context,
    call: &Call,
    name: MarketplaceAdminName,
) -> Result<RemoveMarketplaceAdminResponse, Fault> {
    let (resource, space) = resource(context, name.profile).await?;
    let pass = context.gate.require(&call.caller, Permission::MarketplaceAdminsUpdate, resource).await?;
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(Removal { name, space })).await
}

struct Removal {
    name: MarketplaceAdminName,
    space: SpaceName,
}

impl GuardedChange for Removal {
    type Reply = RemoveMarketplaceAdminResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<RemoveMarketplaceAdminResponse, Abort> {
        let Self { name, space } = self;
        if store::admin::since(tx, *space, &name.user).await?.is_none() {
            return Err(Fault::not_found(name).into());
        }
        // Who is deactivated is not the last of those who count (R-M12).
        if !store::admin::has_other(tx, *space, &name.user).await?
            && standing::is_active(tx, &name.user).await?
        {
            let sentence = "A vendor profile keeps at least one Marketplace admin; add someone else first";
            return Err(Fault::precondition(
                Reason::LastMarketplaceAdmin,
                name.profile.to_string(),
                sentence,
            )
            .into());
        }
        let change = Change {
            scope: (*space).into(),
            resources: vec![name.to_string()],
            before: json!({ "user": name.user.to_string() }),
            after: Value::Null,
            facts: true,
        };
        tx.record(change).await?;
        store::admin::remove(tx, *space, &name.user).await?;
        Ok(RemoveMarketplaceAdminResponse {})
    }
}
