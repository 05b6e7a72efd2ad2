//! Money, exactly.
use devspaces_kit::status::Fields;
use devspaces_proto::r#type::v1::Money;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

/// Digits of a unit after the point, in a message.
const NANO_DIGITS: u32 = 9;
const NANOS: i32 = 1_000_000_000;
const NANOS_OF_CENT: i32 = 10_000_000;

/// An amount as a message. Nothing if a message can't hold it exactly: no other amount is ever shown instead.
pub(crate) fn to_wire(amount: Decimal, currency: &str) -> Option<Money> {
    let amount = amount.normalize();
    if amount.scale() > NANO_DIGITS {
        return None;
    }
    let nanos = (amount.fract() * Decimal::from(NANOS)).to_i32()?;
    Some(Money { currency_code: currency.to_owned(), units: amount.trunc().to_i64()?, nanos })
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
        bad(".currency_code", format!("must be {currency}"));
    }
    if money.units < 0 {
        bad(".units", "must not be negative".to_owned());
    }
    if !(0..NANOS).contains(&money.nanos) || money.nanos % NANOS_OF_CENT != 0 {
        bad(".nanos", "must be whole cents: a multiple of 10,000,000 from 0 to 990,000,000".to_owned());
    }
    if (money.units, money.nanos) == (0, 0) {
        bad("", "must be more than 0".to_owned());
    }
    good.then(|| (Decimal::from(money.units) + Decimal::new(money.nanos.into(), NANO_DIGITS)).normalize())
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
            prop_assert_eq!(to_wire(stored, "USD"), Some(given));
        }

        #[test]
        fn an_amount_is_told_as_it_is(nanos in any::<i64>()) {
            let money = to_wire(Decimal::new(nanos, NANO_DIGITS), "USD").expect("a message");
            let told = i128::from(money.units) * i128::from(NANOS) + i128::from(money.nanos);
            prop_assert_eq!(told, i128::from(nanos));
            prop_assert!(money.units == 0 || money.nanos == 0 || (money.units < 0) == (money.nanos < 0));
        }
    }

    #[test]
    fn what_does_not_fit_is_not_told() {
        assert_eq!(to_wire(Decimal::from(i64::MAX) + Decimal::ONE, "USD"), None);
        assert_eq!(to_wire(Decimal::new(1, 10), "USD"), None);
    }

    #[test]
    fn what_is_wrong_with_an_amount_is_named() {
        let wrong = |units, nanos, currency: &str| {
            let (mut fields, money) =
                (Fields::new(), Money { currency_code: currency.to_owned(), units, nanos });
            assert_eq!(cents(&mut fields, "amount", Some(money), "USD"), None);
            assert!(!fields.is_empty());
        };
        for (units, nanos) in [(0, 0), (-1, 0), (0, 1), (1, 755_000_000), (1, NANOS), (1, -10_000_000)] {
            wrong(units, nanos, "USD");
        }
        wrong(1, 0, "EUR");
        assert_eq!(cents(&mut Fields::new(), "amount", None, "USD"), None);
    }
}
