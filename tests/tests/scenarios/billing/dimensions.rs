//! R-B5, R-B6: what events tell beside a quantity, and prices that depend on it.
use devspaces_proto::billing::v1::{
    Exemption, InvoiceLine, Rate, ReportUsageRequest, UsageEvent, usage_result::Rejection,
};
use devspaces_tests::{Suite, refused};

use crate::acts::{
    egress::{EGRESS, card_with, egress, exemption, makes_egress, rate, with},
    invoices::{Customer, exports, line_numbers, previews_invoice, runs_billing, timestamp, usd},
    rate_cards::{ANNOUNCED, creates},
    usage::{
        ACCEPTED, DUPLICATE, lists_usage, month_ahead, new_usage_event, outcomes, rejected, reports_accepted,
        reports_usage, voids_usage,
    },
};

scenarios! {
    both engines:
        a_month_is_billed_by_the_values_of_a_dimension_as_it_is_by_hand,
        dimensions_that_the_meter_does_not_take_are_refused_by_name,
        what_differs_in_a_dimension_alone_is_another_content,
        a_batch_with_dimensions_is_answered_by_its_first_result;
    everywhere:
        every_bad_field_of_a_rate_by_value_is_named,
        a_meter_that_is_on_no_card_yet_counts_and_costs_nothing;
}

/// What a line is of: the dimension, its value, and whether that is exempt.
type Of<'a> = (&'a str, &'a str, bool);

fn of(line: &InvoiceLine) -> Of<'_> {
    (&line.dimension, &line.dimension_value, line.exempt)
}

