use devspaces_authz::Service;
use devspaces_gate::{Context, admit, contributor_to_wire};
use devspaces_kit::{
    identity::Caller,
    name::{SpaceName, UserName},
    page,
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{Deployer, ListDeployersRequest, ListDeployersResponse};

use crate::store;

/// R-B13
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListDeployersRequest,
) -> Result<ListDeployersResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Billing])?;
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
    let found = store::deployer::list(&mut db, space, after, limit, context.clock.now()).await?;
    Ok(ListDeployersResponse { deployers: found.into_iter().flat_map(to_wire).collect() })
}

fn to_wire(deployer: store::deployer::Deployer) -> impl Iterator<Item = Deployer> {
    let user = deployer.user.to_string();
    deployer.roles.into_iter().map(move |(role, apps)| Deployer {
        user: user.clone(),
        role: contributor_to_wire(role).into(),
        apps: i32::try_from(apps).unwrap_or(i32::MAX),
    })
}
