//! Amounts as messages have them.
use devspaces_proto::r#type::v1::Money;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

/// Digits of a unit after the point, in a message.
const NANO_DIGITS: u32 = 9;
/// Digits of a unit after the point, in what is billed and paid.
const CENT_DIGITS: u32 = 2;
const NANOS: i32 = 1_000_000_000;

/// An amount as a message. Nothing if a message can't hold it exactly.
pub(crate) fn to_wire(amount: Decimal, currency: &str) -> Option<Money> {
    let amount = amount.normalize();
    if amount.scale() > NANO_DIGITS {
        return None;
    }
    let nanos = (amount.fract() * Decimal::from(NANOS)).to_i32()?;
    Some(Money { currency_code: currency.to_owned(), units: amount.trunc().to_i64()?, nanos })
}

/// The amount of a message, which has a sign and is of one currency only.
fn amount(money: &Money) -> Option<Decimal> {
    let agrees = match money.units.signum() {
        0 => true,
        sign => i64::from(money.nanos.signum()) != -sign,
    };
    let fits = agrees && (-NANOS < money.nanos && money.nanos < NANOS);
    fits.then(|| (Decimal::from(money.units) + Decimal::new(money.nanos.into(), NANO_DIGITS)).normalize())
}

/// An amount to be paid: more than 0, in whole cents.
///
/// # Errors
/// A sentence for the field.
pub(crate) fn cents(money: Option<&Money>) -> Result<Decimal, &'static str> {
    let amount = money.and_then(amount).filter(|it| it.scale() <= CENT_DIGITS && *it > Decimal::ZERO);
    amount.ok_or(
        "must be given, more than 0 and in whole cents: nanos from 0 to 990,000,000 in steps of 10,000,000",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(units: i64, nanos: i32) -> Money {
        Money { currency_code: "USD".into(), units, nanos }
    }

    proptest! {
        #[test]
        fn a_message_comes_back_as_it_was(units in any::<i64>(), nanos in 0..NANOS) {
            let sign = if units < 0 { -1 } else { 1 };
            let sent = money(units, nanos * sign);
            prop_assert_eq!(to_wire(amount(&sent).expect("an amount"), "USD"), Some(sent));
        }

        #[test]
        fn an_amount_comes_back_as_it_was(nanos in -9_000_000_000_000_000_000_i64..9_000_000_000_000_000_000) {
            let sent = Decimal::new(nanos, NANO_DIGITS).normalize();
            prop_assert_eq!(to_wire(sent, "USD").as_ref().and_then(amount), Some(sent));
        }
    }

    #[test]
    fn what_does_not_fit_is_no_amount() {
        assert_eq!(to_wire(Decimal::from(i64::MAX) + Decimal::ONE, "USD"), None);
        assert_eq!(to_wire(Decimal::new(1, 10), "USD"), None);
        for bad in [money(1, -1), money(-1, 1), money(0, NANOS), money(0, -NANOS), money(1, i32::MIN)] {
            assert_eq!(amount(&bad), None, "{bad:?}");
        }
        assert_eq!(amount(&money(0, -750_000_000)), Some(Decimal::new(-75, 2)));
    }

    #[test]
    fn what_is_paid_is_in_whole_cents() {
        assert_eq!(cents(Some(&money(1, 750_000_000))), Ok(Decimal::new(175, 2)));
        assert_eq!(cents(Some(&money(0, 10_000_000))), Ok(Decimal::new(1, 2)));
        for bad in [money(0, 0), money(-1, 0), money(0, 1), money(1, 755_000_000), money(1, NANOS)] {
            assert!(cents(Some(&bad)).is_err(), "{bad:?}");
        }
        assert!(cents(None).is_err());
    }
}
