//! Names of what a billing account is and has.
use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{AppName, Malformed, SpaceName, UserName, canonical, uuid};

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

/// A budget's name: `spaces/{uuid}/billingAccount/budgets/space`, or that of an app,
/// `spaces/{uuid}/billingAccount/budgets/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetName {
    /// The space whose budget it is, or in which the app's costs count.
    pub space: SpaceName,
    /// The app that it is of; nothing: the space as a whole. That comes first.
    pub app: Option<AppName>,
}

/// What stands for the space as a whole, in place of the id of an app.
const WHOLE: &str = "space";

impl fmt::Display for BudgetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = AccountName(self.space);
        match self.app {
            Some(app) => write!(f, "{account}/budgets/{}", app.0),
            None => write!(f, "{account}/budgets/{WHOLE}"),
        }
    }
}

impl FromStr for BudgetName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let expected = "spaces/{uuid}/billingAccount/budgets/space or spaces/{uuid}/billingAccount/budgets/{uuid of an app}";
        let malformed = Malformed { expected };
        let (account, id) = name.split_once("/budgets/").ok_or(malformed)?;
        let AccountName(space) = account.parse().map_err(|_| malformed)?;
        let app = if id == WHOLE { None } else { Some(AppName(uuid(id).ok_or(malformed)?)) };
        Ok(Self { space, app })
    }
}

/// A reservation's name, `reservations/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReservationName(pub Uuid);

impl fmt::Display for ReservationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reservations/{}", self.0)
    }
}

impl FromStr for ReservationName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let id = name.strip_prefix("reservations/").and_then(uuid);
        id.map(Self).ok_or(Malformed { expected: "reservations/{uuid}" })
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
        for id in ["space", "0190a8d0-7b1c-7def-8000-000000000002"] {
            let budget = format!("{account}/budgets/{id}");
            assert_eq!(budget.parse::<BudgetName>().unwrap().to_string(), budget);
        }
        for id in ["", "app", "Space", "space/", "0190A8D0-7b1c-7def-8000-000000000002"] {
            assert!(format!("{account}/budgets/{id}").parse::<BudgetName>().is_err(), "{id}");
        }
        let reservation = "reservations/0190a8d0-7b1c-7def-8000-000000000003";
        assert_eq!(reservation.parse::<ReservationName>().unwrap().to_string(), reservation);
        assert!("reservations/x".parse::<ReservationName>().is_err());
        for bad in ["", space, "billingAccount", "spaces/x/billingAccount", &format!("{account}/")] {
            assert!(bad.parse::<AccountName>().is_err(), "{bad}");
            assert!(format!("{bad}/admins/a").parse::<BillingAdminName>().is_err(), "{bad}");
            assert!(format!("{bad}/invoices/{}", Uuid::nil()).parse::<InvoiceName>().is_err(), "{bad}");
        }
        assert!(format!("{account}/admins/a/b").parse::<BillingAdminName>().is_err());
        assert!(format!("{account}/invoices/x").parse::<InvoiceName>().is_err());
    }
}
