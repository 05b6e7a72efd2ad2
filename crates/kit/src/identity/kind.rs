//! Which of an issuer's tokens are people's and which are services'.
use std::str::FromStr;

use serde_json::{Map, Value};

use super::rejection::Rejection;

/// For whom an issuer vouches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// People: `users/{prefix}{sub}`.
    Users,
    /// Services: `services/{prefix}{sub}`.
    Services,
}

/// How the kind of a token's bearer is told. By the issuer alone, unless the operator has named a claim: whoever can
/// choose that claim's value chooses the kind, so it must be one that the issuer sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds {
    otherwise: Option<Kind>,
    users_if: Option<Condition>,
    services_if: Option<Condition>,
}

/// Conditions that do not say what they seem to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KindsError {
    /// Neither a kind nor a condition.
    #[error("no kind is given: users or services, or a condition for one of them")]
    None,
    /// A condition for the kind that all tokens have anyway.
    #[error("the condition has no effect: without it, too, every token would be of that kind")]
    Idle,
    /// A condition that no token meets without meeting the other.
    #[error(
        "whatever meets one condition meets the other as well, and is refused because its kind can't be told: \
         name values of which a token has one"
    )]
    Contained,
}

impl Kinds {
    /// Every token is of one kind.
    #[must_use]
    pub fn always(kind: Kind) -> Self {
        Self { otherwise: Some(kind), users_if: None, services_if: None }
    }

    /// A token that meets a condition is of the condition's kind, and one that meets both is refused. One that meets none
    /// is of the kind `otherwise`, and refused if there is none.
    pub fn new(
        otherwise: Option<Kind>,
        users_if: Option<Condition>,
        services_if: Option<Condition>,
    ) -> Result<Self, KindsError> {
        match (otherwise, &users_if, &services_if) {
            (None, None, None) => Err(KindsError::None),
            (Some(Kind::Users), Some(_), None) | (Some(Kind::Services), None, Some(_)) => {
                Err(KindsError::Idle)
            }
            (_, Some(users), Some(services)) if users.implies(services) || services.implies(users) => {
                Err(KindsError::Contained)
            }
            _ => Ok(Self { otherwise, users_if, services_if }),
        }
    }

    /// Whether a token can be of this kind.
    pub(super) fn include(&self, kind: Kind) -> bool {
        let condition = match kind {
            Kind::Users => &self.users_if,
            Kind::Services => &self.services_if,
        };
        self.otherwise == Some(kind) || condition.is_some()
    }

    /// The kind of the bearer of a token with these claims, whose signature is verified.
    pub(super) fn of(&self, claims: &Map<String, Value>) -> Result<Kind, Rejection> {
        let holds =
            |condition: &Option<Condition>| condition.as_ref().map_or(Ok(false), |it| it.holds(claims));
        match (holds(&self.users_if)?, holds(&self.services_if)?) {
            (true, true) => Err(Rejection::Ambiguous),
            (true, false) => Ok(Kind::Users),
            (false, true) => Ok(Kind::Services),
            (false, false) => self.otherwise.ok_or(Rejection::Condition),
        }
    }
}

/// What a claim of a token must be: `gty=client-credentials`, `sub=*@clients`, `client_id=*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    claim: String,
    pattern: Pattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// Anything but null.
    Present,
    Is(String),
    Begins(String),
    Ends(String),
}

impl FromStr for Condition {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let form = "a condition has the form CLAIM=VALUE, CLAIM=BEGINNING*, CLAIM=*END, or CLAIM=* for a claim that is there at all";
        let (claim, pattern) = text.split_once('=').ok_or(form)?;
        if claim.trim() != claim || pattern.trim() != pattern {
            return Err("white space stands around the claim or its value: write CLAIM=VALUE without any");
        }
        if claim.is_empty() || pattern.is_empty() {
            return Err(form);
        }
        let pattern = match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(""), _) => Pattern::Present,
            (Some(end), None) => Pattern::Ends(end.to_owned()),
            (None, Some(beginning)) => Pattern::Begins(beginning.to_owned()),
            (None, None) => Pattern::Is(pattern.to_owned()),
            (Some(_), Some(_)) => return Err(form),
        };
        let (Pattern::Is(rest) | Pattern::Begins(rest) | Pattern::Ends(rest)) = &pattern else {
            return Ok(Self { claim: claim.to_owned(), pattern });
        };
        if rest.contains('*') {
            return Err(form);
        }
        Ok(Self { claim: claim.to_owned(), pattern })
    }
}

impl Condition {
    /// Whether the claim, or one of several values that it has, is as the condition says. A value that can't be held
    /// against a text leaves the kind open, and the token is refused for it.
    pub(super) fn holds(&self, claims: &Map<String, Value>) -> Result<bool, Rejection> {
        match claims.get(&self.claim) {
            None | Some(Value::Null) => Ok(false),
            Some(_) if self.pattern == Pattern::Present => Ok(true),
            Some(Value::Array(several)) => {
                several.iter().try_fold(false, |any, one| Ok(self.fits(one)? || any))
            }
            Some(one) => self.fits(one),
        }
    }

    /// Whether whatever meets this condition meets that one.
    fn implies(&self, other: &Self) -> bool {
        use Pattern::{Begins, Ends, Is, Present};
        self.claim == other.claim
            && match (&self.pattern, &other.pattern) {
                (_, Present) => true,
                (Is(one), Is(other)) => one == other,
                (Is(one) | Begins(one), Begins(other)) => one.starts_with(other),
                (Is(one) | Ends(one), Ends(other)) => one.ends_with(other),
                _ => false,
            }
    }

    fn fits(&self, value: &Value) -> Result<bool, Rejection> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return Err(Rejection::Ambiguous),
        };
        Ok(match &self.pattern {
            Pattern::Present => true,
            Pattern::Is(whole) => text == *whole,
            Pattern::Begins(beginning) => text.starts_with(beginning),
            Pattern::Ends(end) => text.ends_with(end),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(users_if: &str, services_if: &str) -> Result<Kinds, KindsError> {
        let condition = |text: &str| text.parse().expect("a condition");
        Kinds::new(None, Some(condition(users_if)), Some(condition(services_if)))
    }

    #[test]
    fn a_condition_that_no_token_meets_alone_is_an_error() {
        for (one, other) in [
            ("gty=a", "gty=a"),
            ("gty=*", "gty=*"),
            ("gty=*", "gty=a"),
            ("gty=*", "gty=a*"),
            ("sub=a*", "sub=ab"),
            ("sub=a*", "sub=ab*"),
            ("sub=*b", "sub=ab"),
            ("sub=*b", "sub=*ab"),
        ] {
            assert_eq!(kinds(one, other), Err(KindsError::Contained), "{one} {other}");
            assert_eq!(kinds(other, one), Err(KindsError::Contained), "{other} {one}");
        }
        for (one, other) in [
            ("gty=a", "gty=b"),
            ("gty=a", "kind=a"),
            ("sub=a*", "sub=*a"),
            ("sub=a*", "sub=b*"),
            ("uid=*", "cid=*"),
        ] {
            assert!(kinds(one, other).is_ok(), "{one} {other}");
        }
    }

    #[test]
    fn white_space_around_a_claim_or_its_value_is_an_error() {
        for text in [" gty=a", "gty =a", "gty= a", "gty=a ", "gty=a\n"] {
            assert!(text.parse::<Condition>().is_err_and(|error| error.contains("white space")), "{text:?}");
        }
        assert!("name=a b".parse::<Condition>().is_ok());
    }
}
