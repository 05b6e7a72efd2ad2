//! What is asked of the space service that no permission depends on.
use devspaces_authz::Service;
use devspaces_gate::Context;
use devspaces_kit::{name::SpaceName, status::Fault};
use devspaces_proto::facts::v1::{
    DescribeSpacesRequest, ReserveListingRequest, SpaceDescription,
    space_records_service_client::SpaceRecordsServiceClient,
};

/// What people call a profile's space, say of it and know it by (R-K5).
///
/// # Errors
/// `UNAVAILABLE` if the space service does not answer, or the space is still on its way there.
pub(crate) async fn describe(context: &Context, space: SpaceName) -> Result<SpaceDescription, Fault> {
    let request = DescribeSpacesRequest { spaces: vec![space.to_string()] };
    let answer = context.peers.ask(Service::Space, request, |channel, request| async move {
        SpaceRecordsServiceClient::new(channel).describe_spaces(request).await
    });
    let found = answer.await?.spaces.into_iter().find(|found| found.space == space.to_string());
    found.ok_or_else(|| Fault::facts_unavailable(&[Service::Space.name()]))
}

/// Asks for an app to be reserved for a listing; what stands in the way, by the names of reasons (R-K6).
///
/// # Errors
/// `UNAVAILABLE` if the space service does not answer. It may have decided, and decides the same when asked again.
pub(crate) async fn reserve(context: &Context, request: ReserveListingRequest) -> Result<Vec<String>, Fault> {
    let answer = context.peers.ask(Service::Space, request, |channel, request| async move {
        SpaceRecordsServiceClient::new(channel).reserve_listing(request).await
    });
    Ok(answer.await?.blockers)
}
