use devspaces_kit::{
    name::AccountName,
    status::{Fault, Fields},
    text::{self, CARD_NUMBER, looks_like_card_number},
};
use devspaces_ledger::etag;
use devspaces_proto::billing::v1 as proto;

use crate::domain::{Address, Addresses, AddressesPatch, is_country_code};

/// The most lines of an address.
const MAX_LINES: usize = 5;

/// The longest of most fields, in characters.
const MAX_LINE: usize = 100;

/// The longest postal code, in characters.
const MAX_POSTAL_CODE: usize = 20;

/// The longest tax number, in characters.
const MAX_TAX_ID: usize = 40;

/// The addresses of an account.
pub(crate) fn to_wire(account: AccountName, addresses: Addresses) -> proto::Addresses {
    proto::Addresses {
        name: account.to_string(),
        billing: addresses.billing.map(Into::into),
        sold_to: addresses.sold_to.map(Into::into),
        update_time: addresses.update_time.map(Into::into),
        etag: etag::of(addresses.revision),
    }
}

impl From<Address> for proto::Address {
    fn from(address: Address) -> Self {
        Self {
            recipient: address.recipient,
            lines: address.lines,
            locality: address.locality,
            administrative_area: address.administrative_area,
            postal_code: address.postal_code,
            country_code: address.country_code,
            tax_id: address.tax_id,
        }
    }
}

/// What an `UpdateAddresses` request changes: the addresses of its mask, or those that are populated.
pub(crate) fn patch(request: proto::UpdateAddressesRequest) -> Result<AddressesPatch, Fault> {
    let proto::Addresses { billing, sold_to, .. } = request.addresses.unwrap_or_default();
    let mut fields = Fields::new();
    let populated = [("billing", billing.is_some()), ("sold_to", sold_to.is_some())];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    let mut changed = |field: &str, address: Option<proto::Address>| {
        masked
            .contains(&field)
            .then(|| address.map(|it| checked(&mut fields, &format!("addresses.{field}"), it)))
    };
    let patch = AddressesPatch { billing: changed("billing", billing), sold_to: changed("sold_to", sold_to) };
    fields.finish()?;
    Ok(patch)
}

fn checked(fields: &mut Fields, path: &str, address: proto::Address) -> Address {
    let proto::Address { recipient, lines, locality, administrative_area, postal_code, country_code, tax_id } =
        address;
    for (field, value, length) in [
        ("recipient", &recipient, 1..=MAX_LINE),
        ("locality", &locality, 1..=MAX_LINE),
        ("administrative_area", &administrative_area, 0..=MAX_LINE),
        ("postal_code", &postal_code, 0..=MAX_POSTAL_CODE),
        ("tax_id", &tax_id, 0..=MAX_TAX_ID),
    ] {
        fields.check(format!("{path}.{field}"), text::line(value, length));
    }
    check_lines(fields, &format!("{path}.lines"), &lines);
    if !is_country_code(&country_code) {
        fields.bad(format!("{path}.country_code"), "must be an ISO 3166-1 alpha-2 code in capitals");
    }
    Address { recipient, lines, locality, administrative_area, postal_code, country_code, tax_id }
}

fn check_lines(fields: &mut Fields, path: &str, lines: &[String]) {
    if !(1..=MAX_LINES).contains(&lines.len()) {
        // Not one by one as well: a thousand lines would have a thousand sentences.
        fields.bad(path, format!("must hold 1 to {MAX_LINES} lines"));
        return;
    }
    let bad: Vec<_> = lines.iter().map(|line| text::line(line, 1..=MAX_LINE)).collect();
    if bad.iter().all(Result::is_ok) && looks_like_card_number(&lines.join("\n")) {
        // Each line holds a part of it.
        fields.bad(path, CARD_NUMBER);
    }
    for (index, line) in bad.into_iter().enumerate() {
        fields.check(format!("{path}[{index}]"), line);
    }
}
