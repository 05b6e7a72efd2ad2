//! Resource names, parsed by syntax alone and printed in one canonical form.
use std::{fmt, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use uuid::Uuid;

mod billing;
mod group;
mod marketplace;
mod meter;
mod transfer;
mod webhook;

pub use self::{
    billing::{AccountName, BillingAdminName, BudgetName, InvoiceName, ReservationName},
    group::{AppGroupName, GroupName, RoleHolder, RoleTarget},
    marketplace::{ListingName, MarketplaceAdminName, VendorProfileName},
    meter::{MeterName, is_words},
    transfer::TransferName,
    webhook::{DeliveryName, WebhookName},
};

/// Everything but RFC 3986's unreserved characters is percent-encoded in an id.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest id of a principal, in encoded bytes.
pub(crate) const MAX_ID: usize = 512;

/// A name that does not have the form it must have. Its text completes "the name …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have the form {expected}")]
pub struct Malformed {
    /// The form that is expected.
    pub expected: &'static str,
}

/// What stands in an id between the prefix of the caller's issuer and the rest, which has no bare one.
pub(crate) const REALM_END: char = ':';

/// Who acts: a person, `users/{id}`, or a service, `services/{id}`. Ids are percent-encoded, but for one colon that may
/// stand in them after the prefix of an issuer: `users/corp:alice`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// A person, by the encoded id.
    User(String),
    /// A service, by the encoded id.
    Service(String),
}

impl Principal {
    /// The person whose unencoded id this is.
    #[must_use]
    pub fn user(id: &str) -> Self {
        Self::User(utf8_percent_encode(id, ENCODED).to_string())
    }

    /// The service whose unencoded id this is.
    #[must_use]
    pub fn service(id: &str) -> Self {
        Self::Service(utf8_percent_encode(id, ENCODED).to_string())
    }

    /// The person of this unencoded id whom an issuer with a prefix names: `users/corp:alice`.
    #[must_use]
    pub fn user_of(realm: &str, id: &str) -> Self {
        Self::User(of_realm(realm, id))
    }

    /// The service of this unencoded id that an issuer with a prefix names: `services/corp:metering`.
    #[must_use]
    pub fn service_of(realm: &str, id: &str) -> Self {
        Self::Service(of_realm(realm, id))
    }

    /// The encoded id, as it stands in names.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::User(id) | Self::Service(id) => id,
        }
    }

    /// The encoded id if it is a person. A service is never a member, an admin or a contributor: the empty id is nobody's.
    #[must_use]
    pub fn person(&self) -> &str {
        match self {
            Self::User(id) => id,
            Self::Service(_) => "",
        }
    }

    /// The person, if it is one.
    #[must_use]
    pub fn as_user(&self) -> Option<UserName> {
        match self {
            Self::User(id) => Some(UserName(id.clone())),
            Self::Service(_) => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "users/{id}"),
            Self::Service(id) => write!(f, "services/{id}"),
        }
    }
}

impl FromStr for Principal {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let expected = "users/{id} or services/{id}, with the id percent-encoded and of at most 512 bytes";
        match name.split_once('/') {
            Some(("users", id)) if canonical(id) => Ok(Self::User(id.to_owned())),
            Some(("services", id)) if canonical(id) => Ok(Self::Service(id.to_owned())),
            _ => Err(Malformed { expected }),
        }
    }
}

/// A person's name, `users/{id}`: for what services can't be, such as members.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    /// The encoded id, as it stands in names.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0
    }

    /// The person with this encoded id, which was stored as such.
    #[must_use]
    pub fn from_stored(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "users/{}", self.0)
    }
}

impl FromStr for UserName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let id = name.strip_prefix("users/").filter(|id| canonical(id));
        id.map(|id| Self(id.to_owned()))
            .ok_or(Malformed { expected: "users/{id}, with the id percent-encoded and of at most 512 bytes" })
    }
}

impl From<UserName> for Principal {
    fn from(user: UserName) -> Self {
        Self::User(user.0)
    }
}

fn of_realm(realm: &str, id: &str) -> String {
    let [realm, id] = [realm, id].map(|part| utf8_percent_encode(part, ENCODED));
    format!("{realm}{REALM_END}{id}")
}

/// Whether an id is what encoding it yields: each principal has one name only.
fn canonical(id: &str) -> bool {
    let encoded = |part: &str| {
        !part.is_empty()
            && percent_decode_str(part).decode_utf8().is_ok_and(|plain| {
                !plain.contains('\0') && utf8_percent_encode(&plain, ENCODED).to_string() == part
            })
    };
    let (realm, rest) = id.split_once(REALM_END).map_or((None, id), |(realm, rest)| (Some(realm), rest));
    id.len() <= MAX_ID && realm.is_none_or(encoded) && encoded(rest)
}

