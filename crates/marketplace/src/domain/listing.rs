use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, ListingName, Principal, SpaceName, VendorProfileName},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Where a listing is in its life (R-K6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// An intent: whether it may have the app is still to be said. Nobody sees it.
    Reserving,
    Submitted,
    Listed,
    Withdrawn,
}

impl State {
    pub(crate) const ALL: [Self; 4] = [Self::Reserving, Self::Submitted, Self::Listed, Self::Withdrawn];

    /// The name by which it is stored and told: "SUBMITTED".
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reserving => "RESERVING",
            Self::Submitted => "SUBMITTED",
            Self::Listed => "LISTED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }
}

/// A listing as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) name: ListingName,
    pub(crate) profile: VendorProfileName,
    /// The profile's space.
    pub(crate) space: SpaceName,
    pub(crate) app: AppName,
    pub(crate) state: State,
    /// Who submitted it, by which `request_id`.
    pub(crate) submitter: Principal,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

impl Listing {
    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "listing": self.name.to_string(),
            "vendor_profile": self.profile.to_string(),
            "app": self.app.to_string(),
            "state": self.state.name(),
        })
    }

    /// The names by which its entries are found.
    pub(crate) fn resources(&self) -> Vec<String> {
        vec![self.name.to_string(), self.app.to_string()]
    }
}
