use devspaces_authz::{Permission, Service, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{GroupName, SpaceName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::membership::v1::{CreateGroupRequest, Group as WireGroup};
use serde_json::Value;

use super::MOST_GROUPS;
use crate::{convert, domain::Group, store};

/// R-M11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateGroupRequest,
) -> Result<WireGroup, Fault> {
    let (space, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("parent", &it.parent))?;
    context.mutations.answer(&call, create(context, &call, space, request)).await
}

async fn create(
    context: &Context,
    call: &Call,
    space: SpaceName,
    request: CreateGroupRequest,
) -> Result<WireGroup, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::GroupsUpdate, space).await?;
    let display_name = convert::group::display_name(request.group)?;
    let name = GroupName { space, id: context.clock.new_id() };
    let creation = Creation { name, display_name };
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(creation)).await
}

struct Creation {
    name: GroupName,
    display_name: String,
}

impl GuardedChange for Creation {
    type Reply = WireGroup;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireGroup, Abort> {
        let Self { name, display_name } = self;
        let mut blockers = confirmed.blockers()?;
        if store::group::count(tx, name.space).await? >= MOST_GROUPS {
            let sentence =
                format!("The space has {MOST_GROUPS} groups, and no more may be; delete some first");
            blockers.add(Reason::TooManyGroups, name.space.to_string(), sentence);
        }
        blockers.finish()?;
        let now = tx.time();
        let display_name = display_name.clone();
        let group = Group { name: *name, display_name, create_time: now, update_time: now, revision: 0 };
        let scope = name.space.into();
        let change = Change {
            scope,
            resources: vec![name.to_string()],
            before: Value::Null,
            after: group.to_json(),
            facts: false,
        };
        let group = Group { revision: tx.record(change).await?, ..group };
        store::group::put(tx, &group).await?;
        tx.emit(scope, Service::Space.name(), vec![group.effect(&[], &[])]).await?;
        Ok(group.into())
    }
}