/// What a journal is kept of, and what facts are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `apps/{uuid}`.
    App(Uuid),
    /// `people`: who is active and who is not (R-M12), which is no space's. One scope for all of them, since changes are few.
    People,
    /// `rateCards`: all of them and the meters that they price, which are no space's.
    RateCards,
    /// `spaces/{uuid}`.
    Space(Uuid),
    /// `vendorProfiles/{uuid}`.
    VendorProfile(Uuid),
    /// `webhooks`: all that are of no space (R-J6).
    Webhooks,
}

impl Scope {
    /// The UUID of the name; nil where there is none.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::People | Self::RateCards | Self::Webhooks => Uuid::nil(),
            Self::App(id) | Self::Space(id) | Self::VendorProfile(id) => id,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(id) => write!(f, "apps/{id}"),
            Self::People => f.write_str("people"),
            Self::RateCards => f.write_str("rateCards"),
            Self::Space(id) => write!(f, "spaces/{id}"),
            Self::VendorProfile(id) => write!(f, "vendorProfiles/{id}"),
            Self::Webhooks => f.write_str("webhooks"),
        }
    }
}

impl FromStr for Scope {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let expected = "spaces/{uuid}, apps/{uuid}, vendorProfiles/{uuid}, people, rateCards or webhooks";
        match name {
            "people" => return Ok(Self::People),
            "rateCards" => return Ok(Self::RateCards),
            "webhooks" => return Ok(Self::Webhooks),
            _ => {}
        }
        match name.split_once('/').map(|(collection, id)| (collection, uuid(id))) {
            Some(("apps", Some(id))) => Ok(Self::App(id)),
            Some(("spaces", Some(id))) => Ok(Self::Space(id)),
            Some(("vendorProfiles", Some(id))) => Ok(Self::VendorProfile(id)),
            _ => Err(Malformed { expected }),
        }
    }
}

/// A space's name, `spaces/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpaceName(pub Uuid);

impl SpaceName {
    /// Before every space, in the order of their ids. No space has this name, and nobody a role in it.
    pub const NIL: Self = Self(Uuid::nil());

    /// The place after which this space begins, in the order of ids.
    #[must_use]
    pub fn before(self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().saturating_sub(1)))
    }
}

impl fmt::Display for SpaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spaces/{}", self.0)
    }
}

impl FromStr for SpaceName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let id = name.strip_prefix("spaces/").and_then(uuid);
        id.map(Self).ok_or(Malformed { expected: "spaces/{uuid}" })
    }
}

impl From<SpaceName> for Scope {
    fn from(space: SpaceName) -> Self {
        Self::Space(space.0)
    }
}

/// An app's name, `apps/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppName(pub Uuid);

impl AppName {
    /// Before every app, in the order of their ids. No app has this name.
    pub const NIL: Self = Self(Uuid::nil());
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "apps/{}", self.0)
    }
}

impl FromStr for AppName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let id = name.strip_prefix("apps/").and_then(uuid);
        id.map(Self).ok_or(Malformed { expected: "apps/{uuid}" })
    }
}

impl From<AppName> for Scope {
    fn from(app: AppName) -> Self {
        Self::App(app.0)
    }
}

/// A contributor's name, `apps/{uuid}/contributors/{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContributorName {
    /// The app.
    pub app: AppName,
    /// The person.
    pub user: UserName,
}

impl fmt::Display for ContributorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/contributors/{}", self.app, self.user.id())
    }
}

impl FromStr for ContributorName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "apps/{uuid}/contributors/{user}" };
        let (app, id) = name.split_once("/contributors/").ok_or(malformed)?;
        let app = app.parse().map_err(|_| malformed)?;
        if canonical(id) { Ok(Self { app, user: UserName(id.to_owned()) }) } else { Err(malformed) }
    }
}

/// A member's name, `spaces/{uuid}/members/{user}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberName {
    /// The space.
    pub space: SpaceName,
    /// The person.
    pub user: UserName,
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/members/{}", self.space, self.user.id())
    }
}

impl FromStr for MemberName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "spaces/{uuid}/members/{user}" };
        let (space, id) = name.split_once("/members/").ok_or(malformed)?;
        let space = space.parse().map_err(|_| malformed)?;
        if canonical(id) { Ok(Self { space, user: UserName(id.to_owned()) }) } else { Err(malformed) }
    }
}

/// An invitation's name, `spaces/{uuid}/invitations/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InvitationName {
    /// The space.
    pub space: SpaceName,
    /// The invitation's own id. Ids are ordered by when they were made.
    pub id: Uuid,
}

impl fmt::Display for InvitationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/invitations/{}", self.space, self.id)
    }
}

impl FromStr for InvitationName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "spaces/{uuid}/invitations/{uuid}" };
        let (space, id) = name.split_once("/invitations/").ok_or(malformed)?;
        let space = space.parse().map_err(|_| malformed)?;
        uuid(id).map(|id| Self { space, id }).ok_or(malformed)
    }
}

/// The UUID that this is the lower-case, hyphenated text of.
fn uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(id)
}

#[cfg(test)]
mod tests;
