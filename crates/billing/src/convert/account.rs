use std::collections::HashSet;

use devspaces_kit::{
    name::UserName,
    status::{Fault, Fields},
};
use devspaces_ledger::etag;
use devspaces_proto::billing::v1 as proto;

use crate::domain::{Account, Admin};

/// The most people that one `AddBillingAdmins` adds.
const MAX_ADDED: usize = 100;

/// An account with as much of the rest as is shown to someone.
pub(crate) fn to_wire(
    account: Account,
    past_due: bool,
    payment_method: Option<proto::PaymentMethod>,
    addresses: Option<proto::Addresses>,
) -> proto::BillingAccount {
    let state =
        if past_due { proto::billing_account::State::PastDue } else { proto::billing_account::State::Active };
    proto::BillingAccount {
        name: account.name.to_string(),
        space: account.name.0.to_string(),
        terms_version: account.terms_version,
        consented_by: account.consented_by.to_string(),
        state: state.into(),
        payment_method,
        addresses,
        create_time: Some(account.create_time.into()),
        update_time: Some(account.update_time.into()),
        etag: etag::of(account.revision),
    }
}

impl From<Admin> for proto::BillingAdmin {
    fn from(admin: Admin) -> Self {
        Self {
            name: admin.name.to_string(),
            user: admin.name.user.to_string(),
            create_time: Some(admin.create_time.into()),
            deactivated: false,
        }
    }
}

/// Whom an `AddBillingAdmins` request adds.
pub(crate) fn added(users: &[String]) -> Result<Vec<UserName>, Fault> {
    let mut fields = Fields::new();
    if users.is_empty() || users.len() > MAX_ADDED {
        // Not one by one as well: a thousand people would have a thousand sentences.
        fields.bad("users", format!("must hold 1 to {MAX_ADDED} people"));
        return fields.finish_with(None);
    }
    let (mut seen, mut added) = (HashSet::new(), Vec::with_capacity(users.len()));
    for (index, user) in users.iter().enumerate() {
        let path = format!("users[{index}]");
        if !seen.insert(user) {
            fields.bad(path.clone(), "must not be given twice");
        }
        added.extend(fields.parse::<UserName>(path, user));
    }
    fields.finish()?;
    Ok(added)
}

/// The version of terms that a request consents to.
pub(crate) fn terms_version(version: String) -> Result<String, Fault> {
    if version.is_empty() {
        let sentence = "must be given: the version of the terms that were shown";
        return Err(Fault::bad_field("terms_version", sentence));
    }
    Ok(version)
}
