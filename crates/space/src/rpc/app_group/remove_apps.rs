use devspaces_authz::Permission;
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppGroupName, AppName},
    status::Fault,
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{RemoveAppsRequest, RemoveAppsResponse};
use serde_json::{Value, json};

use super::{existing, record};
use crate::{convert, store};

/// R-A11, R-S5: also in an archived space.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RemoveAppsRequest,
) -> Result<RemoveAppsResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<AppGroupName>("name", &it.name))?;
    context.mutations.answer(&call, remove(context, &call, name, request)).await
}

async fn remove(
    context: &Context,
    call: &Call,
    name: AppGroupName,
    request: RemoveAppsRequest,
) -> Result<RemoveAppsResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::AppGroupsUpdate, name.space).await?;
    let apps = convert::app_group::apps(&request.apps)?;
    let removal = Removal { name, apps };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(removal)).await
}

struct Removal {
    name: AppGroupName,
    apps: Vec<AppName>,
}

impl GuardedChange for Removal {
    type Reply = RemoveAppsResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<RemoveAppsResponse, Abort> {
        existing(tx, self.name).await?;
        let mut removed = Vec::with_capacity(self.apps.len());
        for app in &self.apps {
            if store::app_group::remove(tx, self.name, *app).await? {
                removed.push(app.to_string());
            }
        }
        if !removed.is_empty() {
            record(tx, self.name, json!({ "apps": removed }), Value::Null).await?;
        }
        Ok(RemoveAppsResponse {})
    }
}
