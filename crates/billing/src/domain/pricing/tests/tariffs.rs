//! Lines of usage that is priced by values, exempt, or on no card yet (R-B6).
use super::*;

/// The lines of what an app used by several tariffs: the tariff, and its free and billed quantities and what it comes to.
fn lines_of(sums: &[(PricedBy, &str)]) -> Vec<(String, String, String, String)> {
    let sums =
        sums.iter().map(|(by, quantity)| (Tariff { by: by.clone(), ..logs() }, Sum::of(decimal(quantity))));
    let mut usage = usage(&[(10, 0, true, 0, "1")]);
    usage.open[0].1 = sums.collect();
    let text = |line: Line| {
        let decimals = [line.free, line.billed()].map(|it| it.normalize().to_string());
        let [free, billed] = decimals;
        (line.allowance.tariff.to_string(), free, billed, line.amount().to_string())
    };
    priced(space(0), month(0), &usage).into_iter().map(text).collect()
}

// R-B6: each rate has an allowance of its own, and what is exempt uses none up.
#[test]
fn a_value_with_a_rate_has_an_allowance_and_a_price_of_its_own() {
    let told = |tariff: &str, free: &str, billed: &str, amount: &str| {
        (tariff.to_owned(), free.to_owned(), billed.to_owned(), amount.to_owned())
    };
    let sums = [
        (PricedBy::Meter, "12"),
        (PricedBy::Value(of("region", "eu")), "13"),
        (PricedBy::Exemption(of("region", "test")), "1000"),
    ];
    assert_eq!(
        lines_of(&sums),
        [
            told("logs.gb", "10", "2", "1"),
            told("logs.gb region=eu", "10", "3", "3"),
            told("logs.gb !region=test", "1000", "0", "0"),
        ],
    );
}

// R-B6: a meter that was made after the card counts and costs nothing; it stands in nobody's way.
#[test]
fn what_the_card_has_no_rate_for_has_no_line() {
    let mut usage = usage(&[(10, 0, true, 0, "12")]);
    let before = lines(space(0), month(0), &usage);
    let new = Tariff::of_meter(meter("queue.messages"));
    usage.open[0].1.add(&new, Sum::of(decimal("7"))).expect("a sum");
    assert_eq!(lines(space(0), month(0), &usage), before);
    let only = Sums::from_iter([(new, Sum::of(decimal("7")))]);
    usage.open[0].1 = only;
    assert_eq!(lines(space(0), month(0), &usage), (Vec::new(), Vec::new()));
}
