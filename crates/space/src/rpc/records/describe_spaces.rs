use devspaces_authz::Service;
use devspaces_gate::{Context, admit};
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    page,
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{DescribeSpacesRequest, DescribeSpacesResponse, SpaceDescription};

use crate::{domain::Space, store};

/// The most spaces of one question: those of the largest page, and one more.
const MAX_SPACES: usize = page::MAX_SIZE + 1;

/// R-K5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: DescribeSpacesRequest,
) -> Result<DescribeSpacesResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Marketplace])?;
    if request.spaces.len() > MAX_SPACES {
        return Err(Fault::bad_field("spaces", format!("must have at most {MAX_SPACES} entries")));
    }
    let mut fields = Fields::new();
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
