//! Names of transfers of apps between spaces.
use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{Malformed, uuid};

/// A transfer's name, `transfers/{uuid}`. It says nothing of the app or the spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferName(pub Uuid);

impl fmt::Display for TransferName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transfers/{}", self.0)
    }
}

impl FromStr for TransferName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let id = name.strip_prefix("transfers/").and_then(uuid);
        id.map(Self).ok_or(Malformed { expected: "transfers/{uuid}" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_parses_prints_as_it_was_and_others_are_refused() {
        let id = "0190a8d0-7b1c-7def-8000-000000000001";
        let name = format!("transfers/{id}");
        assert_eq!(name.parse::<TransferName>().unwrap().to_string(), name);
        for bad in ["", "transfers/", "transfers/x", id, &format!("apps/{id}"), &format!("{name}/")] {
            assert!(bad.parse::<TransferName>().is_err(), "{bad}");
        }
    }
}
