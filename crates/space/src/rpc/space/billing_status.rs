use devspaces_authz::Service;
use devspaces_gate::Context;
use devspaces_kit::{name::SpaceName, status::Fault};
use devspaces_proto::facts::v1::{
    GetBillingStatusRequest, GetBillingStatusResponse,
    billing_records_service_client::BillingRecordsServiceClient,
};

/// How it stands with a space's billing, from the service that knows.
///
/// # Errors
/// `UNAVAILABLE` / `FACTS_UNAVAILABLE`.
pub(in crate::rpc) async fn billing_status(
    context: &Context,
    name: SpaceName,
) -> Result<GetBillingStatusResponse, Fault> {
    let question = GetBillingStatusRequest { space: name.to_string() };
    let asking = context.peers.ask(Service::Billing, question, |channel, request| async move {
        BillingRecordsServiceClient::new(channel).get_billing_status(request).await
    });
    asking.await
}
