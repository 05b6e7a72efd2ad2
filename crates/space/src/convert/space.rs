use devspaces_authz::{AppCreation, ConsoleRole, Facts, SpaceState};
use devspaces_kit::{
    status::{Fault, Fields},
    text,
};
use devspaces_ledger::etag;
use devspaces_proto::{facts::v1::GetBillingStatusResponse, space::v1 as proto};

use super::suspension::standing;
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
            app_creation: wire_app_creation(space.app_creation).into(),
            standing: Some(standing(space.suspension)),
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

fn wire_app_creation(setting: AppCreation) -> proto::space::AppCreation {
    match setting {
        AppCreation::Members => proto::space::AppCreation::Members,
        AppCreation::Admins => proto::space::AppCreation::Admins,
    }
}

/// The setting that a request names. `None`: none that there is.
fn app_creation(setting: i32) -> Option<AppCreation> {
    AppCreation::ALL.into_iter().find(|&known| wire_app_creation(known) as i32 == setting)
}

const NO_APP_CREATION: &str = "must be APP_CREATION_MEMBERS or APP_CREATION_ADMINS";

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

/// A new space.
pub(crate) struct New {
    pub(crate) metadata: Metadata,
    /// Who creates apps in it.
    pub(crate) app_creation: AppCreation,
    /// The version of the terms of app invoicing that its creator has consented to (R-B1). `None`: to none.
    pub(crate) terms_version: Option<String>,
}

/// The space that a request is to create.
pub(crate) fn new(request: proto::CreateSpaceRequest) -> Result<New, Fault> {
    let space = request.space.unwrap_or_default();
    let terms_version = request.billing_consent.map(|consent| consent.terms_version);
    let mut fields = Fields::new();
    fields.check("space.display_name", text::display_name(&space.display_name));
    fields.check("space.description", text::description(&space.description));
    fields.check("space.logo_uri", text::https_uri(&space.logo_uri));
    let app_creation = match space.app_creation {
        0 => Some(AppCreation::default()),
        asked => fields.check("space.app_creation", app_creation(asked).ok_or(NO_APP_CREATION)),
    };
    if terms_version.as_ref().is_some_and(String::is_empty) {
        fields
            .bad("billing_consent.terms_version", "must be given: the version of the terms that were shown");
    }
    let app_creation = fields.finish_with(app_creation)?;
    let proto::Space { display_name, description, logo_uri, .. } = space;
    Ok(New { metadata: Metadata { display_name, description, logo_uri }, app_creation, terms_version })
}

/// What an `UpdateSpace` request is about, whether or not what it says is acceptable.
pub(crate) struct About {
    /// The metadata, or nothing that can be changed.
    pub(crate) metadata: bool,
    /// Who creates apps.
    pub(crate) app_creation: bool,
}

impl About {
    pub(crate) fn of(request: &proto::UpdateSpaceRequest) -> Self {
        let set = request.space.as_ref().is_some_and(|space| space.app_creation != 0);
        match request.update_mask.as_ref().map(|mask| mask.paths.as_slice()).unwrap_or_default() {
            [] => Self { metadata: !set || has_metadata(request), app_creation: set },
            [star] if star == "*" => Self { metadata: true, app_creation: set },
            paths => Self {
                metadata: paths.iter().any(|path| path != "app_creation"),
                app_creation: paths.iter().any(|path| path == "app_creation"),
            },
        }
    }
}

fn has_metadata(request: &proto::UpdateSpaceRequest) -> bool {
    let texts = |space: &proto::Space| {
        [&space.display_name, &space.description, &space.logo_uri].iter().any(|text| !text.is_empty())
    };
    request.space.as_ref().is_some_and(texts)
}

/// What an `UpdateSpace` request changes: the fields of its mask, or those that are populated.
pub(crate) fn patch(request: &proto::UpdateSpaceRequest) -> Result<Patch, Fault> {
    let mut fields = Fields::new();
    let space = request.space.clone().unwrap_or_default();
    let populated = [
        ("display_name", !space.display_name.is_empty()),
        ("description", !space.description.is_empty()),
        ("logo_uri", !space.logo_uri.is_empty()),
        ("app_creation", space.app_creation != 0),
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
    // A client that does not know of the setting replaces all of a space without it: then it stays as it is.
    if masked.contains(&"app_creation") && About::of(request).app_creation {
        let setting = app_creation(space.app_creation).ok_or(NO_APP_CREATION);
        patch.app_creation = fields.check("space.app_creation", setting);
    }
    fields.finish()?;
    Ok(patch)
}
