//! Invitations (R-M9).
use std::{fmt, str::FromStr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use devspaces_kit::{
    clock::Timestamp,
    name::{InvitationName, UserName},
    text,
};
use rand::{TryRng as _, rngs::SysRng};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Membership;

/// How long an invitation can be accepted (R-M9), if the role that it offers does not end before.
const LASTS: Duration = Duration::from_hours(7 * 24);

/// An e-mail address in the one form in which it is stored and compared: as it is written up to the @, the domain in lower
/// case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// The address as it was stored.
    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether somebody with this verified address is meant.
    fn is(&self, verified: &str) -> bool {
        verified.parse().is_ok_and(|verified: Self| verified == *self)
    }
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (local, domain) = text::email(text)?.rsplit_once('@').unwrap_or_default();
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
}

/// Who is invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Invitee {
    Person(UserName),
    Email(Address),
}

impl Invitee {
    /// Whether this is the caller: by id, or by a verified e-mail address.
    pub(crate) fn is(&self, user: &UserName, verified: Option<&str>) -> bool {
        match self {
            Self::Person(person) => person == user,
            Self::Email(address) => verified.is_some_and(|verified| address.is(verified)),
        }
    }
}

impl fmt::Display for Invitee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => person.fmt(f),
            Self::Email(address) => f.write_str(address.as_str()),
        }
    }
}

/// What has become of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Accepted,
    Declined,
    Revoked,
    Expired,
    Void,
}

impl State {
    pub(crate) const ALL: [Self; 6] =
        [Self::Pending, Self::Accepted, Self::Declined, Self::Revoked, Self::Expired, Self::Void];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Accepted => "ACCEPTED",
            Self::Declined => "DECLINED",
            Self::Revoked => "REVOKED",
            Self::Expired => "EXPIRED",
            Self::Void => "VOID",
        }
    }
}

/// How many random bytes a token has.
const BYTES: usize = 32;

/// What an invited person needs to accept. It is told once and kept as a digest only.
pub(crate) struct Token(String);

impl Token {
    /// A new one, of 256 bits that nobody guesses.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub(crate) fn new() -> Result<Self, rand::rngs::SysError> {
        let mut bytes = [0; BYTES];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Goes on if a text has the form of a token.
    pub(crate) fn check(text: &str) -> Result<(), &'static str> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == BYTES => Ok(()),
            _ => Err("must be the token of the invitation: 43 characters of base64url"),
        }
    }

    /// What the invited person is given.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn digest(&self) -> Vec<u8> {
        digest(&self.0)
    }
}

fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// An invitation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invitation {
    pub(crate) name: InvitationName,
    pub(crate) invitee: Invitee,
    /// What the person becomes by accepting.
    pub(crate) offer: Membership,
    pub(crate) state: State,
    pub(crate) inviter: UserName,
    pub(crate) token_digest: Vec<u8>,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) expire_time: Timestamp,
    /// The sequence of the journal entry that made it.
    pub(crate) made: i64,
    pub(crate) revision: i64,
}

/// Until when an invitation can be accepted that is sent now.
pub(crate) fn lasts(offer: &Membership, now: Timestamp) -> Timestamp {
    offer.expire_time.map_or(now + LASTS, |end| end.min(now + LASTS))
}

impl Invitation {
    /// What has become of it by a time: it expires without anybody acting.
    pub(crate) fn state_at(&self, now: Timestamp) -> State {
        let over = self.expire_time <= now;
        if self.state == State::Pending && over { State::Expired } else { self.state }
    }

    /// Whether this is its token.
    pub(crate) fn has_token(&self, token: &str) -> bool {
        // Digests of 256 random bits: how long the comparison takes tells nothing of use.
        digest(token) == self.token_digest
    }

    /// The same in another state from now on.
    pub(crate) fn ended(&self, state: State, now: Timestamp) -> Self {
        Self { state, update_time: now, ..self.clone() }
    }

