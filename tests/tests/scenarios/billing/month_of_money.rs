//! R-B5, R-B6, R-B7, R-B8: one month, every meter, below, at and above its allowance, worked by hand.
use devspaces_proto::billing::v1::{
    InvoiceLine, ReportUsageRequest, UsageEvent,
    invoice::State,
    usage_result::{Outcome, Rejection},
};
use devspaces_tests::Suite;

use crate::acts::{
    apps::{imported_app, links_app},
    invoices::{Customer, gets_invoice, line_numbers, previews_invoice, runs_billing, timestamp, usd},
    usage::{
        FUNCTION_GB_SECONDS, KVS_READ_GB, KVS_WRITE_GB, LOGS_GB, SQL_COMPUTE_HOURS, SQL_REQUESTS,
        SQL_STORAGE_GB_HOURS, begins_mid_month, month_ahead, new_usage_event, outcomes,
    },
};

scenarios! {
    both engines:
        a_month_is_billed_as_it_is_by_hand;
}

/// What the first app uses, in parts. Together with the table below this is the whole of the test's arithmetic.
const USED: [(&str, &[&str]); 7] = [
    (FUNCTION_GB_SECONDS, &["200000", "23456.789"]),
    (KVS_READ_GB, &["0.04", "0.06"]),
    (KVS_WRITE_GB, &["0.35"]),
    (LOGS_GB, &["0.5", "0.499999999"]),
    (SQL_COMPUTE_HOURS, &["1.25", "0.75", "10"]),
    (SQL_REQUESTS, &["100000", "2500000"]),
    (SQL_STORAGE_GB_HOURS, &["1000.5"]),
];

/// What the first app's lines say: quantity, free, billed, price, amount.
const EXPECTED: [(&str, [&str; 5]); 7] = [
    // Above: 223,456.789 - 200,000 = 23,456.789; times 0.000025 = 0.586419725.
    (FUNCTION_GB_SECONDS, ["223456.789", "200000", "23456.789", "0.000025", "0.586419725"]),
    // At: 0.04 + 0.06 = 0.1, which is free.
    (KVS_READ_GB, ["0.1", "0.1", "0", "0.055", "0"]),
    // Above: 0.35 - 0.1 = 0.25; times 1.09 = 0.2725.
    (KVS_WRITE_GB, ["0.35", "0.1", "0.25", "1.09", "0.2725"]),
    // Below: 0.5 + 0.499999999 = 0.999999999, less than 1.
    (LOGS_GB, ["0.999999999", "0.999999999", "0", "1.005", "0"]),
    // Above: 1.25 + 0.75 + 10 = 12; 12 - 1 = 11; times 0.143 = 1.573.
    (SQL_COMPUTE_HOURS, ["12", "1", "11", "0.143", "1.573"]),
    // Above: 2,600,000 - 100,000 = 2,500,000; at 1.929 a million = 4.8225.
    (SQL_REQUESTS, ["2600000", "100000", "2500000", "0.000001929", "4.8225"]),
    // Above: 1,000.5 - 730 = 270.5; times 0.0007685 = 0.20787925.
    (SQL_STORAGE_GB_HOURS, ["1000.5", "730", "270.5", "0.0007685", "0.20787925"]),
];

/// The second app is linked in the middle of the month: what it used before belongs to nobody. After: 2.1 - 1 = 1.1
/// GB of logs; times 1.005 = 1.1055.
const LINKED: (&str, [&str; 5]) = (LOGS_GB, ["2.1", "1", "1.1", "1.005", "1.1055"]);

/// 0.586419725 + 0 + 0.2725 + 0 + 1.573 + 4.8225 + 0.20787925 + 1.1055 = 8.567798975, rounded once: 8.57.
const TOTAL: i64 = 857;

/// After the issue the first app turns out to have used more. Of its allowance of logs 0.000000001 GB is left: of 4.002
/// GB 4.001999999 are billed; times 1.005 = 4.022009998995. And 0.003 GB written to the store, at 1.09 = 0.00327. The new
/// month has 0.1 hours of SQL, which are free.
const LATE: [(&str, [&str; 5], bool); 3] = [
    (KVS_WRITE_GB, ["0.003", "0", "0.003", "1.09", "0.00327"], true),
    (LOGS_GB, ["4.002", "0.000000001", "4.001999999", "1.005", "4.022009998995"], true),
    (SQL_COMPUTE_HOURS, ["0.1", "0.1", "0", "0.143", "0"], false),
];

/// 0.00327 + 4.022009998995 + 0 = 4.025279998995, rounded once: 4.03. Each rounded by itself they would come to 4.02.
const LATE_TOTAL: i64 = 403;

