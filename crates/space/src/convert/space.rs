use devspaces_authz::{ConsoleRole, Facts, SpaceState};
use devspaces_kit::{
    status::{Fault, Fields},
    text,
};
use devspaces_ledger::etag;
use devspaces_proto::{facts::v1::GetBillingStatusResponse, space::v1 as proto};

use crate::domain::{Metadata, Patch, Space, purge_time};

impl From<Space> for proto::Space {
    fn from(space: Space) -> Self {
        Self {
            name: space.name.to_string(),
            uid: space.name.0.to_string(),
            display_name: space.metadata.display_name,
            description: space.metadata.description,
            logo_uri: space.metadata.logo_uri,
            state: wire_state(space.state).into(),
            published: space.published,
            create_time: Some(space.create_time.into()),
            update_time: Some(space.update_time.into()),
            etag: etag::of(space.revision),
            delete_time: space.delete_time.map(Into::into),
            purge_time: space.delete_time.map(|deleted| purge_time(deleted).into()),
        }
    }
}

fn wire_state(state: SpaceState) -> proto::space::State {
    match state {
        SpaceState::None => proto::space::State::Unspecified,
        SpaceState::Active => proto::space::State::Active,
        SpaceState::Archived => proto::space::State::Archived,
        SpaceState::Deleted => proto::space::State::Deleted,
    }
}

/// R-S3: who may edit a space's metadata.
pub(crate) fn metadata_editor(space: &Space) -> proto::space_settings::MetadataEditor {
    if space.published {
        proto::space_settings::MetadataEditor::MarketplaceAdmin
    } else {
        proto::space_settings::MetadataEditor::ConsoleAdmin
    }
}

/// How it stands with a space's billing, as its settings show it (R-B10).
pub(crate) fn billing_status(status: GetBillingStatusResponse) -> proto::space_settings::BillingStatus {
    match status {
        GetBillingStatusResponse { has_account: false, .. } => {
            proto::space_settings::BillingStatus::NoAccount
        }
        GetBillingStatusResponse { past_due: true, .. } => proto::space_settings::BillingStatus::PastDue,
        GetBillingStatusResponse { .. } => proto::space_settings::BillingStatus::Active,
    }
}

/// A space as the switcher shows it to someone with these roles: the name only, to whoever has neither a console nor
/// a Marketplace role there (R-S2).
pub(crate) fn access(space: Space, facts: &Facts) -> proto::SpaceAccess {
    let membership = facts.membership.known().unwrap_or_default();
    let billing_admin = facts.billing.known().unwrap_or_default().admin;
    let marketplace_admin = facts.marketplace.known().unwrap_or_default().admin;
    let limited = membership.role.is_none() && !marketplace_admin;
    let whole = proto::Space::from(space);
    let space = if limited {
        proto::Space { name: whole.name, display_name: whole.display_name, ..proto::Space::default() }
    } else {
        whole
    };
    let console_role = match membership.role {
        None => proto::space_access::ConsoleRole::Unspecified,
        Some(ConsoleRole::Admin) => proto::space_access::ConsoleRole::Admin,
        Some(ConsoleRole::Developer) => proto::space_access::ConsoleRole::Developer,
        Some(ConsoleRole::Viewer) => proto::space_access::ConsoleRole::Viewer,
    };
    proto::SpaceAccess {
        space: Some(space),
        console_role: console_role.into(),
        view_all_apps: membership.view_all_apps,
        billing_admin,
        marketplace_admin,
        limited,
    }
}

/// The metadata of a new space.
pub(crate) fn metadata(space: Option<proto::Space>) -> Result<Metadata, Fault> {
    let space = space.unwrap_or_default();
    let mut fields = Fields::new();
    fields.check("space.display_name", text::display_name(&space.display_name));
    fields.check("space.description", text::description(&space.description));
    fields.check("space.logo_uri", text::https_uri(&space.logo_uri));
    fields.finish()?;
    Ok(Metadata {
        display_name: space.display_name,
        description: space.description,
        logo_uri: space.logo_uri,
    })
}

/// What an `UpdateSpace` request changes: the fields of its mask, or those that are populated.
pub(crate) fn patch(request: &proto::UpdateSpaceRequest) -> Result<Patch, Fault> {
    let mut fields = Fields::new();
    let space = request.space.clone().unwrap_or_default();
    let populated = [
        ("display_name", !space.display_name.is_empty()),
        ("description", !space.description.is_empty()),
        ("logo_uri", !space.logo_uri.is_empty()),
    ];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    let mut patch = Patch::default();
    if masked.contains(&"display_name") {
        fields.check("space.display_name", text::display_name(&space.display_name));
        patch.display_name = Some(space.display_name);
    }
    if masked.contains(&"description") {
        fields.check("space.description", text::description(&space.description));
        patch.description = Some(space.description);
    }
    if masked.contains(&"logo_uri") {
        fields.check("space.logo_uri", text::https_uri(&space.logo_uri));
        patch.logo_uri = Some(space.logo_uri);
    }
    fields.finish()?;
    Ok(patch)
}
