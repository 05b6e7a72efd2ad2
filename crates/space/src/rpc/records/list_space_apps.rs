use devspaces_authz::Service;
use devspaces_gate::{Context, admit};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, SpaceName},
    page,
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{AppDescription, ListSpaceAppsRequest, ListSpaceAppsResponse};

use crate::store;

/// R-B9
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListSpaceAppsRequest,
) -> Result<ListSpaceAppsResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Billing])?;
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("space", &request.space);
    let after = match request.after.as_str() {
        "" => Some(AppName::NIL),
        after => fields.parse("after", after),
    };
    let limit = fields.check("limit", page::asked(request.limit));
    let ((space, after), limit) = fields.finish_with(space.zip(after).zip(limit))?;
    let mut db = context.pool.read().await?;
    let names = store::app::names_in(&mut db, space, after, limit).await?;
    let apps =
        names.into_iter().map(|(app, display_name)| AppDescription { app: app.to_string(), display_name });
    Ok(ListSpaceAppsResponse { apps: apps.collect() })
}
