use std::fmt;

use rust_decimal::Decimal;

/// Digits of a quantity after the point.
const QUANTITY: u32 = 9;
/// Digits of a price after the point.
const PRICE: u32 = 12;
/// Digits of an amount after the point: those of both.
const DIGITS: u32 = QUANTITY + PRICE;
/// A cent, in parts.
const CENT: i128 = 10_i128.pow(DIGITS - 2);

/// An amount of money, exactly: a whole number of parts, of which 10^21 are a unit of the currency. That many digits no
/// product of a quantity and a price has more of, so no product and no sum is ever rounded. `Decimal` has 28 digits in
/// all, which a large line and a small one together exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(i128);

impl Amount {
    /// So many whole units of the currency.
    pub(crate) const fn units(units: i64) -> Self {
        // Widens, which `From` may not do in a constant.
        Self(units as i128 * 10_i128.pow(DIGITS))
    }

    /// What so much comes to at this price. Nothing if that is more than 10^17 units of the currency, or if either has more
    /// digits after the point than are taken.
    pub(crate) fn of(quantity: Decimal, unit_price: Decimal) -> Option<Self> {
        parts(quantity, QUANTITY)?.checked_mul(parts(unit_price, PRICE)?).map(Self)
    }

    /// Both together; nothing if that is more than 10^17 units of the currency.
    pub(crate) fn and(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// This much in units of the currency; more than an amount can be is as much as it can.
    pub(crate) fn of_money(units: Decimal) -> Self {
        Self::of(units, Decimal::ONE).unwrap_or(Self(i128::MAX))
    }

    /// The difference; nothing if it can't be kept, or is less than nothing.
    pub(crate) fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).filter(|rest| *rest >= 0).map(Self)
    }

    /// The largest quantity that comes to no more than this at this price, which is not 0.
    pub(crate) fn quantity_at(self, unit_price: Decimal) -> Decimal {
        let Some(price) = parts(unit_price, PRICE).filter(|price| *price > 0) else { return Decimal::ZERO };
        let quantity = Decimal::try_from_i128_with_scale(self.0 / price, QUANTITY);
        quantity.map_or(Decimal::MAX, |quantity| quantity.normalize())
    }

    /// In units of the currency, rounded half to even, to cents.
    pub(crate) fn to_cents(self) -> Option<Decimal> {
        let (cents, rest) = (self.0.div_euclid(CENT), self.0.rem_euclid(CENT));
        let up = match (rest * 2).cmp(&CENT) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => cents.rem_euclid(2),
            std::cmp::Ordering::Greater => 1,
        };
        Decimal::try_from_i128_with_scale(cents + up, 2).ok()
    }
}

/// A decimal as a whole number of parts, of which 10^`digits` are one.
pub(super) fn parts(decimal: Decimal, digits: u32) -> Option<i128> {
    let decimal = decimal.normalize();
    let missing = digits.checked_sub(decimal.scale())?;
    decimal.mantissa().checked_mul(10_i128.pow(missing))
}

impl fmt::Display for Amount {
    /// A decimal without zeros at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_parts(f, self.0, DIGITS)
    }
}

/// Writes a whole number of parts, of which 10^`digits` are one, as a decimal without zeros at the end.
pub(super) fn write_parts(f: &mut fmt::Formatter<'_>, parts: i128, digits: u32) -> fmt::Result {
    let one = 10_u128.pow(digits);
    let (whole, rest) = (parts.unsigned_abs() / one, parts.unsigned_abs() % one);
    let sign = if parts < 0 { "-" } else { "" };
    write!(f, "{sign}{whole}")?;
    let width = usize::try_from(digits).unwrap_or_default();
    match format!("{rest:0width$}").trim_end_matches('0') {
        "" => Ok(()),
        digits => write!(f, ".{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(quantity: &str, price: &str) -> Option<Amount> {
        Amount::of(quantity.parse().unwrap(), price.parse().unwrap())
    }

    #[test]
    fn an_amount_prints_as_a_decimal() {
        for (quantity, price, printed) in [
            ("0", "1", "0"),
            ("100.50", "2", "201"),
            ("0.000000001", "0.000000000001", "0.000000000000000000001"),
            ("1.000000001", "0.000001929", "0.000001929000001929"),
            ("100000000000", "1.09", "109000000000"),
        ] {
            assert_eq!(of(quantity, price).map(|it| it.to_string()).as_deref(), Some(printed));
        }
        assert_eq!(Amount::units(12).to_string(), "12");
    }

    // R-E5
    #[test]
    fn a_quantity_is_the_largest_that_an_amount_pays_for() {
        for (money, price, quantity) in [
            ("10", "1", "10"),
            ("0.01", "0.003", "3.333333333"),
            ("0", "5", "0"),
            ("1", "1000000", "0.000001"),
            ("0.01", "100000000", "0"),
        ] {
            let found = Amount::of_money(money.parse().unwrap()).quantity_at(price.parse().unwrap());
            assert_eq!(found.to_string(), quantity, "{money} at {price}");
        }
        let all = Amount::of_money(i64::MAX.into());
        assert_eq!(all, Amount(i128::MAX));
        assert_eq!(all.quantity_at("0.000000000001".parse().unwrap()), Decimal::MAX);
        assert_eq!(Amount(2).minus(Amount(3)), None);
        assert_eq!(Amount(3).minus(Amount(3)), Some(Amount(0)));
    }

    #[test]
    fn what_is_too_large_or_too_fine_is_no_amount() {
        assert_eq!(of("999999999999.999999999", "999999.999999999999"), None);
        assert_eq!(of("0.0000000001", "1"), None);
        assert_eq!(of("1", "0.0000000000001"), None);
        assert_eq!(Amount(i128::MAX).and(Amount(1)), None);
    }

    proptest! {
        #[test]
        fn a_product_is_that_of_whole_numbers(quantity in 0..=10_i128.pow(18), price in 0..=10_i128.pow(18)) {
            let decimals = (
                Decimal::from_i128_with_scale(quantity, QUANTITY),
                Decimal::from_i128_with_scale(price, PRICE),
            );
            prop_assert_eq!(Amount::of(decimals.0, decimals.1), Some(Amount(quantity * price)));
        }

        #[test]
        fn what_prints_short_reads_back(parts in 0..10_i128.pow(28)) {
            let printed: Decimal = Amount(parts).to_string().parse().unwrap();
            prop_assert_eq!(super::parts(printed, DIGITS), Some(parts));
        }
    }
}
