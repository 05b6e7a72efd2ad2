//! Where reservations end: with the month, at another rate, in another space (R-E5).
use std::{collections::BTreeMap, time::Duration};

use devspaces_proto::billing::v1::{Exemption, Rate, RateCard, ReserveUsageRequest, UsageEvent};
use devspaces_tests::{Suite, suite::eventually};

use super::{capped, granted};
use crate::acts::{
    accounts::consents_to_invoicing,
    budgets::caps,
    invoices::Customer,
    meters::{creates_meter, dimension, meter},
    rate_cards::{ANNOUNCED, card, creates},
    reservations::{asks_for, costs, metering, reports, reservation, reserved_event, reserves},
    transfers::initiates_transfer,
    usage::{begins_mid_month, month_ahead},
};

scenarios! {
    both engines:
        a_reservation_ends_with_the_month,
        dimensions_decide_at_which_rate_something_is_set_aside,
        what_is_set_aside_where_an_app_was_counts_where_it_is,
        a_reservation_covers_nothing_of_what_is_used_elsewhere;
}

// R-E5: each month has costs and allowances of its own.
async fn a_reservation_ends_with_the_month(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    caps(&it.admin, &it.space, "", 1005).await;
    let start: devspaces_kit::clock::Timestamp = format!("{next}-01T00:00:00Z").parse().expect("a time");
    let before = devspaces_kit::clock::Timestamp::from_micros(start.micros() - 120_000_000);
    suite.clock.advance_to(&before.to_string());
    let of = reserves(&suite, &it.app, "11").await;
    assert_eq!((granted(&of), of.end_time), ("11", Some(start.into())));
    // What is stamped into the month to come is of that month, and no cap of this was asked for it.
    let event = UsageEvent { time: Some(start.into()), ..reserved_event(&suite, &of, "1") };
    assert_eq!(reports(&suite, event).await.covered_quantity, "0");
    let last = reserved_event(&suite, &of, "11");
    suite.clock.advance_to(&format!("{next}-01T00:00:01Z"));
    // Of the new month 10 GB are left, whatever is reserved or told of the one before.
    let new = reserves(&suite, &it.app, "11").await;
    assert_eq!(granted(&new), "10");
    eventually(async || {
        let probe = UsageEvent { id: format!("probe-{}", suite.request_id()), ..last.clone() };
        let probe = UsageEvent { quantity: "0.000000001".to_owned(), ..probe };
        (reports(&suite, probe).await.covered_quantity == "0").then_some(())
    })
    .await;
    assert_eq!(reports(&suite, reserved_event(&suite, &new, "10")).await.covered_quantity, "10");
    assert_eq!(costs(&it.admin, &it.space).await, 1005);
}

/// A meter of which a GB costs 1, in Europe 2, and as a backup nothing; in a month with a card of that.
async fn egress_is_priced(suite: &Suite) {
    let egress = devspaces_proto::billing::v1::Meter {
        dimensions: vec![dimension("job", &["backup", "web"]), dimension("region", &["eu", "us"])],
        ..meter("egress.gb", "GB")
    };
    creates_meter(suite, egress).await.expect("a meter");
    let month = month_ahead(suite, ANNOUNCED);
    let rate = |region: &str, allowance: &str, unit_price: &str| Rate {
        meter: "meters/egress.gb".to_owned(),
        allowance: allowance.to_owned(),
        unit_price: unit_price.to_owned(),
        dimension: if region.is_empty() { String::new() } else { "region".to_owned() },
        dimension_value: region.to_owned(),
    };
    let mut card: RateCard = card(&month, "1");
    card.rates.extend([rate("", "0", "1"), rate("eu", "1", "2")]);
    card.exemptions.push(Exemption {
        meter: "meters/egress.gb".to_owned(),
        dimension: "job".to_owned(),
        dimension_value: "backup".to_owned(),
    });
    creates(&suite.persona("services/billing-run"), card).await.expect("a card");
    suite.clock.advance_to(&format!("{month}-10T00:00:00Z"));
}

// R-B6, R-E5
async fn dimensions_decide_at_which_rate_something_is_set_aside(suite: Suite) {
    begins_mid_month(&suite);
    egress_is_priced(&suite).await;
    let it = Customer::new(&suite, "alice").await;
    caps(&it.admin, &it.space, "", 1000).await;
    let asks = async |quantity: &str, dimensions: &[(&str, &str)]| {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let request = ReserveUsageRequest {
            meter: "meters/egress.gb".to_owned(),
            dimensions: dimensions.collect(),
            ..reservation(&it.app, quantity)
        };
        asks_for(&metering(&suite), request).await.expect("an answer")
    };
    let europe = asks("4", &[("region", "eu")]).await;
    assert_eq!(granted(&europe), "4");
    // One of these is free, so that 6 of the cap's 10 are taken.
    assert_eq!(granted(&asks("5", &[("region", "us")]).await), "4");
    assert_eq!(granted(&asks("5", &[("region", "eu")]).await), "0");
    assert_eq!(granted(&asks("5000", &[("region", "eu"), ("job", "backup")]).await), "5000");
    let with = |dimensions: &[(&str, &str)]| UsageEvent {
        dimensions: dimensions
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        ..reserved_event(&suite, &europe, "1")
    };
    for (dimensions, covered) in [
        (&[("region", "us")][..], "0"),
        (&[("region", "eu"), ("job", "web")], "1"),
        (&[("region", "eu"), ("job", "backup")], "0"),
        (&[], "0"),
    ] {
        assert_eq!(reports(&suite, with(dimensions)).await.covered_quantity, covered, "{dimensions:?}");
    }
}

// R-B6, R-E5: the allowance is shared, and whoever held the app first uses it up first.
async fn what_is_set_aside_where_an_app_was_counts_where_it_is(suite: Suite) {
    let it = capped(&suite).await;
    let to = it.admin.creates_space("Other").await;
    consents_to_invoicing(&it.admin, &to).await.expect("an account");
    caps(&it.admin, &to, "", 201).await;
    let of = reserves(&suite, &it.app, "0.75").await;
    suite.clock.advance(Duration::from_secs(1));
    let last = reserved_event(&suite, &of, "0.75");
    suite.clock.advance(Duration::from_secs(1));
    initiates_transfer(&it.admin, &it.app, &to).await.expect("moved");
    suite.clock.advance(Duration::from_secs(1));
    // A quarter of the free GB is left, and 2 are paid.
    let there = reserves(&suite, &it.app, "9").await;
    assert_eq!(granted(&there), "2.25");
    assert_eq!(reports(&suite, reserved_event(&suite, &there, "2.25")).await.covered_quantity, "2.25");
    assert_eq!(costs(&it.admin, &to).await, 126, "as long as the rest of it is free");
    assert_eq!(reports(&suite, last).await.covered_quantity, "0.75");
    assert_eq!(costs(&it.admin, &to).await, 201);
}

// R-E5
async fn a_reservation_covers_nothing_of_what_is_used_elsewhere(suite: Suite) {
    let it = capped(&suite).await;
    let to = it.admin.creates_space("Other").await;
    consents_to_invoicing(&it.admin, &to).await.expect("an account");
    let of = reserves(&suite, &it.app, "5").await;
    for destination in [&to, &it.space] {
        suite.clock.advance(Duration::from_secs(1));
        initiates_transfer(&it.admin, &it.app, destination).await.expect("moved");
        suite.clock.advance(Duration::from_secs(1));
        // Back again it is held anew, after all that was used elsewhere.
        assert_eq!(reports(&suite, reserved_event(&suite, &of, "1")).await.covered_quantity, "0");
    }
}
