//! Names of what is on the Marketplace.
use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{Malformed, UserName, canonical, uuid};

/// A vendor profile's name, `vendorProfiles/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VendorProfileName(pub Uuid);

impl fmt::Display for VendorProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vendorProfiles/{}", self.0)
    }
}

impl FromStr for VendorProfileName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let id = name.strip_prefix("vendorProfiles/").and_then(uuid);
        id.map(Self).ok_or(Malformed { expected: "vendorProfiles/{uuid}" })
    }
}

/// A Marketplace admin's name, `vendorProfiles/{uuid}/admins/{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MarketplaceAdminName {
    /// The vendor profile.
    pub profile: VendorProfileName,
    /// The person.
    pub user: UserName,
}

impl fmt::Display for MarketplaceAdminName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/admins/{}", self.profile, self.user.id())
    }
}

impl FromStr for MarketplaceAdminName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "vendorProfiles/{uuid}/admins/{user}" };
        let (profile, id) = name.split_once("/admins/").ok_or(malformed)?;
        let profile = profile.parse().map_err(|_| malformed)?;
        if canonical(id) { Ok(Self { profile, user: UserName(id.to_owned()) }) } else { Err(malformed) }
    }
}

/// A listing's name, `listings/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListingName(pub Uuid);

impl fmt::Display for ListingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listings/{}", self.0)
    }
}

impl FromStr for ListingName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let id = name.strip_prefix("listings/").and_then(uuid);
        id.map(Self).ok_or(Malformed { expected: "listings/{uuid}" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_parses_prints_as_it_was_and_others_are_refused() {
        let id = "0190a8d0-7b1c-7def-8000-000000000001";
        let profile = format!("vendorProfiles/{id}");
        assert_eq!(profile.parse::<VendorProfileName>().unwrap().to_string(), profile);
        let admin = format!("{profile}/admins/auth0%7Ca");
        assert_eq!(admin.parse::<MarketplaceAdminName>().unwrap().to_string(), admin);
        let listing = format!("listings/{id}");
        assert_eq!(listing.parse::<ListingName>().unwrap().to_string(), listing);
        for bad in
            ["", "vendorProfiles/", "vendorProfiles/x", id, &format!("spaces/{id}"), &format!("{profile}/")]
        {
            assert!(bad.parse::<VendorProfileName>().is_err(), "{bad}");
            assert!(format!("{bad}/admins/a").parse::<MarketplaceAdminName>().is_err(), "{bad}");
            assert!(bad.parse::<ListingName>().is_err(), "{bad}");
        }
        assert!(format!("{profile}/admins/").parse::<MarketplaceAdminName>().is_err());
    }
}
