//! What the billing service tells the other services that no permission depends on.
use devspaces_authz::Service;
use devspaces_gate::{Context, admit};
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    name::SpaceName,
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{
    GetBillingStatusRequest, GetBillingStatusResponse, billing_records_service_server::BillingRecordsService,
};
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{domain::invoice::State, store};

#[tonic::async_trait]
impl BillingRecordsService for Rpc {
    async fn get_billing_status(
        &self,
        request: Request<GetBillingStatusRequest>,
    ) -> Result<Response<GetBillingStatusResponse>, Status> {
        answer(request, |caller, request| status(&self.0, caller, request)).await
    }
}

/// R-B10, R-S6
async fn status(
    context: &Context,
    caller: Caller,
    request: GetBillingStatusRequest,
) -> Result<GetBillingStatusResponse, Fault> {
    admit(&caller, Service::Billing, &[Service::Space])?;
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("space", &request.space);
    let space = fields.finish_with(space)?;
    let mut db = context.pool.read().await?;
    let has_account = store::account::find(&mut db, space).await?.is_some();
    // In the order in which things come about: what is over before one question is seen by the next.
    let issued = store::invoice::last_issued_month(&mut db, space).await?;
    let not_invoiced = store::total::is_any_after(&mut db, space, issued).await?;
    let open = store::invoice::is_any(&mut db, space, State::Open).await?;
    let past_due = store::account::is_past_due(&mut db, space).await?;
    Ok(GetBillingStatusResponse { has_account, past_due, settled: !not_invoiced && !open && !past_due })
}
