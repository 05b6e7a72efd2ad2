use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::AppGroupName,
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{AppGroup, GetAppGroupRequest};

use super::{seen, sight};

/// R-A11, R-A5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetAppGroupRequest,
) -> Result<AppGroup, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<AppGroupName>("name", &request.name);
    let name = fields.finish_with(name)?;
    let sight = sight(context, &caller, name.space).await?;
    Ok(seen(context, &sight, name).await?.into())
}
