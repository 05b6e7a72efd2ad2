//! Usage as it is read: by month, app and page, and by whom.
use std::time::Duration;

use devspaces_proto::billing::v1::{ListUsageRequest, UsageEvent};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    accounts::account_of,
    members::{ADMIN, VIEWER, adds_members},
    usage::{
        ACCEPTED, LOGS_GB, METERS, lists_usage, month_ahead, outcomes, pages_of_usage, reports_usage,
        usage_event, usage_sums,
    },
};

scenarios! {
    both engines:
        usage_is_reported_by_a_service_and_read_by_who_may_see_estimates,
        usage_of_many_apps_is_listed_whole,
        usage_is_listed_by_month_app_and_page;
}

// R-P7: whoever reports usage was given that by name; and who reads it.
async fn usage_is_reported_by_a_service_and_read_by_who_may_see_estimates(suite: Suite) {
    let (alice, bob, carol) = (suite.user("alice"), suite.user("bob"), suite.user("carol"));
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    adds_members(&alice, &space, &[(&bob, VIEWER), (&carol, ADMIN)]).await.expect("added");
    let batch = [usage_event(&suite, "a", &app, "1")];
    for who in [&alice, &suite.persona("services/payments"), &suite.peer("space", "billing")] {
        let refusal = refused(reports_usage(who, &batch).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
    assert_eq!(outcomes(&suite, &batch).await, [ACCEPTED]);
    for who in [&alice, &carol] {
        assert_eq!(lists_usage(who, &space).await.expect("usage").len(), 1);
    }
    for who in [&bob, &suite.user("stranger"), &suite.persona("services/metering")] {
        let refusal = refused(lists_usage(who, &space).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
}

// R-B5: of a space with more apps than are read at once.
async fn usage_of_many_apps_is_listed_whole(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let mut batch = Vec::new();
    for number in 0..220 {
        let app = alice.creates_app(&space).await;
        batch.push(usage_event(&suite, &format!("event-{number}"), &app, "0.5"));
    }
    outcomes(&suite, &batch).await;
    let mut expected: Vec<_> =
        batch.iter().map(|event| (event.app.clone(), LOGS_GB.to_owned(), "0.5".to_owned(), 1)).collect();
    expected.sort();
    for page_size in [150, 250, 1000] {
        let request =
            ListUsageRequest { parent: account_of(&space), page_size, ..ListUsageRequest::default() };
        assert_eq!(pages_of_usage(&alice, request).await.expect("usage"), expected, "{page_size}");
    }
}

// R-B5
async fn usage_is_listed_by_month_app_and_page(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let mut batch = Vec::new();
    let mut apps = Vec::new();
    for number in 0..3 {
        apps.push(alice.creates_app(&space).await);
        for meter in METERS {
            let id = format!("{number}-{meter}");
            batch.push(UsageEvent {
                meter: meter.to_owned(),
                ..usage_event(&suite, &id, &apps[number], "0.5")
            });
        }
    }
    let before = month_ahead(&suite, 0);
    outcomes(&suite, &batch).await;
    suite.clock.advance(Duration::from_hours(24 * 32));
    outcomes(&suite, &[usage_event(&suite, "later", &apps[0], "3")]).await;
    let all = ListUsageRequest { parent: account_of(&space), month: before, ..ListUsageRequest::default() };
    let whole = pages_of_usage(&alice, all.clone()).await.expect("usage");
    assert_eq!(whole.len(), 21);
    let key = |row: &(String, String, String, i64)| (row.0.clone(), row.1.clone());
    assert!(whole.is_sorted_by_key(key));
    for page_size in [1, 4, 7, 21, 1001] {
        let request = ListUsageRequest { page_size, ..all.clone() };
        assert_eq!(pages_of_usage(&alice, request).await.expect("usage"), whole, "{page_size}");
    }
    let one = ListUsageRequest { app: apps[1].clone(), page_size: 2, ..all.clone() };
    let of_one: Vec<_> = whole.iter().filter(|row| row.0 == apps[1]).cloned().collect();
    assert_eq!(pages_of_usage(&alice, one).await.expect("usage"), of_one);
    assert_eq!(of_one.len(), 7);
    assert_eq!(usage_sums(&alice, &space).await, [("3".into(), 1)]);
    let bad = ListUsageRequest { month: "2026-13".into(), page_size: -1, ..all.clone() };
    assert_eq!(refused(pages_of_usage(&alice, bad).await).fields, ["page_size", "month"]);
    let bad = ListUsageRequest { app: "x".into(), parent: space.clone(), ..all };
    assert_eq!(refused(pages_of_usage(&alice, bad).await).fields, ["parent", "app"]);
}
