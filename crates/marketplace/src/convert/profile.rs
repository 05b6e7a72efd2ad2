use std::collections::HashSet;

use devspaces_kit::{
    name::{AppName, MarketplaceAdminName, SpaceName, UserName},
    status::{Fault, Fields},
    text,
};
use devspaces_ledger::etag;
use devspaces_proto::{facts::v1::SpaceDescription, marketplace::v1 as proto};

use crate::domain::{Admin, Contact, ImportedApp, OwnFields, Patch, Profile};

/// The most contacts of a profile.
const MAX_CONTACTS: usize = 10;
/// The most people of one request.
const MAX_USERS: usize = 100;
/// The most apps that come with a profile.
const MAX_APPS: usize = 1000;
/// The longest name by which another system calls a profile, in characters.
const MAX_SOURCE_ID: usize = 128;

/// A profile as it is shown: its name and its logo are the space's (R-K5).
pub(crate) fn to_wire(profile: Profile, about: SpaceDescription) -> proto::VendorProfile {
    let contact = |it: Contact| proto::Contact { display_name: it.display_name, email: it.email };
    proto::VendorProfile {
        name: profile.name.to_string(),
        uid: profile.name.0.to_string(),
        space: profile.space.to_string(),
        display_name: about.display_name,
        description: about.description,
        logo_uri: about.logo_uri,
        contacts: profile.fields.contacts.into_iter().map(contact).collect(),
        support_uri: profile.fields.support_uri,
        terms_version: profile.terms_version,
        create_time: Some(profile.create_time.into()),
        update_time: Some(profile.update_time.into()),
        etag: etag::of(profile.revision),
    }
}

impl From<Admin> for proto::MarketplaceAdmin {
    fn from(admin: Admin) -> Self {
        let MarketplaceAdminName { user, .. } = &admin.name;
        Self {
            user: user.to_string(),
            name: admin.name.to_string(),
            create_time: Some(admin.create_time.into()),
            deactivated: false,
        }
    }
}

/// The fields of a new profile that are its own.
pub(crate) fn own_fields(fields: &mut Fields, profile: &proto::VendorProfile) -> OwnFields {
    OwnFields { contacts: contacts(fields, profile), support_uri: support_uri(fields, profile) }
}

fn support_uri(fields: &mut Fields, profile: &proto::VendorProfile) -> String {
    fields.check("vendor_profile.support_uri", text::https_uri(&profile.support_uri));
    profile.support_uri.clone()
}

fn contacts(fields: &mut Fields, profile: &proto::VendorProfile) -> Vec<Contact> {
    if profile.contacts.len() > MAX_CONTACTS {
        fields.bad("vendor_profile.contacts", format!("must hold at most {MAX_CONTACTS} contacts"));
        return Vec::new();
    }
    let contact = |(index, contact): (usize, &proto::Contact)| {
        let path = |field| format!("vendor_profile.contacts[{index}].{field}");
        fields.check(path("display_name"), text::display_name(&contact.display_name));
        fields.check(path("email"), text::email(&contact.email));
        Contact { display_name: contact.display_name.clone(), email: contact.email.clone() }
    };
    profile.contacts.iter().enumerate().map(contact).collect()
}

/// What people are to call a profile's new space, say of it and know it by.
pub(crate) fn about(
    fields: &mut Fields,
    space: SpaceName,
    profile: &proto::VendorProfile,
) -> SpaceDescription {
    fields.check("vendor_profile.display_name", text::display_name(&profile.display_name));
    fields.check("vendor_profile.description", text::description(&profile.description));
    fields.check("vendor_profile.logo_uri", text::https_uri(&profile.logo_uri));
    SpaceDescription {
        space: space.to_string(),
        display_name: profile.display_name.clone(),
        description: profile.description.clone(),
        logo_uri: profile.logo_uri.clone(),
    }
}

/// Which version of the terms is accepted. Whether it is the one in force is a matter of state.
pub(crate) fn terms_version(fields: &mut Fields, version: &str) {
    if version.is_empty() {
        fields.bad("terms_version", "must be given: GetTerms tells the version in force");
    }
}

/// What an `UpdateVendorProfile` request changes: the fields of its mask, or those that are populated.
pub(crate) fn patch(request: &proto::UpdateVendorProfileRequest) -> Result<Patch, Fault> {
    let mut fields = Fields::new();
    let profile = request.vendor_profile.clone().unwrap_or_default();
    let populated =
        [("contacts", !profile.contacts.is_empty()), ("support_uri", !profile.support_uri.is_empty())];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    let mut patch = Patch::default();
    if masked.contains(&"contacts") {
        patch.contacts = Some(contacts(&mut fields, &profile));
    }
    if masked.contains(&"support_uri") {
        patch.support_uri = Some(support_uri(&mut fields, &profile));
    }
    fields.finish()?;
    Ok(patch)
}

