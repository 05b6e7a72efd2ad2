use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{ListRoleBindingsRequest, ListRoleBindingsResponse};

use super::{
    bindings::{after, told},
    section::{Place, Question},
};

/// R-M13
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListRoleBindingsRequest,
) -> Result<ListRoleBindingsResponse, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("parent", &request.parent);
    let space = fields.finish_with(space)?;
    let told = told(context, &caller, space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let question = Question::read(&mut fields, space, &request.user, request.expires_before);
    let (size, question) = fields.finish_with(size.zip(question))?;
    let ends_before = question.ends_before.map(|end| end.to_string()).unwrap_or_default();
    let arguments = [request.parent.as_str(), &request.user, &ends_before];
    let tokens = PageToken::for_arguments::<ListRoleBindingsRequest>(&arguments);
    let place = match tokens.decode_text(&request.page_token)?.as_str() {
        "" => Place::START,
        text => Place::from_text(text).ok_or_else(Fault::page_token_invalid)?,
    };
    // One more than is shown tells whether there is another page.
    let found = after(context, &question, &told, &place, size + 1).await?;
    let key = |(place, _): &(Place, Option<_>)| place.to_text();
    let (bindings, last) = page::fill(found.bindings, size, key, |(_, binding)| binding);
    let unknown_planes = found.unknown.iter().map(|plane| plane.name().to_owned()).collect();
    Ok(ListRoleBindingsResponse { bindings, unknown_planes, next_page_token: tokens.next(last) })
}
