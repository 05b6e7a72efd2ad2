use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::AppGroupName, status::Fault};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::space::v1::{AppGroup as WireAppGroup, UpdateAppGroupRequest};

use super::{existing, record};
use crate::{convert, domain::AppGroup, store};

/// R-A11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UpdateAppGroupRequest,
) -> Result<WireAppGroup, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        let name = it.app_group.as_ref().map_or("", |group| &group.name);
        fields.parse::<AppGroupName>("app_group.name", name)
    })?;
    context.mutations.answer(&call, update(context, &call, name, request)).await
}

async fn update(
    context: &Context,
    call: &Call,
    name: AppGroupName,
    request: UpdateAppGroupRequest,
) -> Result<WireAppGroup, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::AppGroupsUpdate, name.space).await?;
    let display_name = convert::app_group::changed_name(&request)?;
    let etag = request.app_group.map(|group| group.etag).unwrap_or_default();
    let update = Update { name, etag, display_name };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(update)).await
}

struct Update {
    name: AppGroupName,
    etag: String,
    /// `None`: nothing changes.
    display_name: Option<String>,
}

impl GuardedChange for Update {
    type Reply = WireAppGroup;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireAppGroup, Abort> {
        let before = existing(tx, self.name).await?;
        etag::check(&self.etag, before.revision, self.name)?;
        confirmed.blockers()?.finish()?;
        let changed = self.display_name.as_ref().filter(|name| **name != before.display_name);
        let Some(display_name) = changed.cloned() else { return Ok(before.into()) };
        let after = AppGroup { display_name, update_time: tx.time(), ..before.clone() };
        let revision = record(tx, self.name, before.to_json(), after.to_json()).await?;
        let after = AppGroup { revision, ..after };
        store::app_group::put(tx, &after).await?;
        Ok(after.into())
    }
}
