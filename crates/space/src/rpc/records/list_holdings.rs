use devspaces_authz::Service;
use devspaces_gate::{Context, admit};
use devspaces_kit::{
    identity::Caller,
    name::AppName,
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{Holding, ListHoldingsRequest, ListHoldingsResponse};

use crate::store;

/// The most apps of one question: as many as there are events in a batch.
const MAX_APPS: usize = 1000;

/// R-B5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListHoldingsRequest,
) -> Result<ListHoldingsResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Billing])?;
    if request.apps.len() > MAX_APPS {
        return Err(Fault::bad_field("apps", format!("must have at most {MAX_APPS} entries")));
    }
    let mut fields = Fields::new();
    let apps = request.apps.iter().enumerate();
    let apps: Vec<AppName> =
        apps.filter_map(|(index, app)| fields.parse(format!("apps[{index}]"), app)).collect();
    fields.finish()?;
    let found = store::holding::of_apps(&mut context.pool.read().await?, &apps).await?;
    let holding = |it: store::holding::Holding| Holding {
        app: it.app.to_string(),
        space: it.space.to_string(),
        start_time: Some(it.start.into()),
        end_time: it.end.map(Into::into),
    };
    Ok(ListHoldingsResponse { holdings: found.into_iter().map(holding).collect() })
}
