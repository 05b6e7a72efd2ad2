//! Money, exactly.
use devspaces_kit::status::Fields;
use devspaces_proto::r#type::v1::Money;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

const NANOS: u32 = 1_000_000_000;
const NANOS_OF_CENT: i32 = 10_000_000;

/// An amount of at most nine digits after the point.
pub(crate) fn to_wire(amount: Decimal, currency: &str) -> Money {
    let nanos = amount.fract() * Decimal::from(NANOS);
    Money {
        currency_code: currency.to_owned(),
        // More than what any account could come to is shown as the most that can be.
        units: amount.trunc().to_i64().unwrap_or(i64::MAX),
        nanos: nanos.to_i32().unwrap_or_default(),
    }
}

/// An amount in whole cents that is more than 0, of this currency. What is wrong with it is named below `path`.
pub(crate) fn cents(
    fields: &mut Fields,
    path: &str,
    money: Option<Money>,
    currency: &str,
) -> Option<Decimal> {
    let Some(money) = money else {
        fields.bad(path, "must be given");
        return None;
    };
    let mut good = true;
    let mut bad = |field: &str, sentence: String| {
        fields.bad(format!("{path}{field}"), sentence);
        good = false;
    };
    if money.currency_code != currency {
        bad(".currency_code", format!("must be the rate card's currency, {currency}"));
    }
    if money.units < 0 {
        bad(".units", "must not be negative".to_owned());
    }
    if !(0..1_000_000_000).contains(&money.nanos) || money.nanos % NANOS_OF_CENT != 0 {
        bad(".nanos", "must be whole cents: a multiple of 10,000,000 from 0 to 990,000,000".to_owned());
    }
    if (money.units, money.nanos) == (0, 0) {
        bad("", "must be more than 0".to_owned());
    }
    good.then(|| (Decimal::from(money.units) + Decimal::from(money.nanos) / Decimal::from(NANOS)).normalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // R-B12: not a cent is lost on the way through the store.
        #[test]
        fn an_amount_is_shown_as_it_was_given(units in 0..=i64::MAX, cents_given in 0..100_i32) {
            prop_assume!((units, cents_given) != (0, 0));
            let given = Money { currency_code: "USD".to_owned(), units, nanos: cents_given * NANOS_OF_CENT };
            let amount = cents(&mut Fields::new(), "amount", Some(given.clone()), "USD").expect("a good amount");
            let stored: Decimal = amount.to_string().parse().expect("a decimal");
            prop_assert_eq!(to_wire(stored, "USD"), given);
        }
    }
}
