use std::{fmt, str::FromStr};

use uuid::Uuid;

use super::{Malformed, Scope, SpaceName, uuid};

/// A webhook's name: `spaces/{uuid}/webhooks/{uuid}`, or `webhooks/{uuid}` for one of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WebhookName {
    /// Whose it is; nothing: the platform's.
    pub space: Option<SpaceName>,
    /// Its own part of the name.
    pub id: Uuid,
}

impl WebhookName {
    /// The scope whose journal tells of its changes.
    #[must_use]
    pub fn scope(self) -> Scope {
        self.space.map_or(Scope::Webhooks, Scope::from)
    }
}

impl fmt::Display for WebhookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(space) = self.space {
            write!(f, "{space}/")?;
        }
        write!(f, "webhooks/{}", self.id)
    }
}

impl FromStr for WebhookName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "spaces/{uuid}/webhooks/{uuid} or webhooks/{uuid}" };
        let (space, id) = match name.split_once("/webhooks/") {
            Some((space, id)) => (Some(space.parse().map_err(|_: Malformed| malformed)?), id),
            None => (None, name.strip_prefix("webhooks/").ok_or(malformed)?),
        };
        Ok(Self { space, id: uuid(id).ok_or(malformed)? })
    }
}

/// A delivery's name: `{webhook}/deliveries/{uuid}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryName {
    /// Where to.
    pub webhook: WebhookName,
    /// Its own part of the name.
    pub id: Uuid,
}

impl fmt::Display for DeliveryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/deliveries/{}", self.webhook, self.id)
    }
}

impl FromStr for DeliveryName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        let expected = "spaces/{uuid}/webhooks/{uuid}/deliveries/{uuid} or webhooks/{uuid}/deliveries/{uuid}";
        let malformed = Malformed { expected };
        let (webhook, id) = name.split_once("/deliveries/").ok_or(malformed)?;
        let webhook = webhook.parse().map_err(|_: Malformed| malformed)?;
        Ok(Self { webhook, id: uuid(id).ok_or(malformed)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190a8d0-7b1c-7def-8000-000000000001";

    #[test]
    fn a_webhook_is_a_spaces_or_the_platforms() {
        let of_space = format!("spaces/{ID}/webhooks/{ID}");
        for (name, is_of_space) in [(of_space.as_str(), true), (&format!("webhooks/{ID}"), false)] {
            let parsed: WebhookName = name.parse().expect("a name");
            assert_eq!((parsed.to_string().as_str(), parsed.space.is_some()), (name, is_of_space));
            let delivery = format!("{name}/deliveries/{ID}");
            assert_eq!(delivery.parse::<DeliveryName>().expect("a name").to_string(), delivery);
        }
        for bad in ["", "webhooks/", "webhooks/x", "/webhooks/x", &format!("apps/{ID}/webhooks/{ID}"), ID] {
            assert!(bad.parse::<WebhookName>().is_err(), "{bad}");
            assert!(format!("{bad}/deliveries/{ID}").parse::<DeliveryName>().is_err(), "{bad}");
        }
    }
}
