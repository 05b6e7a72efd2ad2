use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::standing;
use devspaces_proto::membership::v1::{ListMembersRequest, ListMembersResponse};

use crate::{convert, store};

/// R-M7
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListMembersRequest,
) -> Result<ListMembersResponse, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("parent", &request.parent);
    let space = fields.finish_with(space)?;
    context.gate.require_read(&caller, Permission::MembersList, space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let role = fields.check("role", convert::role(request.role));
    let (size, role) = fields.finish_with(size.zip(role))?;
    let tokens =
        PageToken::for_arguments::<ListMembersRequest>(&[&request.parent, &request.role.to_string()]);
    let after = tokens.decode_text(&request.page_token)?;
    // One more than is shown tells whether there is another page.
    let page = store::member::Page { space, role, after: &after, limit: page::limit(size) };
    let mut db = context.pool.read().await?;
    let found = store::member::list(&mut db, &page, context.clock.now()).await?;
    let deactivated = standing::deactivated(&mut db, found.iter().map(|it| &it.name.user)).await?;
    let (members, last) = page::fill(
        found,
        size,
        |it| it.name.user.id().to_owned(),
        |it| Some(convert::marked(it, &deactivated)),
    );
    Ok(ListMembersResponse { members, next_page_token: tokens.next(last) })
}
