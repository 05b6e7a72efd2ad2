//! Usage that is voided after its invoice was issued.
use super::*;

/// What is free and what is billed of so much, below nothing too, after an invoice that said this.
fn after(issued: (&str, &str), sums: &[(i64, u8, bool, u8, &str)]) -> (String, String) {
    let mut usage = usage(sums);
    let portion = Portion { quantity: decimal(issued.0), free: decimal(issued.1) };
    usage.issued.insert(logs_of_the_first(), BTreeMap::from([(space(0), portion)]));
    split(&usage, 0, 1)
}

// R-B15: by 10 that are free, as if it had not been.
#[test]
fn what_is_voided_gives_back_what_was_billed_first_and_then_what_was_free() {
    let voided = |issued, quantity| after(issued, &[(10, 0, true, 1, quantity)]);
    assert_eq!(voided(("15", "10"), "-3"), ("0".into(), "-3".into()));
    assert_eq!(voided(("15", "10"), "-8"), ("-3".into(), "-5".into()));
    assert_eq!(voided(("15", "10"), "-15"), ("-10".into(), "-5".into()));
    assert_eq!(voided(("7", "7"), "-4"), ("-4".into(), "0".into()));
    // Of two holdings of one space, on one invoice.
    let both = |issued, one, other| after(issued, &[(10, 0, true, 1, one), (20, 0, true, 1, other)]);
    assert_eq!(both(("7", "7"), "-4", "6"), ("2".into(), "0".into()));
    assert_eq!(both(("12", "10"), "-8", "9"), ("0".into(), "1".into()));
    assert_eq!(both(("12", "10"), "6", "-9"), ("-1".into(), "-2".into()));
}

// R-B15: a correction by as much as came says nothing.
#[test]
fn what_comes_to_nothing_has_no_line() {
    let nothing = usage(&[(10, 0, true, 1, "5"), (20, 0, true, 1, "-5")]);
    assert_eq!(lines(space(0), month(1), &nothing), (Vec::new(), Vec::new()));
}

// R-B7, R-B15: below nothing as above it.
#[test]
fn totals_below_nothing_are_rounded_half_to_even() {
    for (quantity, expected) in [
        ("-0.005", "0.00"),
        ("-0.015", "-0.02"),
        ("-0.025", "-0.02"),
        ("-0.025000001", "-0.03"),
        ("-7", "-7.00"),
    ] {
        let line = Line::new(logs_of_the_first(), decimal(quantity), Decimal::ZERO, Decimal::ONE, 1);
        assert_eq!(total(&[line.expect("a line")]), Some(decimal(expected)), "{quantity}");
    }
}
