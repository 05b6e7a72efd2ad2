//! Signed texts (RFC 7515, compact): tokens, and the checkpoints of journals.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use serde_json::{Value, json};

use super::{Jwks, SigningKey, algorithm::Algorithm, jwt::Jwt};

impl SigningKey {
    /// Signs a payload, under the id by which a key set knows this key.
    #[must_use]
    pub fn sign(&self, key_id: &str, kind: &str, payload: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "typ": kind, "kid": key_id });
        let [header, payload] = [&header, payload].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{payload}");
        let signature = URL_SAFE_NO_PAD.encode(self.pair().sign(message.as_bytes()).to_bytes());
        format!("{message}.{signature}")
    }
}

impl Jwks {
    /// The payload of a text of this kind that a service of the suite has signed, and the service's name.
    #[must_use]
    pub fn verify(&self, kind: &str, text: &str) -> Option<(String, Value)> {
        let jwt = Jwt::parse(text).ok()?;
        let service = jwt.key_id().ok()??.to_owned();
        let algorithm = Algorithm::named(jwt.algorithm().ok()?)?;
        let verified = self.of_service(&service).any(|key| jwt.is_signed_by(key, algorithm));
        (verified && jwt.header.get("typ").is_some_and(|typ| typ == kind))
            .then(|| (service, jwt.claims.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_text_verifies_by_its_key_and_as_its_kind_only() {
        let (key, other) = (SigningKey::generate().expect("a key"), SigningKey::generate().expect("a key"));
        let keys = Jwks::parse(&key.public_jwks("space")).expect("a key set");
        let text = key.sign("space", "checkpoint", &json!({"heads": 1}));
        assert_eq!(keys.verify("checkpoint", &text), Some(("space".to_owned(), json!({"heads": 1}))));
        assert_eq!(keys.verify("JWT", &text), None);
        assert_eq!(keys.verify("checkpoint", &other.sign("space", "checkpoint", &json!({"heads": 1}))), None);
        assert_eq!(keys.verify("checkpoint", &key.sign("membership", "checkpoint", &json!({}))), None);
        assert_eq!(keys.verify("checkpoint", &text.replace('.', "A.")), None);
    }
}