fn told(line: &InvoiceLine) -> (&str, [&str; 5]) {
    (line.meter.as_str(), line_numbers(line))
}

/// Sends events, all of which must be accepted.
async fn accepted(suite: &Suite, events: &[UsageEvent]) {
    for outcome in outcomes(suite, events).await {
        assert_eq!(outcome, (Outcome::Accepted, Rejection::Unspecified));
    }
}

async fn a_month_is_billed_as_it_is_by_hand(suite: Suite) {
    let (this, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let second = imported_app(&suite, &it.admin).await;
    let parts = USED.iter().flat_map(|(meter, parts)| parts.iter().map(|part| (*meter, *part)));
    let parts: Vec<_> = parts.map(|(meter, part)| new_usage_event(&suite, &it.app, meter, part)).collect();
    // Some late, some out of order, one twice, and one again with other content.
    let (in_time, late) = parts.split_at(7);
    accepted(&suite, &in_time.iter().rev().cloned().collect::<Vec<_>>()).await;
    let changed = UsageEvent { quantity: "77".into(), ..in_time[1].clone() };
    let duplicate = (Outcome::Duplicate, Rejection::Unspecified);
    let differs = (Outcome::Rejected, Rejection::ContentDiffers);
    assert_eq!(outcomes(&suite, &[in_time[0].clone(), changed]).await, [duplicate, differs]);

    let before = new_usage_event(&suite, &second, LOGS_GB, "50");
    suite.clock.advance_to(&format!("{this}-15T00:00:00Z"));
    links_app(&it.admin, &second, &it.space).await.expect("linked");
    let unknown = (Outcome::Rejected, Rejection::AppUnknown);
    assert_eq!(outcomes(&suite, &[before]).await, [unknown]);
    accepted(&suite, &[new_usage_event(&suite, &second, LOGS_GB, "2.1")]).await;
    let too_late = new_usage_event(&suite, &it.app, LOGS_GB, "4.002");
    let written = new_usage_event(&suite, &it.app, KVS_WRITE_GB, "0.003");

    suite.clock.advance_to(&format!("{next}-02T12:00:00Z"));
    runs_billing(&suite).await;
    accepted(&suite, late).await;
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let invoice = it.latest().await;
    assert_eq!((invoice.state(), invoice.month.as_str()), (State::Open, this.as_str()));
    // Apps come in the order of their ids.
    let mut expected: Vec<_> = EXPECTED.iter().map(|line| (it.app.clone(), *line)).collect();
    expected.push((second.clone(), LINKED));
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    let lines: Vec<_> = invoice.lines.iter().map(|line| (line.app.clone(), told(line))).collect();
    assert_eq!(lines, expected);
    assert!(invoice.lines.iter().all(|line| line.usage_month == this && !line.adjustment));
    assert_eq!((&invoice.total, &invoice.amount_due), (&usd(TOTAL), &usd(TOTAL)));

    // R-B8
    accepted(&suite, &[too_late, written, new_usage_event(&suite, &it.app, SQL_COMPUTE_HOURS, "0.1")]).await;
    let preview = previews_invoice(&it.admin, &it.space).await.expect("a preview");
    let after = month_ahead(&suite, 1);
    suite.clock.advance_to(&format!("{after}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let adjusted = it.latest().await;
    let lines: Vec<_> = adjusted
        .lines
        .iter()
        .map(|line| (line.meter.as_str(), line_numbers(line), line.adjustment))
        .collect();
    assert_eq!(lines, LATE);
    let months: Vec<_> = adjusted.lines.iter().map(|line| line.usage_month.as_str()).collect();
    assert_eq!(months, [this.as_str(), &this, &next]);
    assert_eq!((&adjusted.total, adjusted.number), (&usd(LATE_TOTAL), 2));
    // But what the first invoice has of the same, which is told of issued ones (R-B16).
    let lines: Vec<_> = adjusted.lines.into_iter().map(|line| InvoiceLine { beside: None, ..line }).collect();
    assert_eq!((preview.lines, preview.total), (lines, adjusted.total));
    assert_eq!(it.invoices().await.len(), 2);
    let first = gets_invoice(&it.admin, &invoice.name).await.expect("the invoice");
    assert_eq!(first, invoice);

    // What is older than the invoice before the last is refused.
    let closed = UsageEvent {
        time: timestamp(&format!("{this}-20T00:00:00Z")),
        ..new_usage_event(&suite, &it.app, LOGS_GB, "1")
    };
    let request = ReportUsageRequest { events: vec![closed], request_id: String::new() };
    let results = suite.persona("services/metering").usage().report_usage(request).await.expect("results");
    assert_eq!(results.into_inner().results[0].rejection(), Rejection::MonthClosed);
}
