use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{ListSpacesRequest, ListSpacesResponse};
use uuid::Uuid;

use crate::{convert, store};

const METHOD: &str = "devspaces.space.v1.SpaceService/ListSpaces";

/// R-S2
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListSpacesRequest,
) -> Result<ListSpacesResponse, Fault> {
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments(METHOD, &[&caller.principal.to_string()]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let after = after.map_err(|_| Fault::page_token_invalid())?;
    let mut held = context.gate.subject_spaces(&caller.principal, after, page::limit(size)).await?;
    let next_page_token = match page::cut(&mut held, size) {
        Some((last, _)) => tokens.encode(last),
        None => String::new(),
    };
    let ids: Vec<Uuid> = held.iter().map(|(id, _)| *id).collect();
    let mut found = store::find_all(&mut context.pool.read().await?, &ids).await?;
    let spaces = held.iter().filter_map(|(id, facts)| Some(convert::access(found.remove(id)?, facts)));
    Ok(ListSpacesResponse { spaces: spaces.collect(), next_page_token })
}
