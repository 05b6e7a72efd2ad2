//! Signatures by the scheme of Standard Webhooks.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use devspaces_kit::status::Fault;
use devspaces_ledger::webhook::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::{TryRng as _, rngs::SysRng};
use sha2::Sha256;

/// How long a secret is, in bytes: what the scheme recommends, and as much as the digest has.
const LENGTH: usize = 32;

/// A new secret.
///
/// # Errors
/// `INTERNAL` if the operating system gives no random numbers.
pub(crate) fn new_secret() -> Result<Secret, Fault> {
    let mut bytes = [0; LENGTH];
    SysRng.try_fill_bytes(&mut bytes).map_err(Fault::internal)?;
    Ok(Secret(bytes.to_vec()))
}

/// A secret as the libraries of the scheme take it.
pub(crate) fn text(secret: &Secret) -> String {
    format!("whsec_{}", STANDARD.encode(&secret.0))
}

/// What the header webhook-signature says of a message: one signature by each secret.
pub(crate) fn sign<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    id: &str,
    seconds: i64,
    body: &str,
) -> String {
    let by = |secret: &Secret| {
        // A key of any length is one.
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("a key of any length");
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    secrets.into_iter().map(by).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the scheme's own libraries.
    #[test]
    fn a_signature_is_the_one_that_the_schemes_libraries_make() {
        let secret = Secret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64"));
        let signature =
            sign([&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let other = new_secret().expect("a secret");
        let both =
            sign([&other, &secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert!(both.ends_with(&format!(" {signature}")) && both.starts_with("v1,"), "{both}");
    }

    #[test]
    fn secrets_differ_and_are_of_the_length_that_the_scheme_wants() {
        let [one, other] = [(); 2].map(|()| new_secret().expect("a secret"));
        assert_ne!(one, other);
        assert!(text(&one).starts_with("whsec_") && one.0.len() == LENGTH);
    }
}
