use devspaces_authz::Owner;
use devspaces_gate::{Context, admit};
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{DescribeSpacesRequest, DescribeSpacesResponse, SpaceDescription};

use super::MAX_LISTED;
use crate::{domain::Space, store};

/// R-K5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: DescribeSpacesRequest,
) -> Result<DescribeSpacesResponse, Fault> {
    admit(&caller, Owner::Space, &[Owner::Marketplace])?;
    let mut fields = Fields::new();
    if i32::try_from(request.spaces.len()).is_ok_and(|count| count > MAX_LISTED) {
        fields.bad("spaces", format!("must be {MAX_LISTED} at most"));
        fields.finish()?;
        return Ok(DescribeSpacesResponse::default());
    }
    let spaces = request.spaces.iter().enumerate();
    let spaces: Vec<SpaceName> =
        spaces.filter_map(|(index, space)| fields.parse(format!("spaces[{index}]"), space)).collect();
    fields.finish()?;
    let found = store::space::find_all(&mut context.pool.read().await?, &spaces).await?;
    Ok(DescribeSpacesResponse { spaces: found.into_values().map(description).collect() })
}

fn description(space: Space) -> SpaceDescription {
    SpaceDescription {
        space: space.name.to_string(),
        display_name: space.metadata.display_name,
        description: space.metadata.description,
        logo_uri: space.metadata.logo_uri,
    }
}
