use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{ListAppGroupsRequest, ListAppGroupsResponse};
use uuid::Uuid;

use super::{Sight, sight};
use crate::store;

/// R-A11, R-A5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListAppGroupsRequest,
) -> Result<ListAppGroupsResponse, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("parent", &request.parent);
    let space = fields.finish_with(space)?;
    let sight = sight(context, &caller, space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let principal = caller.principal.to_string();
    let tokens = PageToken::for_arguments::<ListAppGroupsRequest>(&[&principal, &request.parent]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let after = after.map_err(|_| Fault::page_token_invalid())?.unwrap_or_default();
    let (limit, now) = (page::limit(size), context.clock.now());
    let mut db = context.pool.read().await?;
    let found = match &sight {
        Sight::Everything => store::app_group::list(&mut db, space, after, limit).await?,
        Sight::Own(person) => store::app_group::list_seen(&mut db, space, person, after, limit, now).await?,
    };
    let (app_groups, last) = page::fill(found, size, |it| it.name.id, |it| Some(it.into()));
    Ok(ListAppGroupsResponse { app_groups, next_page_token: tokens.next(last) })
}
