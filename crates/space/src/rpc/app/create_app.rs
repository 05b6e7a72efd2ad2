use devspaces_authz::{AppRole, FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, ContributorName, SpaceName, UserName},
    status::{Fault, Fields},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{App as WireApp, CreateAppRequest};
use serde_json::{Value, json};

use super::scopes;
use crate::{
    convert,
    domain::{App, Contributor, Details, role_json},
    journaling::{AppChange, record},
    store,
};

/// R-A1
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateAppRequest,
) -> Result<WireApp, Fault> {
    let (space, call) = Call::parse(caller, &mut request, |fields, it| {
        let space = it.app.as_ref().map_or("", |app| &app.space);
        fields.parse::<SpaceName>("app.space", space)
    })?;
    context.mutations.answer(&call, create(context, &call, space, request)).await
}

async fn create(
    context: &Context,
    call: &Call,
    space: SpaceName,
    request: CreateAppRequest,
) -> Result<WireApp, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::AppsCreate, space).await?;
    let mut fields = Fields::new();
    let details = convert::app::details(&mut fields, request.app);
    let details = fields.finish_with(details)?;
    let denied = || Fault::permission_denied(Permission::AppsCreate.name(), space);
    let owner = call.caller.principal.as_user().ok_or_else(denied)?;
    let name = AppName(context.clock.new_id());
    let creation = Creation { name, space, details, owner };
    context.mutations.run(call.clone(), scopes(name, Some(space)), pass.guard(creation)).await
}

struct Creation {
    name: AppName,
    space: SpaceName,
    details: Details,
    owner: UserName,
}

impl GuardedChange for Creation {
    type Reply = WireApp;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::AppLinked, FactChange::ContributorRoleGiven])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireApp, Abort> {
        confirmed.blockers()?.finish()?;
        let suspension_of_space = store::space::suspension_of(tx, self.space).await?;
        let app = App::new(self.name, Some(self.space), self.details.clone(), tx.time());
        let app = App { suspension_of_space, ..app };
        let app = add(tx, app, &self.owner).await?;
        Ok(convert::app::to_wire(app, AppRole::Owner))
    }
}

/// R-A3: stores a new app with its `OWNER`.
pub(super) async fn add(tx: &mut Tx, app: App, owner: &UserName) -> Result<App, Abort> {
    let owner = ContributorName { app: app.name, user: owner.clone() };
    let change = AppChange {
        app: app.name,
        space: app.space,
        resources: vec![app.name.to_string(), owner.to_string()],
        before: Value::Null,
        after: json!({ "app": app.to_json(), "contributors": [role_json(&owner, AppRole::Owner)] }),
    };
    let revision = record(tx, change).await?;
    let app = App { revision, ..app };
    store::app::put(tx, &app).await?;
    store::holding::follow(tx, app.name, None, app.holder(), app.create_time).await?;
    let owner = Contributor::new(owner, AppRole::Owner, app.space, tx.time(), revision);
    store::contributor::put(tx, &owner).await?;
    Ok(app)
}
