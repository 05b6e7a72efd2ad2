//! What a token says of its bearer.
use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{jwt::text, rejection::Rejection, token::Validity};

/// What an issuer calls the claims that are read. Those that it sets and its users don't choose: whoever chooses the name is
/// whom they like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// For whom the token is: `aud`.
    pub audience: Cow<'static, str>,
    /// Who its bearer is: `sub`.
    pub subject: Cow<'static, str>,
    /// The bearer's e-mail address: `email`.
    pub email: Cow<'static, str>,
    /// Whether the issuer has verified that: `email_verified`, with the value `true`.
    pub email_verified: Cow<'static, str>,
}

impl ClaimNames {
    /// As RFC 7519 and `OpenID` Connect have them.
    pub const STANDARD: Self = Self {
        audience: Cow::Borrowed("aud"),
        subject: Cow::Borrowed("sub"),
        email: Cow::Borrowed("email"),
        email_verified: Cow::Borrowed("email_verified"),
    };
}

/// What a token says, as far as every token must say it.
pub(super) struct Claims<'a> {
    pub(super) all: &'a Map<String, Value>,
    pub(super) sub: &'a str,
    pub(super) aud: Vec<&'a str>,
    /// The e-mail address, if the issuer says, with the JSON value `true`, that it is verified.
    pub(super) verified_email: Option<&'a str>,
    pub(super) validity: Validity,
}

impl<'a> Claims<'a> {
    pub(super) fn read(all: &'a Map<String, Value>, names: &ClaimNames) -> Result<Self, Rejection> {
        // Whoever has it must show a key besides (RFC 7800), which nobody looks at here: as a bearer token it was stolen.
        if present(all, "cnf").is_some() {
            return Err(Rejection::Bound);
        }
        let sub = text(all, &names.subject)?;
        let aud = audiences(all, &names.audience)?;
        let expires = seconds(all, "exp")?.ok_or_else(|| Rejection::missing("exp"))?;
        let not_before = seconds(all, "nbf")?.unwrap_or(i64::MIN);
        let verified = all.get(&*names.email_verified) == Some(&Value::Bool(true));
        let email = all.get(&*names.email).filter(|_| verified).and_then(Value::as_str);
        let verified_email = email.filter(|email| !email.is_empty());
        Ok(Self { all, sub, aud, verified_email, validity: Validity { not_before, expires } })
    }
}

fn audiences<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<Vec<&'a str>, Rejection> {
    match present(claims, name).ok_or_else(|| Rejection::missing(name))? {
        Value::String(one) => Ok(vec![one.as_str()]),
        Value::Array(several) => {
            let texts: Option<Vec<_>> = several.iter().map(Value::as_str).collect();
            texts.ok_or_else(|| Rejection::mistyped(name))
        }
        _ => Err(Rejection::mistyped(name)),
    }
}

fn present<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).filter(|value| !value.is_null())
}

/// Seconds since 1970, which may have a fraction (RFC 7519, `NumericDate`); the fraction is cut.
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Rejection> {
    let Some(value) = present(claims, name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and a fraction is to be cut")]
    let whole = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
    whole.map(Some).ok_or_else(|| Rejection::mistyped(name))
}
