//! What the membership service tells the other services that no permission depends on.
use devspaces_authz::{ConsoleRole, Service};
use devspaces_gate::{ConsoleHolder, Context, admit, console_to_wire};
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    name::{SpaceName, UserName},
    page,
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{
    AppBuilder, ListBuildersRequest, ListBuildersResponse, ListStaffedSpacesRequest,
    ListStaffedSpacesResponse, membership_records_service_server::MembershipRecordsService,
};
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::store;

#[tonic::async_trait]
impl MembershipRecordsService for Rpc {
    async fn list_builders(
        &self,
        request: Request<ListBuildersRequest>,
    ) -> Result<Response<ListBuildersResponse>, Status> {
        answer(request, |caller, request| list_builders(&self.0, caller, request)).await
    }

    async fn list_staffed_spaces(
        &self,
        request: Request<ListStaffedSpacesRequest>,
    ) -> Result<Response<ListStaffedSpacesResponse>, Status> {
        answer(request, |caller, request| list_staffed_spaces(&self.0, caller, request)).await
    }
}

/// The most spaces that are asked about.
const MOST_SPACES: usize = 1000;

/// R-M12
async fn list_staffed_spaces(
    context: &Context,
    caller: Caller,
    request: ListStaffedSpacesRequest,
) -> Result<ListStaffedSpacesResponse, Fault> {
    admit(&caller, Service::Membership, &[Service::Space])?;
    let mut fields = Fields::new();
    let number = (1..=MOST_SPACES).contains(&request.spaces.len()).then_some(());
    let number = fields.check("spaces", number.ok_or(format!("must have 1 to {MOST_SPACES} entries")));
    let mut spaces = Vec::with_capacity(request.spaces.len().min(MOST_SPACES));
    for (index, space) in request.spaces.iter().enumerate().take(MOST_SPACES) {
        spaces.extend(fields.parse::<SpaceName>(format!("spaces[{index}]"), space));
    }
    fields.finish_with(number)?;
    let now = context.clock.now();
    let staffed = store::member::staffed(&mut context.pool.read().await?, &spaces, now).await?;
    Ok(ListStaffedSpacesResponse { spaces: staffed.iter().map(ToString::to_string).collect() })
}

/// R-B13, R-S9
async fn list_builders(
    context: &Context,
    caller: Caller,
    request: ListBuildersRequest,
) -> Result<ListBuildersResponse, Fault> {
    admit(&caller, Service::Membership, &[Service::Billing])?;
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("space", &request.space);
    let after = match request.after.as_str() {
        "" => Some(None),
        after => fields.parse::<UserName>("after", after).map(Some),
    };
    let limit = fields.check("limit", page::asked(request.limit));
    let ((space, after), limit) = fields.finish_with(space.zip(after).zip(limit))?;
    let after = after.as_ref().map_or("", UserName::id);
    let mut db = context.pool.read().await?;
    let now = context.clock.now();
    let found = if request.admins_only {
        let admins = store::member::Page { space, role: Some(ConsoleRole::Admin), after, limit };
        store::member::list(&mut db, &admins, now).await?.into_iter().map(ConsoleHolder::from).collect()
    } else {
        store::member::building(&mut db, space, after, limit, now).await?
    };
    let builder = |builder: ConsoleHolder| AppBuilder {
        user: builder.user.to_string(),
        role: console_to_wire(builder.role).into(),
        emergency: builder.emergency,
    };
    Ok(ListBuildersResponse { builders: found.into_iter().map(builder).collect() })
}
