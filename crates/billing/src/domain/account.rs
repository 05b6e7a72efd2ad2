use devspaces_kit::{
    clock::Timestamp,
    name::{AccountName, BillingAdminName, UserName},
};
use serde_json::{Value, json};

/// A space's billing account (R-B1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: AccountName,
    pub(crate) terms_version: String,
    pub(crate) consented_by: UserName,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

impl Account {
    /// What the journal says of its birth.
    pub(crate) fn to_json(&self) -> Value {
        json!({"terms_version": self.terms_version, "consented_by": self.consented_by.to_string()})
    }
}

/// Someone who runs a billing account (R-B2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admin {
    pub(crate) name: BillingAdminName,
    pub(crate) create_time: Timestamp,
}
