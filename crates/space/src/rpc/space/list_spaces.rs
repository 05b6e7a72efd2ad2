use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{ListSpacesRequest, ListSpacesResponse};
use uuid::Uuid;

use crate::{convert, store};

/// R-S2
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListSpacesRequest,
) -> Result<ListSpacesResponse, Fault> {
    context.gate.require_active_person(&caller).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListSpacesRequest>(&[&caller.principal.to_string()]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let after = after.map_err(|_| Fault::page_token_invalid())?.map(SpaceName);
    let held = context.gate.subject_spaces(&caller.principal, after, size + 1).await?;
    let names: Vec<SpaceName> = held.iter().map(|(name, _)| *name).collect();
    let mut found = store::space::find_all(&mut context.pool.read().await?, &names).await?;
    // A role in a space of which there is nothing left is no space to list.
    let (spaces, last) = page::fill(
        &held,
        size,
        |(name, _)| *name,
        |(name, facts)| Some(convert::space::access(found.remove(name)?, facts)),
    );
    Ok(ListSpacesResponse { spaces, next_page_token: tokens.next(last.map(|last| last.0)) })
}
