use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::AppName, status::Fault};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::space::v1::{App as WireApp, UpdateAppRequest};

use super::{permitted_app, scopes};
use crate::{
    convert,
    domain::{App, DetailsPatch},
    store,
};

/// R-A6
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UpdateAppRequest,
) -> Result<WireApp, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        let name = it.app.as_ref().map_or("", |app| &app.name);
        fields.parse::<AppName>("app.name", name)
    })?;
    context.mutations.answer(&call, update(context, &call, name, request)).await
}

async fn update(
    context: &Context,
    call: &Call,
    name: AppName,
    request: UpdateAppRequest,
) -> Result<WireApp, Fault> {
    let pass = context.gate.require(&call.caller, Permission::AppUpdate, name).await?;
    let patch = convert::app::patch(&request)?;
    let etag = request.app.map(|app| app.etag).unwrap_or_default();
    // A role through a group changes with the space and not with the app.
    let scopes = scopes(name, pass.space());
    context.mutations.run(call.clone(), scopes, pass.guard(Update { name, etag, patch })).await
}

struct Update {
    name: AppName,
    etag: String,
    patch: DetailsPatch,
}

impl GuardedChange for Update {
    type Reply = WireApp;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireApp, Abort> {
        let facts = confirmed.facts();
        let before = permitted_app(tx, Permission::AppUpdate, self.name, &self.etag).await?;
        let role = convert::app::role_of(facts);
        let details = self.patch.apply(&before.details);
        if details == before.details {
            return Ok(convert::app::to_wire(before, role));
        }
        let mut after = App { details, update_time: tx.time(), ..before.clone() };
        let change = Change {
            scope: self.name.into(),
            resources: vec![self.name.to_string()],
            before: before.to_json(),
            after: after.to_json(),
            facts: false,
        };
        after.revision = tx.record(change).await?;
        store::app::put(tx, &after).await?;
        Ok(convert::app::to_wire(after, role))
    }
}
