use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::{AppGroupName, AppName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{ListAppGroupAppsRequest, ListAppGroupAppsResponse};
use uuid::Uuid;

use super::{Sight, seen, sight};
use crate::store;

/// R-A11, R-A5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListAppGroupAppsRequest,
) -> Result<ListAppGroupAppsResponse, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<AppGroupName>("parent", &request.parent);
    let name = fields.finish_with(name)?;
    let sight = sight(context, &caller, name.space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let principal = caller.principal.to_string();
    let tokens = PageToken::for_arguments::<ListAppGroupAppsRequest>(&[&principal, &request.parent]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let after = after.map_err(|_| Fault::page_token_invalid())?.map_or(AppName::NIL, AppName);
    seen(context, &sight, name).await?;
    let (limit, now) = (page::limit(size), context.clock.now());
    let mut db = context.pool.read().await?;
    let mut apps = match &sight {
        Sight::Everything => store::app_group::apps(&mut db, name, after, limit).await?,
        Sight::Own(person) => store::app_group::apps_seen(&mut db, name, person, after, limit, now).await?,
    };
    let more = apps.len() > size;
    apps.truncate(size);
    let last = apps.last().filter(|_| more).map(|last| last.0);
    let apps = apps.iter().map(ToString::to_string).collect();
    Ok(ListAppGroupAppsResponse { apps, next_page_token: tokens.next(last) })
}