    /// The same with another token, for another 7 days.
    pub(crate) fn sent_again(&self, token: &Token, now: Timestamp) -> Self {
        let (token_digest, expire_time) = (token.digest(), lasts(&self.offer, now));
        Self { token_digest, update_time: now, expire_time, ..self.clone() }
    }

    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "invitee": self.invitee.to_string(),
            "role": self.offer.role.name(),
            "view_all_apps": self.offer.view_all_apps,
            "role_expire_time": self.offer.expire_time.map(|end| end.to_string()),
            "state": self.state.name(),
            "inviter": self.inviter.to_string(),
            "expire_time": self.expire_time.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use devspaces_authz::ConsoleRole;
    use devspaces_kit::name::SpaceName;
    use uuid::Uuid;

    use super::*;

    fn user(id: &str) -> UserName {
        UserName::from_stored(id.to_owned())
    }

    fn email(text: &str) -> Invitee {
        Invitee::Email(text.parse().expect("an address"))
    }

    // R-M9: mail services may tell local parts apart by capitals, and none tells domains apart by them.
    #[test]
    fn an_address_is_compared_exactly_before_the_at_and_without_capitals_after_it() {
        let invited = email("Ann.Lee@Example.COM");
        for hers in ["Ann.Lee@example.com", "Ann.Lee@EXAMPLE.com"] {
            assert!(invited.is(&user("x"), Some(hers)), "{hers}");
        }
        let others = ["ann.lee@example.com", "Ann.Lee@example.org", "AnnLee@example.com", "", "Ann.Lee"];
        for other in others {
            assert!(!invited.is(&user("x"), Some(other)), "{other}");
        }
        assert!(!invited.is(&user("x"), None));
    }

    // R-M9
    #[test]
    fn an_id_is_matched_by_the_id_alone() {
        let invited = Invitee::Person(user("ann"));
        assert!(invited.is(&user("ann"), None) && !invited.is(&user("bob"), Some("ann@example.com")));
    }

    fn invitation(token: &Token) -> Invitation {
        Invitation {
            name: InvitationName { space: SpaceName(Uuid::nil()), id: Uuid::nil() },
            invitee: email("ann@example.com"),
            offer: Membership { role: ConsoleRole::Viewer, view_all_apps: false, expire_time: None },
            state: State::Pending,
            inviter: user("alice"),
            token_digest: token.digest(),
            create_time: Timestamp::EPOCH,
            update_time: Timestamp::EPOCH,
            expire_time: Timestamp::EPOCH + LASTS,
            made: 1,
            revision: 1,
        }
    }

    // R-M9
    #[test]
    fn it_expires_by_the_clock_and_with_the_role_that_it_offers() {
        let token = Token::new().expect("random numbers");
        let mut pending = invitation(&token);
        let end = pending.expire_time;
        let moment = Duration::from_micros(1);
        assert_eq!(pending.state_at(Timestamp::EPOCH + LASTS.saturating_sub(moment)), State::Pending);
        assert_eq!(pending.state_at(end), State::Expired);
        assert_eq!(pending.ended(State::Revoked, end).state_at(end), State::Revoked);
        pending.offer.expire_time = Some(Timestamp::EPOCH + moment);
        let again = pending.sent_again(&token, Timestamp::EPOCH);
        assert_eq!(again.expire_time, Timestamp::EPOCH + moment);
    }

    // R-M9
    #[test]
    fn each_token_is_another_and_the_journal_has_none() {
        let (first, second) = (Token::new().expect("random"), Token::new().expect("random"));
        let sent = invitation(&first);
        let again = sent.sent_again(&second, Timestamp::EPOCH);
        let (first, second) = (first.text(), second.text());
        assert_eq!((first.len(), second.len()), (43, 43));
        assert!(sent.has_token(first) && !sent.has_token(second) && !sent.has_token(""));
        assert!(again.has_token(second) && !again.has_token(first));
        let told = again.to_json().to_string();
        assert!(!told.contains(second) && told.contains("ann@example.com"));
    }
}
