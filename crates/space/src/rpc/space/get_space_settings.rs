use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{GetSpaceSettingsRequest, SpaceSettings};

use super::{billing_status::billing_status, get_space::readable};
use crate::convert;

/// R-S4, R-E3
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: GetSpaceSettingsRequest,
) -> Result<SpaceSettings, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<SpaceName>("name", &request.name);
    let name = fields.finish_with(name)?;
    let space = readable(context, &caller, Permission::SpaceSettingsGet, name).await?;
    let billing = billing_status(context, name).await?;
    let consent_for_deploying = context.invoicing.consent_required_for.includes_deploying();
    Ok(SpaceSettings {
        deploying_wants_consent: consent_for_deploying && !space.has_account,
        metadata_editor: convert::space::metadata_editor(&space).into(),
        billing_status: convert::space::billing_status(billing).into(),
        space: Some(space.into()),
    })
}