/// People who are each named once.
pub(crate) fn users(fields: &mut Fields, path: &str, users: &[String]) -> Vec<UserName> {
    if users.is_empty() || users.len() > MAX_USERS {
        fields.bad(path, format!("must hold 1 to {MAX_USERS} users"));
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut parsed = Vec::with_capacity(users.len());
    for (index, user) in users.iter().enumerate() {
        if !seen.insert(user) {
            fields.bad(format!("{path}[{index}]"), "must not be given twice");
        }
        parsed.extend(fields.parse::<UserName>(format!("{path}[{index}]"), user));
    }
    parsed
}

/// What another system calls a profile.
pub(crate) fn source_id(fields: &mut Fields, id: &str) {
    if !(1..=MAX_SOURCE_ID).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        fields.bad("source_id", format!("must be 1 to {MAX_SOURCE_ID} visible ASCII characters"));
    }
}

/// The apps that come with a profile, under new names. With the longest texts they make an effect of less than a message
/// may have.
pub(crate) fn apps(
    fields: &mut Fields,
    apps: &[proto::ImportedApp],
    new_name: impl Fn() -> AppName,
) -> Vec<ImportedApp> {
    if apps.len() > MAX_APPS {
        fields.bad("apps", format!("must hold at most {MAX_APPS} apps"));
        return Vec::new();
    }
    let app = |(index, app): (usize, &proto::ImportedApp)| {
        let path = |field| format!("apps[{index}].{field}");
        let display_name = fields.check(path("display_name"), text::display_name(&app.display_name));
        let owner = fields.parse::<UserName>(path("owner"), &app.owner);
        Some(ImportedApp { name: new_name(), display_name: display_name?.to_owned(), owner: owner? })
    };
    apps.iter().enumerate().filter_map(app).collect()
}

#[cfg(test)]
mod tests {
    use devspaces_kit::server::MESSAGE_LIMIT;
    use devspaces_proto::facts::v1::{ApplyEffectsRequest, CreatePublishedSpace, CreatedApp, Effect, effect};
    use prost::Message as _;
    use uuid::Uuid;

    use super::*;

    // R-K7: what was taken over can always be told to the space service, or it would be told for ever.
    #[test]
    fn the_largest_takeover_makes_an_effect_that_is_no_larger_than_a_message() {
        let name = "\u{1F984}".repeat(text::MAX_DISPLAY_NAME);
        let app = CreatedApp {
            app: format!("apps/{}", Uuid::max()),
            display_name: name.clone(),
            owner: format!("users/{}", "x".repeat(512)),
        };
        assert!(
            app.owner.parse::<UserName>().is_ok() && format!("{}x", app.owner).parse::<UserName>().is_err()
        );
        let created = CreatePublishedSpace {
            space: format!("spaces/{}", Uuid::max()),
            display_name: name,
            description: "\u{1F984}".repeat(text::MAX_DESCRIPTION),
            logo_uri: "x".repeat(text::MAX_URI),
            apps: vec![app; MAX_APPS],
        };
        let effect = Effect { effect: Some(effect::Effect::CreatePublishedSpace(created)) };
        let request = ApplyEffectsRequest { effects: vec![effect], ..ApplyEffectsRequest::default() };
        // What else it says of its origin takes no more than this.
        assert!(request.encoded_len() + 2048 < MESSAGE_LIMIT, "{}", request.encoded_len());
    }

    fn bad(check: impl FnOnce(&mut Fields)) -> bool {
        let mut fields = Fields::new();
        check(&mut fields);
        !fields.is_empty()
    }

    #[test]
    fn a_source_is_called_by_visible_characters() {
        for good in ["a", "vendor:4711/x", &"x".repeat(128)] {
            assert!(!bad(|fields| source_id(fields, good)), "{good}");
        }
        for wrong in ["", "a b", "a\n", "é", &"x".repeat(129)] {
            assert!(bad(|fields| source_id(fields, wrong)), "{wrong}");
        }
    }

    #[test]
    fn people_are_named_once() {
        let names = |ids: &[&str]| ids.iter().map(|id| format!("users/{id}")).collect::<Vec<_>>();
        assert!(!bad(|fields| drop(users(fields, "users", &names(&["a", "b"])))));
        assert!(bad(|fields| drop(users(fields, "users", &names(&["a", "a"])))));
        assert!(bad(|fields| drop(users(fields, "users", &[]))));
        assert!(bad(|fields| drop(users(fields, "users", &["services/x".to_owned()]))));
    }
}
