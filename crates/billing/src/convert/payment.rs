use devspaces_kit::{
    clock::Timestamp,
    status::{Fault, Fields},
    text::{self, CARD_NUMBER, looks_like_card_number},
};
use devspaces_ledger::etag;
use devspaces_proto::billing::v1 as proto;

use crate::domain::{Instrument, Month, PaymentMethod, Token};

/// The longest token, in bytes.
const MAX_TOKEN: usize = 255;

/// The longest brand, in characters.
const MAX_BRAND: usize = 40;

/// A payment method as it is shown to those who set it: all but the token, which is not there to be shown (R-B3).
pub(crate) fn whole(method: PaymentMethod) -> proto::PaymentMethod {
    let PaymentMethod { instrument, update_time, revision } = method;
    proto::PaymentMethod {
        token: String::new(),
        brand: instrument.brand,
        last_four: instrument.last_four,
        expiry: instrument.expiry.to_string(),
        update_time: Some(update_time.into()),
        etag: etag::of(revision),
    }
}

/// A payment method as it is shown to others: the last four digits (R-B3).
pub(crate) fn last_four(method: PaymentMethod) -> proto::PaymentMethod {
    proto::PaymentMethod { last_four: method.instrument.last_four, ..proto::PaymentMethod::default() }
}

/// How an account is to be paid, by a `SetPaymentMethod` request.
pub(crate) fn given(
    method: Option<proto::PaymentMethod>,
    now: Timestamp,
) -> Result<(Token, Instrument), Fault> {
    let proto::PaymentMethod { token, brand, last_four, expiry, .. } = method.unwrap_or_default();
    let mut fields = Fields::new();
    fields.check("payment_method.token", check_token(&token));
    fields.check("payment_method.brand", text::line(&brand, 1..=MAX_BRAND));
    if last_four.len() != 4 || !last_four.bytes().all(|byte| byte.is_ascii_digit()) {
        fields.bad("payment_method.last_four", "must be the last four digits");
    } else if !looks_like_card_number(&brand) && looks_like_card_number(&format!("{brand} {last_four}")) {
        fields.bad("payment_method.brand", CARD_NUMBER);
    }
    let expiry = fields.check("payment_method.expiry", check_expiry(&expiry, now));
    let expiry = fields.finish_with(expiry)?;
    Ok((Token(token), Instrument { brand, last_four, expiry }))
}

fn check_token(token: &str) -> Result<(), String> {
    let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(1..=MAX_TOKEN).contains(&token.len()) {
        return Err(format!("must be 1 to {MAX_TOKEN} visible ASCII characters"));
    }
    if looks_like_card_number(token) { Err(CARD_NUMBER.to_owned()) } else { Ok(()) }
}

fn check_expiry(expiry: &str, now: Timestamp) -> Result<Month, String> {
    let month = expiry.parse::<Month>().map_err(|malformed| malformed.to_string())?;
    if month < Month::of(now) { Err("must not lie in the past".to_owned()) } else { Ok(month) }
}
