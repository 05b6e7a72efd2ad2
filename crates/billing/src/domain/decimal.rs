use rust_decimal::Decimal;

/// A decimal as the API takes it: digits, and after a point more digits; at most so many before and after it. No sign,
/// no exponent, no separators. What it prints is canonical: without zeros at the end.
pub(crate) fn decimal(text: &str, digits_before: usize, digits_after: usize) -> Option<Decimal> {
    let (before, after) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    // A whole number has no digits after the point, however few are allowed.
    if !digits(before, digits_before) || !digits(after, digits_after.max(1)) {
        return None;
    }
    if digits_after == 0 && text.contains('.') {
        return None;
    }
    Decimal::from_str_exact(text).ok().map(|decimal| decimal.normalize())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_decimal_is_digits_and_a_point() {
        for (text, printed) in [
            ("0", "0"),
            ("0.000", "0"),
            ("1.50", "1.5"),
            ("007", "7"),
            ("999999999999.999999999", "999999999999.999999999"),
            ("100", "100"),
        ] {
            assert_eq!(decimal(text, 12, 9).map(|it| it.to_string()).as_deref(), Some(printed), "{text}");
        }
        for bad in [
            "",
            ".",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "1E3",
            "1_000",
            "1,5",
            " 1",
            "1 ",
            "1.2.3",
            "0x1",
            "٣",
            "NaN",
            "inf",
            "1000000000000",
            "0.0000000001",
        ] {
            assert_eq!(decimal(bad, 12, 9), None, "{bad}");
        }
        assert_eq!((decimal("1.0", 12, 0), decimal("1", 12, 0)), (None, Some(Decimal::ONE)));
    }

    proptest! {
        // What is stored is what was meant, and each number has one text.
        #[test]
        fn a_decimal_prints_to_what_parses_back(before in "[0-9]{1,12}", after in "[0-9]{1,9}") {
            let read = decimal(&format!("{before}.{after}"), 12, 9).expect("a decimal");
            prop_assert_eq!(decimal(&read.to_string(), 12, 9), Some(read));
            let longer = decimal(&format!("{before}.{after}0"), 12, 10).expect("a decimal");
            prop_assert_eq!(longer.to_string(), read.to_string());
        }
    }
}
