use devspaces_authz::{Permission, Service, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::GroupName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx, etag};
use devspaces_proto::membership::v1::{Group as WireGroup, UpdateGroupRequest};

use super::existing;
use crate::{convert, domain::Group, store};

/// R-M11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UpdateGroupRequest,
) -> Result<WireGroup, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        let name = it.group.as_ref().map_or("", |group| &group.name);
        fields.parse::<GroupName>("group.name", name)
    })?;
    context.mutations.answer(&call, update(context, &call, name, request)).await
}

async fn update(
    context: &Context,
    call: &Call,
    name: GroupName,
    request: UpdateGroupRequest,
) -> Result<WireGroup, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::GroupsUpdate, name.space).await?;
    let display_name = convert::group::changed_name(&request)?;
    let etag = request.group.map(|group| group.etag).unwrap_or_default();
    let update = Update { name, etag, display_name };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(update)).await
}

struct Update {
    name: GroupName,
    etag: String,
    /// `None`: nothing changes.
    display_name: Option<String>,
}

impl GuardedChange for Update {
    type Reply = WireGroup;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireGroup, Abort> {
        let before = existing(tx, self.name).await?;
        etag::check(&self.etag, before.revision, self.name)?;
        confirmed.blockers()?.finish()?;
        let changed = self.display_name.as_ref().filter(|name| **name != before.display_name);
        let Some(display_name) = changed.cloned() else { return Ok(before.into()) };
        let after = Group { display_name, update_time: tx.time(), ..before.clone() };
        let scope = self.name.space.into();
        let change = Change {
            scope,
            resources: vec![self.name.to_string()],
            before: before.to_json(),
            after: after.to_json(),
            facts: false,
        };
        let after = Group { revision: tx.record(change).await?, ..after };
        store::group::put(tx, &after).await?;
        // Explanations tell what it is called.
        tx.emit(scope, Service::Space.name(), vec![after.effect(&[], &[])]).await?;
        Ok(after.into())
    }
}
