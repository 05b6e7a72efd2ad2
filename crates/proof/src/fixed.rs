//! Decimals as whole numbers of parts: exact, and refused where they are not.
use std::cmp::Ordering;

/// Digits after the point of a quantity.
pub(crate) const QUANTITY: usize = 9;
/// Digits after the point of a price.
pub(crate) const PRICE: usize = 12;
/// Digits after the point of an amount, which is a quantity times a price.
pub(crate) const AMOUNT: usize = QUANTITY + PRICE;

/// The digits of the largest number that is taken: of these two can be added.
const DIGITS: usize = 37;

/// A decimal as a whole number of parts, of which 10^`digits` are one.
pub(crate) fn parse(text: &str, digits: usize) -> Option<i128> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.trim_end_matches('0');
    let is_decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = if whole.len() > 1 { whole.trim_start_matches('0') } else { whole };
    if !is_decimal(whole) || !is_decimal(part) || part.len() > digits || whole.len() + digits > DIGITS {
        return None;
    }
    let parts: i128 = format!("{whole}{part:0<digits$}").parse().ok()?;
    Some(if negative { -parts } else { parts })
}

/// A whole number of parts as a decimal, without zeros at its end.
pub(crate) fn print(parts: i128, digits: usize) -> String {
    let one = 10_u128.pow(u32::try_from(digits).unwrap_or_default());
    let (whole, rest) = (parts.unsigned_abs() / one, parts.unsigned_abs() % one);
    let sign = if parts < 0 { "-" } else { "" };
    match format!("{rest:0digits$}").trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        rest => format!("{sign}{whole}.{rest}"),
    }
}

/// Parts of an amount as whole cents, rounded half to even.
pub(crate) fn cents(amount: i128) -> i128 {
    let cent = 10_i128.pow(u32::try_from(AMOUNT - 2).unwrap_or_default());
    let (below, rest) = (amount.div_euclid(cent), amount.rem_euclid(cent));
    match (2 * rest).cmp(&cent) {
        Ordering::Less => below,
        Ordering::Greater => below + 1,
        Ordering::Equal => below + below.rem_euclid(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        for (text, parts) in [
            ("0", 0),
            ("0.25", 250_000_000),
            ("-1.000000001", -1_000_000_001),
            ("12.50", 12_500_000_000),
            ("999999999999999", 999_999_999_999_999_000_000_000),
        ] {
            assert_eq!(parse(text, QUANTITY), Some(parts), "{text}");
            assert_eq!(parse(&print(parts, QUANTITY), QUANTITY), Some(parts), "{text}");
        }
        for bad in ["0.0000000001", "1e3", "x", "1.2.3", "--1", "+1", &"9".repeat(40)] {
            assert_eq!(parse(bad, QUANTITY), None, "{bad}");
        }
    }

    // R-B7
    #[test]
    fn cents_are_rounded_half_to_even() {
        for (amount, rounded) in [
            ("0.005", 0),
            ("0.015", 2),
            ("0.014999999999999999999", 1),
            ("0.005000000000000000001", 1),
            ("-0.005", 0),
            ("-0.015", -2),
            ("11.060025", 1106),
        ] {
            let parts = parse(amount, AMOUNT).expect(amount);
            assert_eq!(cents(parts), rounded, "{amount}");
        }
    }
}
