use devspaces_authz::Owner;
use devspaces_gate::{Context, admit};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, SpaceName},
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{AppDescription, ListSpaceAppsRequest, ListSpaceAppsResponse};

use super::MAX_LISTED;
use crate::store;

/// R-B9
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListSpaceAppsRequest,
) -> Result<ListSpaceAppsResponse, Fault> {
    admit(&caller, Owner::Space, &[Owner::Billing])?;
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("space", &request.space);
    let after = match request.after.as_str() {
        "" => Some(AppName::NIL),
        after => fields.parse("after", after),
    };
    if !(1..=MAX_LISTED).contains(&request.limit) {
        fields.bad("limit", format!("must be from 1 to {MAX_LISTED}"));
    }
    let (space, after) = fields.finish_with(space.zip(after))?;
    let mut db = context.pool.read().await?;
    let names = store::app::names_in(&mut db, space, after, request.limit.into()).await?;
    let apps =
        names.into_iter().map(|(app, display_name)| AppDescription { app: app.to_string(), display_name });
    Ok(ListSpaceAppsResponse { apps: apps.collect() })
}
