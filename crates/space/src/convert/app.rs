use devspaces_authz::{AppRole, Facts};
use devspaces_kit::{
    status::{Fault, Fields},
    text,
};
use devspaces_ledger::etag;
use devspaces_proto::space::v1 as proto;

use super::{contributor::wire_role, suspension::standing};
use crate::domain::{App, Details, DetailsPatch, Listing};

/// An app as someone in this role sees it.
pub(crate) fn to_wire(app: App, role: AppRole) -> proto::App {
    let state = if app.is_deleted() { proto::app::State::Deleted } else { proto::app::State::Active };
    proto::App {
        name: app.name.to_string(),
        uid: app.name.0.to_string(),
        purge_time: app.purge_time().map(Into::into),
        standing: Some(standing(app.standing())),
        display_name: app.details.display_name,
        description: app.details.description,
        space: app.space.map(|space| space.to_string()).unwrap_or_default(),
        listing: wire_listing(app.listing).into(),
        state: state.into(),
        my_role: wire_role(role).into(),
        create_time: Some(app.create_time.into()),
        update_time: Some(app.update_time.into()),
        delete_time: app.delete_time.map(Into::into),
        etag: etag::of(app.revision),
    }
}

/// The role of someone to whom the app is shown: their own, or that of the derived viewer (R-A4).
pub(crate) fn role_of(facts: &Facts) -> AppRole {
    facts.app.known().and_then(|app| app.role).unwrap_or(AppRole::Viewer)
}

fn wire_listing(listing: Listing) -> proto::app::Listing {
    match listing {
        Listing::Private => proto::app::Listing::Private,
        Listing::Submitted => proto::app::Listing::Submitted,
        Listing::Listed => proto::app::Listing::Listed,
    }
}

/// The details of a new app.
pub(crate) fn details(fields: &mut Fields, app: Option<proto::App>) -> Option<Details> {
    let app = app.unwrap_or_default();
    let display_name = fields.check("app.display_name", text::display_name(&app.display_name)).is_some();
    let description = fields.check("app.description", text::description(&app.description)).is_some();
    (display_name && description)
        .then_some(Details { display_name: app.display_name, description: app.description })
}

/// What an `UpdateApp` request changes: the fields of its mask, or those that are populated.
pub(crate) fn patch(request: &proto::UpdateAppRequest) -> Result<DetailsPatch, Fault> {
    let mut fields = Fields::new();
    let app = request.app.clone().unwrap_or_default();
    let populated =
        [("display_name", !app.display_name.is_empty()), ("description", !app.description.is_empty())];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    let mut patch = DetailsPatch::default();
    if masked.contains(&"display_name") {
        fields.check("app.display_name", text::display_name(&app.display_name));
        patch.display_name = Some(app.display_name);
    }
    if masked.contains(&"description") {
        fields.check("app.description", text::description(&app.description));
        patch.description = Some(app.description);
    }
    fields.finish()?;
    Ok(patch)
}
