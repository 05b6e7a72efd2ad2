use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::{MemberName, SpaceName, UserName},
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{
    PreviewDepartureRequest, PreviewDepartureResponse, RemoveMemberRequest,
};

use crate::rpc::member::remove_member;

/// R-M13: by the removal itself, which is checked and not made, so that the two can't differ.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: PreviewDepartureRequest,
) -> Result<PreviewDepartureResponse, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("space", &request.space);
    let space = fields.finish_with(space)?;
    context.gate.require_read(&caller, Permission::MembersRemove, space).await?;
    let mut fields = Fields::new();
    let user = fields.parse::<UserName>("user", &request.user);
    let user = fields.finish_with(user)?;
    let name = MemberName { space, user }.to_string();
    let removal = RemoveMemberRequest { name, validate_only: true, ..RemoveMemberRequest::default() };
    let removal = remove_member::handle(context, caller, removal).await?;
    Ok(PreviewDepartureResponse { removal: Some(removal) })
}
