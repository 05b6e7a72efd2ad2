use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, MarketplaceAdminName, SpaceName, UserName, VendorProfileName},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whom to turn to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(crate) display_name: String,
    pub(crate) email: String,
}

/// The fields of a profile that are not its space's (R-K5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnFields {
    pub(crate) contacts: Vec<Contact>,
    pub(crate) support_uri: String,
}

/// What is to change of them. `None`: stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) contacts: Option<Vec<Contact>>,
    pub(crate) support_uri: Option<String>,
}

impl Patch {
    pub(crate) fn apply(&self, before: &OwnFields) -> OwnFields {
        OwnFields {
            contacts: self.contacts.as_ref().unwrap_or(&before.contacts).clone(),
            support_uri: self.support_uri.as_ref().unwrap_or(&before.support_uri).clone(),
        }
    }
}

/// An app that comes with a profile which is taken over (R-K7).
#[derive(Clone, Debug)]
pub(crate) struct ImportedApp {
    pub(crate) name: AppName,
    pub(crate) display_name: String,
    pub(crate) owner: UserName,
}

/// A vendor profile as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) name: VendorProfileName,
    pub(crate) space: SpaceName,
    pub(crate) fields: OwnFields,
    /// Empty for one that was imported (R-K7).
    pub(crate) terms_version: String,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

impl Profile {
    /// What the journal says of it. A contact is one text, all of which counts as personal for its e-mail address.
    pub(crate) fn to_json(&self) -> Value {
        let contact = |contact: &Contact| format!("{} <{}>", contact.display_name, contact.email);
        json!({
            "vendor_profile": self.name.to_string(),
            "contacts": self.fields.contacts.iter().map(contact).collect::<Vec<_>>(),
            "support_uri": self.fields.support_uri,
            "terms_version": self.terms_version,
        })
    }
}

/// Someone who runs a vendor profile (R-K4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admin {
    pub(crate) name: MarketplaceAdminName,
    pub(crate) create_time: Timestamp,
}
