use std::fmt;

use devspaces_kit::clock::Timestamp;
use serde_json::{Value, json};

use super::Month;

/// What the payment provider calls a payment method (R-B3). It goes into its row and nowhere else: it has no place in what
/// is read of a payment method, and does not print.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// What is known of the card or account behind a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instrument {
    pub(crate) brand: String,
    pub(crate) last_four: String,
    /// The last month in which it can be used.
    pub(crate) expiry: Month,
}

impl Instrument {
    /// What the journal says of it.
    pub(crate) fn to_json(&self) -> Value {
        json!({"payment_method": {
            "brand": self.brand, "last_four": self.last_four, "expiry": self.expiry.to_string(),
        }})
    }
}

/// How an account is paid, as it is stored, but for the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaymentMethod {
    pub(crate) instrument: Instrument,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-B3
    #[test]
    fn a_token_does_not_print() {
        let token = Token("tok_secret".to_owned());
        assert!(!format!("{token:?} {:?}", Some(&token)).contains("secret"));
    }
}
