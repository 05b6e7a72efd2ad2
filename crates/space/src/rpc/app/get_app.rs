use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AppName,
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{App as WireApp, GetAppRequest};

use crate::{convert, store};

/// R-A4, R-A5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetAppRequest,
) -> Result<WireApp, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<AppName>("name", &request.name);
    let name = fields.finish_with(name)?;
    let pass = context.gate.require(&caller, Permission::AppGet, name).await?;
    let found = store::app::find(&mut context.pool.read().await?, name, context.clock.now()).await?;
    // What was decided holds for the space that the app was in.
    let found = found.filter(|app| app.space.filter(|_| !app.is_deleted()) == pass.space());
    let app = found.ok_or_else(|| Fault::permission_denied(Permission::AppGet.name(), name))?;
    Ok(convert::app::to_wire(app, convert::app::role_of(pass.facts())))
}
