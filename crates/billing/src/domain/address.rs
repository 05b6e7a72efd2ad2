use devspaces_kit::clock::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A postal address, personal details all of it: it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) recipient: String,
    pub(crate) lines: Vec<String>,
    pub(crate) locality: String,
    pub(crate) administrative_area: String,
    pub(crate) postal_code: String,
    pub(crate) country_code: String,
    pub(crate) tax_id: String,
}

/// The addresses of an account (R-B4).
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) billing: Option<Address>,
    pub(crate) sold_to: Option<Address>,
    /// `None`: never set.
    pub(crate) update_time: Option<Timestamp>,
    pub(crate) revision: i64,
}

/// What is to change of addresses. `None`: stays as it is; `Some(None)`: is removed.
#[derive(Clone, Default)]
#[expect(clippy::option_option, reason = "not changed, removed, set")]
pub(crate) struct Patch {
    pub(crate) billing: Option<Option<Address>>,
    pub(crate) sold_to: Option<Option<Address>>,
}

impl Patch {
    pub(crate) fn apply(&self, before: &Addresses) -> Addresses {
        Addresses {
            billing: self.billing.clone().unwrap_or_else(|| before.billing.clone()),
            sold_to: self.sold_to.clone().unwrap_or_else(|| before.sold_to.clone()),
            ..before.clone()
        }
    }
}

impl Addresses {
    pub(crate) fn is_empty(&self) -> bool {
        self.billing.is_none() && self.sold_to.is_none()
    }

    /// What the journal says of those that differ from others: whether there is one, and in which country. Nothing else of
    /// an address is recorded, so that no personal detail of it ever has to be erased there (R-J1).
    pub(crate) fn to_json(&self, others: &Self) -> Value {
        let told = |address: &Option<Address>| match address {
            Some(address) => json!({"country_code": address.country_code}),
            None => Value::Null,
        };
        let addresses =
            [("billing", &self.billing, &others.billing), ("sold_to", &self.sold_to, &others.sold_to)];
        let differing = addresses.into_iter().filter(|(_, own, other)| own != other);
        let told = differing.map(|(field, own, _)| (field.to_owned(), told(own)));
        json!({"addresses": Value::Object(told.collect())})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-J1
    #[test]
    fn the_journal_is_told_which_address_changed_and_no_detail_of_it() {
        let address = |locality: &str| Address {
            recipient: "Erika Mustermann".into(),
            lines: vec!["Heidestraße 17".into()],
            locality: locality.into(),
            administrative_area: "NRW".into(),
            postal_code: "51147".into(),
            country_code: "DE".into(),
            tax_id: "DE1".into(),
        };
        let before = Addresses { sold_to: Some(address("Bonn")), ..Addresses::default() };
        let patch = Patch { billing: Some(Some(address("Köln"))), sold_to: None };
        let after = patch.apply(&before);
        assert!(after.sold_to == before.sold_to && after.billing.is_some());
        assert_eq!(before.to_json(&after), json!({"addresses": {"billing": null}}));
        assert_eq!(after.to_json(&before), json!({"addresses": {"billing": {"country_code": "DE"}}}));
        let removed = Patch { sold_to: Some(None), ..Patch::default() }.apply(&after);
        assert_eq!(removed.to_json(&after), json!({"addresses": {"sold_to": null}}));
    }
}
