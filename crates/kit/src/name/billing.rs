//! Names of what a billing account is and has.
use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{Malformed, SpaceName, UserName, canonical, uuid};

/// A billing account's name, `spaces/{uuid}/billingAccount`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountName(pub SpaceName);

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/billingAccount", self.0)
    }
}

impl FromStr for AccountName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let space = name.strip_suffix("/billingAccount").and_then(|space| space.parse().ok());
        space.map(Self).ok_or(Malformed { expected: "spaces/{uuid}/billingAccount" })
    }
}

/// A billing admin's name, `spaces/{uuid}/billingAccount/admins/{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BillingAdminName {
    /// The account.
    pub account: AccountName,
    /// The person.
    pub user: UserName,
}

impl fmt::Display for BillingAdminName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/admins/{}", self.account, self.user.id())
    }
}

impl FromStr for BillingAdminName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "spaces/{uuid}/billingAccount/admins/{user}" };
        let (account, id) = name.split_once("/admins/").ok_or(malformed)?;
        let account = account.parse().map_err(|_| malformed)?;
        if canonical(id) { Ok(Self { account, user: UserName(id.to_owned()) }) } else { Err(malformed) }
    }
}

/// An invoice's name, `spaces/{uuid}/billingAccount/invoices/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvoiceName {
    /// The account.
    pub account: AccountName,
    /// The id.
    pub id: Uuid,
}

impl fmt::Display for InvoiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/invoices/{}", self.account, self.id)
    }
}

impl FromStr for InvoiceName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "spaces/{uuid}/billingAccount/invoices/{uuid}" };
        let (account, id) = name.split_once("/invoices/").ok_or(malformed)?;
        let account = account.parse().map_err(|_| malformed)?;
        Ok(Self { account, id: uuid(id).ok_or(malformed)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_parses_prints_as_it_was_and_others_are_refused() {
        let space = "spaces/0190a8d0-7b1c-7def-8000-000000000001";
        let account = format!("{space}/billingAccount");
        assert_eq!(account.parse::<AccountName>().unwrap().to_string(), account);
        let admin = format!("{account}/admins/auth0%7Ca");
        assert_eq!(admin.parse::<BillingAdminName>().unwrap().to_string(), admin);
        let invoice = format!("{account}/invoices/0190a8d0-7b1c-7def-8000-000000000002");
        assert_eq!(invoice.parse::<InvoiceName>().unwrap().to_string(), invoice);
        for bad in ["", space, "billingAccount", "spaces/x/billingAccount", &format!("{account}/")] {
            assert!(bad.parse::<AccountName>().is_err(), "{bad}");
            assert!(format!("{bad}/admins/a").parse::<BillingAdminName>().is_err(), "{bad}");
            assert!(format!("{bad}/invoices/{}", Uuid::nil()).parse::<InvoiceName>().is_err(), "{bad}");
        }
        assert!(format!("{account}/admins/a/b").parse::<BillingAdminName>().is_err());
        assert!(format!("{account}/invoices/x").parse::<InvoiceName>().is_err());
    }
}
