use devspaces_authz::Service;
use devspaces_gate::Context;
use devspaces_kit::status::Fault;
use devspaces_proto::facts::v1::{
    GetTermsVersionRequest, billing_records_service_client::BillingRecordsServiceClient,
};

/// The version of the terms of app invoicing that is in force (R-B1), from the service that knows.
///
/// # Errors
/// `UNAVAILABLE` / `FACTS_UNAVAILABLE`.
pub(super) async fn invoicing_terms(context: &Context) -> Result<String, Fault> {
    let asking =
        context.peers.ask(Service::Billing, GetTermsVersionRequest {}, |channel, request| async move {
            BillingRecordsServiceClient::new(channel).get_terms_version(request).await
        });
    asking.await.map(|terms| terms.version)
}
