//! Invoices whose lines are known beforehand.
use super::*;

// R-B6
#[test]
fn an_allowance_goes_to_who_held_the_app_first() {
    let moved = usage(&[(20, 0, true, 0, "8"), (10, 1, true, 0, "6")]);
    assert_eq!(split(&moved, 1, 0), ("6".into(), "0".into()));
    assert_eq!(split(&moved, 0, 0), ("4".into(), "4".into()));
}

// R-B1, R-B6
#[test]
fn what_nobody_pays_for_uses_the_allowance_up_first() {
    let consented = usage(&[(10, 0, true, 0, "5"), (10, 0, false, 0, "7.5")]);
    assert_eq!(split(&consented, 0, 0), ("2.5".into(), "2.5".into()));
}

// R-B8
#[test]
fn what_was_free_on_an_issued_invoice_stays_used_up() {
    let mut late = usage(&[(10, 0, true, 1, "5")]);
    let allowance = logs_of_the_first();
    let portion = Portion { quantity: decimal("8"), free: decimal("8") };
    late.issued.insert(allowance, BTreeMap::from([(space(0), portion)]));
    assert_eq!(split(&late, 0, 1), ("2".into(), "3".into()));
    assert_eq!(lines(space(0), month(0), &late), (Vec::new(), Vec::new()));
}

// R-B7
#[test]
fn totals_are_rounded_half_to_even() {
    let allowance = logs_of_the_first();
    for (quantities, expected) in [
        (&["0.005"][..], "0.00"),
        (&["0.015"], "0.02"),
        (&["0.025"], "0.02"),
        (&["0.025000001"], "0.03"),
        // Once, and not each: 0.004 + 0.004 is 0.01.
        (&["0.004", "0.004"], "0.01"),
        (&[], "0.00"),
    ] {
        let line = |it: &&str| {
            Line::new(allowance.clone(), decimal(it), Decimal::ZERO, Decimal::ONE, 1).expect("a line")
        };
        let lines: Vec<Line> = quantities.iter().map(line).collect();
        assert_eq!(total(&lines), Some(decimal(expected)), "{quantities:?}");
    }
}

#[test]
fn what_can_not_be_kept_exactly_is_no_line() {
    let allowance = logs_of_the_first();
    let line = |used: &str, price: &str| {
        Line::new(allowance.clone(), decimal(used), Decimal::ZERO, decimal(price), 1)
    };
    assert!(line("999999999999.999999999", "0.000001929").is_some());
    assert_eq!(line("999999999999.999999999", "999999.999999999999"), None);
    assert_eq!(line("9999999999999999999999999999", "10000"), None);
    let more_than_used = Line::new(logs_of_the_first(), Decimal::ONE, Decimal::TWO, Decimal::ONE, 1);
    assert_eq!(more_than_used, None);
    let nothing =
        Line::new(logs_of_the_first(), Decimal::ONE, Decimal::ONE, decimal("0.5"), 1).expect("a line");
    assert_eq!((nothing.billed().to_string(), nothing.amount().to_string()), ("0".into(), "0".into()));
    let large = line("99999999999999999", "1").expect("a line");
    assert_eq!(total(&[large.clone(), large]), None);
}

// R-B6, R-B7
#[test]
fn usage_without_a_card_is_not_given_away() {
    let mut unpriced = usage(&[(10, 0, true, 0, "5")]);
    unpriced.cards.clear();
    let allowance = logs_of_the_first();
    assert_eq!(lines(space(0), month(0), &unpriced), (Vec::new(), vec![allowance]));
}

// R-B7: a large line and a small one have more digits together than a decimal keeps.
#[test]
fn lines_of_very_different_size_are_added_up() {
    let allowance = logs_of_the_first();
    let line = |billed: &str, price: &str| {
        Line::new(allowance.clone(), decimal(billed), Decimal::ZERO, decimal(price), 1)
    };
    let lines =
        [line("99999999999.9", "1.09"), line("1.000000001", "0.000001929")].map(|it| it.expect("a line"));
    // 108,999,999,999.891 and 0.000001929000001929.
    assert_eq!(total(&lines), Some(decimal("108999999999.89")));
}

// One that can't be priced takes no other with it.
#[test]
fn what_has_no_line_hides_no_other_line() {
    let mut usage = usage(&[(10, 0, true, 0, "5")]);
    let reads = Tariff::of_meter(meter("kvs.read_gb"));
    let huge = Sums::from_iter([(reads.clone(), Sum::of(Decimal::MAX))]);
    usage.open.push((TotalKey { app: app(1), ..usage.open[0].0 }, huge));
    let (lines, unpriced) = lines(space(0), month(0), &usage);
    assert_eq!((lines.len(), lines[0].allowance.app), (1, app(0)));
    assert_eq!(unpriced, [Allowance { app: app(1), usage_month: month(0), tariff: reads }]);
}
