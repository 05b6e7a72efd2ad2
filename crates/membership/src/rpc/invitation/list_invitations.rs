use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{ListInvitationsRequest, ListInvitationsResponse};
use uuid::Uuid;

use crate::{
    convert::invitation::{state, to_wire},
    store,
};

/// R-M9
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListInvitationsRequest,
) -> Result<ListInvitationsResponse, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("parent", &request.parent);
    let space = fields.finish_with(space)?;
    context.gate.require_read(&caller, Permission::InvitationsUpdate, space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let state = fields.check("state", state(request.state));
    let (size, state) = fields.finish_with(size.zip(state))?;
    let tokens =
        PageToken::for_arguments::<ListInvitationsRequest>(&[&request.parent, &request.state.to_string()]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let after = after.map_err(|_| Fault::page_token_invalid())?.unwrap_or_default();
    let now = context.clock.now();
    // One more than is shown tells whether there is another page.
    let page = store::invitation::Page { space, state, now, after, limit: page::limit(size) };
    let found = store::invitation::list(&mut context.pool.read().await?, &page).await?;
    let (invitations, last) = page::fill(found, size, |it| it.name.id, |it| Some(to_wire(&it, now)));
    Ok(ListInvitationsResponse { invitations, next_page_token: tokens.next(last) })
}
