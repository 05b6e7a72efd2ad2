use devspaces_authz::Permission;
use devspaces_gate::{Context, Resource};
use devspaces_kit::{
    identity::Caller,
    name::UserName,
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{GetUserStandingRequest, UserStanding};

use crate::{convert::standing::to_wire, store};

/// R-M12
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetUserStandingRequest,
) -> Result<UserStanding, Fault> {
    let mut fields = Fields::new();
    let person = fields.parse::<UserName>("name", &request.name);
    let person = fields.finish_with(person)?;
    context.gate.require_read(&caller, Permission::PeopleDeactivate, Resource::Platform).await?;
    let found = store::deactivation::find(&mut context.pool.read().await?, &person).await?;
    Ok(to_wire(&person, found.as_ref()))
}
