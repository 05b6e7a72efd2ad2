use devspaces_authz::Permission;
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppGroupName, RoleHolder},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{AppGroupRole, GrantAppGroupRoleRequest};
use serde_json::Value;

use super::{MOST_ROLES, existing, record};
use crate::{
    convert::{self, app_group::role_to_wire},
    domain::GivenRole,
    store,
};

/// R-A11, R-M10
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: GrantAppGroupRoleRequest,
) -> Result<AppGroupRole, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppGroupName>("name", &it.name))?;
    context.mutations.answer(&call, grant(context, &call, name, request)).await
}

async fn grant(
    context: &Context,
    call: &Call,
    name: AppGroupName,
    request: GrantAppGroupRoleRequest,
) -> Result<AppGroupRole, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::AppGroupsUpdate, name.space).await?;
    let (holder, given) = convert::app_group::given(name, &request, context.clock.now())?;
    let grant = RoleGrant { name, holder, given };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(grant)).await
}

struct RoleGrant {
    name: AppGroupName,
    holder: RoleHolder,
    given: GivenRole,
}

/// It rests as a revocation does: what takes the place of a higher role takes that away.
impl GuardedChange for RoleGrant {
    type Reply = AppGroupRole;

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<AppGroupRole, Abort> {
        let Self { name, holder, given } = self;
        let now = tx.time();
        existing(tx, *name).await?;
        if let RoleHolder::Group(group) = holder
            && store::group::find(tx, *group).await?.is_none()
        {
            return Err(Fault::not_found(group).into());
        }
        let before = store::app_group_role::find(tx, *name, holder, now).await?;
        let mut blockers = confirmed.blockers()?;
        if before.is_none() && store::app_group_role::count(tx, *name, now).await? >= MOST_ROLES {
            let sentence =
                format!("{MOST_ROLES} people and groups have roles on the app group, and no more may");
            blockers.add(Reason::GroupFull, name.to_string(), sentence);
        }
        blockers.finish()?;
        if before != Some(*given) {
            let told = before.map_or(Value::Null, |before| before.to_json(&holder.to_string()));
            record(tx, *name, told, given.to_json(&holder.to_string())).await?;
            store::app_group_role::put(tx, *name, holder, given, now).await?;
        }
        Ok(role_to_wire(holder, *given))
    }
}
