use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppGroupName, SpaceName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{AppGroup as WireAppGroup, CreateAppGroupRequest};
use serde_json::Value;

use super::{MOST_APP_GROUPS, record};
use crate::{convert, domain::AppGroup, store};

/// R-A11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateAppGroupRequest,
) -> Result<WireAppGroup, Fault> {
    let (space, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("parent", &it.parent))?;
    context.mutations.answer(&call, create(context, &call, space, request)).await
}

async fn create(
    context: &Context,
    call: &Call,
    space: SpaceName,
    request: CreateAppGroupRequest,
) -> Result<WireAppGroup, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::AppGroupsUpdate, space).await?;
    let display_name = convert::app_group::display_name(request.app_group)?;
    let name = AppGroupName { space, id: context.clock.new_id() };
    let creation = Creation { name, display_name };
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(creation)).await
}

struct Creation {
    name: AppGroupName,
    display_name: String,
}

impl GuardedChange for Creation {
    type Reply = WireAppGroup;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireAppGroup, Abort> {
        let Self { name, display_name } = self;
        let mut blockers = confirmed.blockers()?;
        if store::app_group::count(tx, name.space).await? >= MOST_APP_GROUPS {
            let sentence =
                format!("The space has {MOST_APP_GROUPS} app groups, and no more may be; delete some first");
            blockers.add(Reason::TooManyGroups, name.space.to_string(), sentence);
        }
        blockers.finish()?;
        let now = tx.time();
        let display_name = display_name.clone();
        let group = AppGroup { name: *name, display_name, create_time: now, update_time: now, revision: 0 };
        let revision = record(tx, *name, Value::Null, group.to_json()).await?;
        let group = AppGroup { revision, ..group };
        store::app_group::put(tx, &group).await?;
        Ok(group.into())
    }
}
