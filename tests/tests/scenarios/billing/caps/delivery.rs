//! How it reaches the space service that a cap is reached, or no longer (R-E1, R-E4).
use devspaces::Service;
use devspaces_proto::billing::v1::ReportUsageRequest;
use devspaces_tests::{
    Suite, refused,
    sql::{EFFECTS, count},
    suite::eventually,
};
use tonic::Code;

use super::customer;
use crate::acts::{
    REQUEST_ID,
    budgets::{budget_of_space, capping, caps, removes_budget},
    reservations::metering,
    suspensions::{RUNS, STANDS, runs, runtime},
    usage::{LOGS_GB, new_usage_event},
};

scenarios! {
    both engines:
        a_cap_that_is_set_while_the_space_service_is_down_is_told_later,
        what_was_not_told_survives_a_restart_of_billing,
        while_billing_is_down_everything_goes_on_as_it_stood;
}

const PENDING: (Code, &str) = (Code::Unavailable, "EFFECT_PENDING");

/// Waits until every service reaches the space service again.
async fn is_reached(suite: &Suite, app: &str) {
    for port in Service::ALL {
        eventually(async || runtime(suite).checks_at(port, "app.run", app).await.ok()).await;
    }
}

// R-E1, R-J5
async fn a_cap_that_is_set_while_the_space_service_is_down_is_told_later(suite: Suite) {
    let mut suite = suite;
    let it = customer(&suite).await;
    let request = ReportUsageRequest {
        events: vec![new_usage_event(&suite, &it.app, LOGS_GB, "11")],
        ..ReportUsageRequest::default()
    };
    metering(&suite).usage().report_usage(request).await.expect("reported");
    // The gate's facts of the space have just been confirmed, and suffice for the call.
    let set = capping(&it.space, 1005, REQUEST_ID);
    suite.stop(Service::Space).await;
    let refusal = refused(it.admin.accounts().set_budget(set.clone()).await);
    let pool = suite.pool(Service::Billing).await;
    if refusal.kind() == PENDING {
        assert_eq!(count(&pool, EFFECTS).await, 1, "it is decided");
    } else {
        // Whether the space is archived could not be asked: nothing is set.
        assert_eq!((refusal.code, count(&pool, EFFECTS).await), (Code::Unavailable, 0));
    }
    suite.restart(Service::Space).await;
    let told = eventually(async || it.admin.accounts().set_budget(set.clone()).await.ok()).await;
    assert!(told.into_inner().suspends);
    is_reached(&suite, &it.app).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
}

// R-E1: the clock of the sweep brings it about where no call does.
async fn what_was_not_told_survives_a_restart_of_billing(suite: Suite) {
    let mut suite = suite;
    let it = customer(&suite).await;
    let start = devspaces_kit::clock::Clock::now(&*suite.clock).to_string();
    caps(&it.admin, &it.space, "", 1005).await;
    let event = new_usage_event(&suite, &it.app, LOGS_GB, "11");
    let request = ReportUsageRequest { events: vec![event], ..ReportUsageRequest::default() };
    metering(&suite).usage().report_usage(request).await.expect("reported");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS, "{start}");
    suite.stop(Service::Space).await;
    // The month that is over lifts it, which can't be told.
    suite.clock.advance(std::time::Duration::from_hours(24 * 31));
    let pool = suite.pool(Service::Billing).await;
    eventually(async || (count(&pool, EFFECTS).await == 1).then_some(())).await;
    suite.stop(Service::Billing).await;
    suite.restart(Service::Space).await;
    eventually(async || runtime(&suite).check("app.run", &it.app).await.ok()).await;
    assert!(!runtime(&suite).may("app.run", &it.app).await, "it stands until it is known");
    suite.restart(Service::Billing).await;
    eventually(async || runtime(&suite).may("app.run", &it.app).await.then_some(())).await;
    is_reached(&suite, &it.app).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
}

// R-E1: the standing is the space service's.
async fn while_billing_is_down_everything_goes_on_as_it_stood(suite: Suite) {
    let mut suite = suite;
    let it = customer(&suite).await;
    caps(&it.admin, &it.space, "", 1005).await;
    let event = new_usage_event(&suite, &it.app, LOGS_GB, "11");
    let request = ReportUsageRequest { events: vec![event], ..ReportUsageRequest::default() };
    metering(&suite).usage().report_usage(request).await.expect("reported");
    suite.stop(Service::Billing).await;
    let later = it.admin.creates_app(&it.space).await;
    for app in [&it.app, &later] {
        assert!(!runtime(&suite).may("app.run", app).await);
    }
    suite.restart(Service::Billing).await;
    eventually(async || removes_budget(&it.admin, &budget_of_space(&it.space)).await.ok()).await;
    for app in [&it.app, &later] {
        assert_eq!(runs(&suite, &it.admin, app).await, RUNS);
    }
}
