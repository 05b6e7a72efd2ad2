use devspaces_authz::{AppRole, FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, UserName},
    status::{Fault, Fields},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::space::v1::{App as WireApp, ContributorRole, ImportAppRequest};

use super::{create_app::add, scopes};
use crate::{
    convert,
    domain::{App, Details},
};

/// R-A2
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ImportAppRequest,
) -> Result<WireApp, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    context.mutations.answer(&call, import(context, &call, request)).await
}

async fn import(context: &Context, call: &Call, request: ImportAppRequest) -> Result<WireApp, Fault> {
    let pass = context.gate.require(&call.caller, Permission::ImportApps, Resource::Platform).await?;
    let mut fields = Fields::new();
    let details = convert::app::details(&mut fields, request.app);
    let owner = fields.parse::<UserName>("owner", &request.owner);
    let (details, owner) = fields.finish_with(details.zip(owner))?;
    let name = AppName(context.clock.new_id());
    context.mutations.run(call.clone(), scopes(name, None), pass.guard(Import { name, details, owner })).await
}

struct Import {
    name: AppName,
    details: Details,
    owner: UserName,
}

impl GuardedChange for Import {
    type Reply = WireApp;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::ContributorRoleGiven])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireApp, Abort> {
        let app = App::new(self.name, None, self.details.clone(), tx.time());
        let app = add(tx, app, &self.owner).await?;
        // The service that imports has no role on what it imports.
        let my_role = ContributorRole::Unspecified.into();
        Ok(WireApp { my_role, ..convert::app::to_wire(app, AppRole::Owner) })
    }
}