/// The month's usage, by hand. Own rate, 10 free, 1 each: 12 + 3 from Asia, which has no rate: 15, of which 5 are billed: 5.
/// Europe, 5 free, 2 each: 7 + 1.5 = 8.5, of which 3.5 are billed: 7. Backups are exempt wherever they are: 100 + 0.25.
const LINES: [(Of<'_>, [&str; 5]); 3] = [
    (("", "", false), ["15", "10", "5", "1", "5"]),
    (("region", "eu", false), ["8.5", "5", "3.5", "2", "7"]),
    (("job", "backup", true), ["100.25", "100.25", "0", "0", "0"]),
];

// R-B5, R-B6, R-B7
async fn a_month_is_billed_by_the_values_of_a_dimension_as_it_is_by_hand(suite: Suite) {
    makes_egress(&suite).await;
    let biller = suite.persona("services/billing-run");
    let (this, next) = (month_ahead(&suite, ANNOUNCED), month_ahead(&suite, ANNOUNCED + 1));
    let rates = [rate("", "10", "1"), rate("eu", "5", "2")];
    let card = card_with(&biller, &this, &rates, &[exemption("job", "backup")]).await;
    let made = creates(&biller, card).await.expect("a card");
    let told: Vec<_> = made.rates.iter().filter(|rate| rate.meter == EGRESS).cloned().collect();
    assert_eq!((told.as_slice(), made.exemptions.len()), (&rates[..], 1));

    suite.clock.advance_to(&format!("{this}-03T12:00:00Z"));
    let it = Customer::new(&suite, "alice").await;
    let mut events = Vec::new();
    for (quantity, dimensions) in [
        ("12", &[][..]),
        ("3", &[("region", "ap")]),
        ("7", &[("region", "eu"), ("job", "web")]),
        ("1.5", &[("region", "eu")]),
        ("100", &[("region", "eu"), ("job", "backup")]),
        ("0.25", &[("job", "backup")]),
    ] {
        let event = egress(&suite, &it.app, quantity, dimensions);
        reports_accepted(&suite, event.clone()).await;
        events.push(event);
    }
    let used = lists_usage(&it.admin, &it.space).await.expect("usage");
    assert_eq!(used, [(it.app.clone(), EGRESS.to_owned(), "123.75".to_owned(), 6)]);
    let preview = previews_invoice(&it.admin, &it.space).await.expect("a preview");
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let invoice = it.latest().await;
    let lines: Vec<_> = invoice.lines.iter().map(|line| (of(line), line_numbers(line))).collect();
    assert_eq!(lines, LINES);
    assert!(invoice.lines.iter().all(|line| line.rate_card_version == made.version && line.meter == EGRESS));
    assert_eq!((&invoice.total, &preview.lines), (&usd(1200), &invoice.lines));
    // R-B8: of the 5 GB that were free there none is left.
    let late = egress(&suite, &it.app, "2", &[("region", "eu")]);
    let late = UsageEvent { time: timestamp(&format!("{this}-20T00:00:00Z")), ..late };
    reports_accepted(&suite, late).await;
    let next = previews_invoice(&it.admin, &it.space).await.expect("a preview");
    let lines: Vec<_> =
        next.lines.iter().map(|line| (of(line), line_numbers(line), line.adjustment)).collect();
    assert_eq!(lines, [(("region", "eu", false), ["2", "0", "2", "2", "4"], true)]);
    // R-B15: the 7 GB were measured twice, and so were 100 that are exempt. 3.5 of Europe are left, all of them free.
    voids_usage(&suite, &[&events[2], &events[4]]).await.expect("results");
    let next = previews_invoice(&it.admin, &it.space).await.expect("a preview");
    let lines: Vec<_> =
        next.lines.iter().map(|line| (of(line), line_numbers(line), line.adjustment)).collect();
    let europe = (("region", "eu", false), ["-5", "-1.5", "-3.5", "2", "-7"], true);
    assert_eq!(lines, [europe, (("job", "backup", true), ["-100", "-100", "0", "0", "0"], true)]);
    assert_eq!((next.total, next.amount_due), (usd(-700), usd(0)));
    let (csv, _) = exports(&it.admin, &invoice.name).await.expect("CSV");
    let last: Vec<_> = csv.lines().map(|line| line.rsplit(',').take(3).collect::<Vec<_>>()).collect();
    assert_eq!(
        last[1..4],
        [vec!["false", "", ""], vec!["false", "eu", "region"], vec!["true", "backup", "job"]]
    );
}

// R-B5
async fn dimensions_that_the_meter_does_not_take_are_refused_by_name(suite: Suite) {
    makes_egress(&suite).await;
    let alice = suite.user("alice");
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    let bad = [
        ([("zone", "eu")], "dimensions must be among those of the meter: job, region"),
        ([("region", "EU")], "dimensions[\"region\"] must be one of the values that the meter names"),
        ([("job", "x234567890123456x")], "dimensions[\"job\"] must be 1 to 16 characters"),
        ([("job", "4111111111111111")], "dimensions[\"job\"] must not"),
        ([("job", "a\nb")], "dimensions[\"job\"] must be 1 to 16 characters"),
    ];
    let mut events: Vec<_> = bad.iter().map(|(pair, _)| egress(&suite, &app, "1", pair)).collect();
    events.push(egress(&suite, &app, "1", &[("job", "ü ☃")]));
    let results = reports_usage(&suite.persona("services/metering"), &events).await.expect("results");
    let (last, refused) = results.split_last().expect("results");
    assert_eq!((last.outcome(), last.rejection()), ACCEPTED);
    for (result, (_, sentence)) in refused.iter().zip(bad) {
        assert_eq!((result.outcome(), result.rejection()), rejected(Rejection::Dimension));
        assert!(result.message.starts_with(sentence), "{}", result.message);
        assert!(!result.message.contains("4111"));
    }
    // Of a meter without dimensions, none is taken.
    let logs = with(new_usage_event(&suite, &app, crate::acts::usage::LOGS_GB, "1"), &[("job", "web")]);
    assert_eq!(outcomes(&suite, &[logs]).await, [rejected(Rejection::Dimension)]);
}

// R-B5
async fn what_differs_in_a_dimension_alone_is_another_content(suite: Suite) {
    makes_egress(&suite).await;
    let alice = suite.user("alice");
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    let first = egress(&suite, &app, "1", &[("region", "eu"), ("job", "web")]);
    let other = with(first.clone(), &[("region", "us"), ("job", "web")]);
    let fewer = with(first.clone(), &[("region", "eu")]);
    let differs = rejected(Rejection::ContentDiffers);
    let told = outcomes(&suite, &[first.clone(), first.clone(), other.clone(), fewer.clone()]).await;
    assert_eq!(told, [ACCEPTED, DUPLICATE, differs, differs]);
    assert_eq!(outcomes(&suite, &[other, fewer, first]).await, [differs, differs, DUPLICATE]);
}

// R-J5: the order of dimensions on the way is no part of the content.
async fn a_batch_with_dimensions_is_answered_by_its_first_result(suite: Suite) {
    makes_egress(&suite).await;
    let alice = suite.user("alice");
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    let metering = suite.persona("services/metering");
    let request = ReportUsageRequest {
        events: vec![egress(&suite, &app, "1", &[("region", "eu"), ("job", "web")])],
        request_id: suite.request_id(),
    };
    let first = metering.usage().report_usage(request.clone()).await.expect("results").into_inner();
    for _ in 0..20 {
        let again = metering.usage().report_usage(request.clone()).await.expect("results").into_inner();
        assert_eq!(again, first);
    }
}

// R-B6
async fn every_bad_field_of_a_rate_by_value_is_named(suite: Suite) {
    makes_egress(&suite).await;
    let biller = suite.persona("services/billing-run");
    let month = month_ahead(&suite, ANNOUNCED);
    let by_job = Rate { dimension: "job".into(), dimension_value: "web".into(), ..rate("", "1", "1") };
    let own = rate("", "1", "1");
    for (rates, exemptions, fields) in [
        (vec![], vec![], vec!["rate_card.rates"]),
        (vec![rate("eu", "1", "1")], vec![], vec!["rate_card.rates"]),
        (vec![], vec![exemption("job", "a")], vec!["rate_card.rates"]),
        (vec![own.clone(), own.clone()], vec![], vec!["rate_card.rates[8].meter"]),
        (vec![own.clone(), rate("mars", "1", "1")], vec![], vec!["rate_card.rates[8].dimension_value"]),
        (
            vec![own.clone(), Rate { dimension: "zone".into(), ..rate("eu", "1", "1") }],
            vec![],
            vec!["rate_card.rates[8].dimension"],
        ),
        (
            vec![own.clone(), Rate { dimension: String::new(), ..rate("eu", "1", "1") }],
            vec![],
            vec!["rate_card.rates[8].dimension"],
        ),
        (
            vec![own.clone(), rate("eu", "1", "1"), rate("eu", "2", "1")],
            vec![],
            vec!["rate_card.rates[9].dimension_value"],
        ),
        (vec![own.clone(), rate("eu", "1", "1"), by_job], vec![], vec!["rate_card.rates[9].dimension"]),
        (
            vec![own.clone()],
            vec![exemption("zone", "a"), exemption("region", "mars"), exemption("job", "")],
            vec![
                "rate_card.exemptions[0].dimension",
                "rate_card.exemptions[1].dimension_value",
                "rate_card.exemptions[2].dimension_value",
            ],
        ),
        (
            vec![own.clone()],
            vec![exemption("job", "a"), exemption("job", "a")],
            vec!["rate_card.exemptions[1].dimension_value"],
        ),
        (
            vec![own.clone()],
            vec![Exemption { meter: "meters/none".into(), ..exemption("job", "a") }],
            vec!["rate_card.exemptions[0].meter"],
        ),
    ] {
        let card = card_with(&biller, &month, &rates, &exemptions).await;
        assert_eq!(refused(creates(&biller, card).await).fields, fields);
    }
}

// R-B6: nobody is billed by a price that was never announced.
async fn a_meter_that_is_on_no_card_yet_counts_and_costs_nothing(suite: Suite) {
    makes_egress(&suite).await;
    let it = Customer::new(&suite, "alice").await;
    reports_accepted(&suite, egress(&suite, &it.app, "100000000000", &[("region", "eu")])).await;
    let used = lists_usage(&it.admin, &it.space).await.expect("usage");
    assert_eq!(used, [(it.app.clone(), EGRESS.to_owned(), "100000000000".to_owned(), 1)]);
    let preview = previews_invoice(&it.admin, &it.space).await.expect("a preview");
    assert_eq!((preview.lines.as_slice(), preview.total), (&[][..], usd(0)));
}
