//! What is set aside so that a cap holds exactly (R-E5).
mod bounds;
mod crowd;
mod races;

use std::time::Duration;

use devspaces_proto::billing::v1::{Reservation, ReserveUsageRequest, UsageEvent, usage_result::Outcome};
use devspaces_tests::{Suite, refused, suite::eventually};
use tonic::Code;

use crate::acts::{
    accounts::consents_to_invoicing,
    budgets::{budget_of_app, budget_of_space, caps},
    invoices::Customer,
    refusals::{DENIED, NOT_FOUND},
    reservations::{asks_for, costs, metering, releases, reports, reservation, reserved_event, reserves},
    suspensions::{STANDS, runs},
    usage::{KVS_READ_GB, LOGS_GB, begins_mid_month, new_usage_event},
};

scenarios! {
    both engines:
        a_reservation_gets_at_most_what_the_cap_leaves,
        the_smaller_of_two_caps_decides,
        what_is_reported_with_a_reservation_is_used_of_it,
        what_a_reservation_does_not_cover_counts_all_the_same,
        what_is_released_can_be_reserved_again,
        what_is_not_reported_by_its_end_is_given_back,
        without_a_cap_all_is_granted;
    everywhere:
        a_repeated_request_is_the_same_reservation,
        every_bad_field_of_a_reservation_is_told_at_once,
        only_who_may_report_reserves;
}

/// A customer in the midst of a month, whose space has a cap for 10 GB of logs beyond the one that is free.
async fn capped(suite: &Suite) -> Customer {
    begins_mid_month(suite);
    let it = Customer::new(suite, "alice").await;
    caps(&it.admin, &it.space, "", 1005).await;
    it
}

fn granted(of: &Reservation) -> &str {
    &of.granted_quantity
}

// R-E5
async fn a_reservation_gets_at_most_what_the_cap_leaves(suite: Suite) {
    let it = capped(&suite).await;
    let other = it.admin.creates_app(&it.space).await;
    let first = reserves(&suite, &it.app, "8").await;
    assert_eq!((granted(&first), first.limiting_budget.as_str()), ("8", ""));
    assert_eq!((&first.app, first.meter.as_str()), (&it.app, LOGS_GB));
    // Another app has an allowance of its own, and shares the cap: 3 GB of 1.005 are left for it, and one is free.
    let second = reserves(&suite, &other, "8").await;
    assert_eq!((granted(&second), &second.limiting_budget), ("4", &budget_of_space(&it.space)));
    let none = reserves(&suite, &it.app, "0.000000001").await;
    assert_eq!((granted(&none), none.name.as_str(), none.end_time), ("0", "", None));
    assert_eq!(none.limiting_budget, budget_of_space(&it.space));
    // All of it is used, and not a cent more is billed.
    for (of, quantity) in [(&first, "8"), (&second, "4")] {
        let result = reports(&suite, reserved_event(&suite, of, quantity)).await;
        assert_eq!((result.outcome(), result.covered_quantity.as_str()), (Outcome::Accepted, quantity));
    }
    assert_eq!(costs(&it.admin, &it.space).await, 1005);
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS, "a cap that is reached suspends");
}

// R-E5: and what other meters and apps cost counts by whose cap it is.
async fn the_smaller_of_two_caps_decides(suite: Suite) {
    let it = capped(&suite).await;
    caps(&it.admin, &it.space, &it.app, 201).await;
    let other = it.admin.creates_app(&it.space).await;
    let of_app = reserves(&suite, &it.app, "8").await;
    assert_eq!((granted(&of_app), &of_app.limiting_budget), ("3", &budget_of_app(&it.space, &it.app)));
    let of_space = reserves(&suite, &other, "100").await;
    assert_eq!((granted(&of_space), &of_space.limiting_budget), ("9", &budget_of_space(&it.space)));
    let reads = ReserveUsageRequest { meter: KVS_READ_GB.to_owned(), ..reservation(&it.app, "5") };
    // What is free is left by any cap.
    assert_eq!(granted(&asks_for(&metering(&suite), reads).await.expect("an answer")), "0.1");
}

// R-E5
async fn what_is_reported_with_a_reservation_is_used_of_it(suite: Suite) {
    let it = capped(&suite).await;
    let of = reserves(&suite, &it.app, "11").await;
    let event = reserved_event(&suite, &of, "4");
    assert_eq!(reports(&suite, event.clone()).await.covered_quantity, "4");
    // Sent again, with a reservation or without, it is known and uses nothing up.
    for again in [event.clone(), UsageEvent { reservation: String::new(), ..event }] {
        let result = reports(&suite, again).await;
        assert_eq!((result.outcome(), result.covered_quantity.as_str()), (Outcome::Duplicate, ""));
    }
    assert_eq!(granted(&reserves(&suite, &it.app, "1").await), "0", "it is used or reserved");
    assert_eq!(reports(&suite, reserved_event(&suite, &of, "6.5")).await.covered_quantity, "6.5");
    assert_eq!(releases(&suite, &of.name).await.expect("released"), "0.5");
    assert_eq!(granted(&reserves(&suite, &it.app, "1").await), "0.5");
}

// R-E4, R-E5: usage is never refused for a cap.
async fn what_a_reservation_does_not_cover_counts_all_the_same(suite: Suite) {
    let it = capped(&suite).await;
    let other = it.admin.creates_app(&it.space).await;
    let of = reserves(&suite, &it.app, "2").await;
    let more = reports(&suite, reserved_event(&suite, &of, "2.5")).await;
    assert_eq!((more.outcome(), more.covered_quantity.as_str()), (Outcome::Accepted, "2"));
    assert!(more.message.starts_with("The reservation does not cover all of it"), "{}", more.message);
    let of = reserves(&suite, &it.app, "2").await;
    let released = reserves(&suite, &it.app, "2").await;
    releases(&suite, &released.name).await.expect("released");
    let event = |reservation: &Reservation| reserved_event(&suite, reservation, "0.1");
    for uncovered in [
        UsageEvent { app: other.clone(), ..event(&of) },
        UsageEvent { meter: KVS_READ_GB.to_owned(), ..event(&of) },
        event(&released),
        UsageEvent { reservation: released.name.replace("reservations/0", "reservations/1"), ..event(&of) },
    ] {
        let result = reports(&suite, uncovered).await;
        assert_eq!((result.outcome(), result.covered_quantity.as_str()), (Outcome::Accepted, "0"));
    }
    let malformed = UsageEvent { reservation: "reservations/x".to_owned(), ..event(&of) };
    let result = reports(&suite, malformed).await;
    assert_eq!(result.outcome(), Outcome::Rejected);
    assert!(result.message.starts_with("reservation must"), "{}", result.message);
    assert_eq!(releases(&suite, &of.name).await.expect("released"), "2");
    // Nothing is said of events that name none.
    let plain = reports(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "1")).await;
    assert_eq!((plain.covered_quantity.as_str(), plain.message.as_str()), ("", ""));
}

// R-E5
async fn what_is_released_can_be_reserved_again(suite: Suite) {
    let it = capped(&suite).await;
    let of = reserves(&suite, &it.app, "11").await;
    assert_eq!(granted(&reserves(&suite, &it.app, "11").await), "0");
    assert_eq!(releases(&suite, &of.name).await.expect("released"), "11");
    assert_eq!(refused(releases(&suite, &of.name).await).kind(), NOT_FOUND);
    assert_eq!(granted(&reserves(&suite, &it.app, "11").await), "11");
}

// R-E5: also if nobody reports or releases any more.
async fn what_is_not_reported_by_its_end_is_given_back(suite: Suite) {
    let it = capped(&suite).await;
    let of = reserves(&suite, &it.app, "11").await;
    assert_eq!(reports(&suite, reserved_event(&suite, &of, "1")).await.covered_quantity, "1");
    suite.clock.advance(Duration::from_secs(3500));
    assert_eq!(granted(&reserves(&suite, &it.app, "11").await), "0");
    suite.clock.advance(Duration::from_secs(101));
    let again = eventually(async || {
        let again = reserves(&suite, &it.app, "11").await;
        (granted(&again) != "0").then_some(again)
    });
    assert_eq!(granted(&again.await), "10");
    let late = reports(&suite, reserved_event(&suite, &of, "1")).await;
    assert_eq!((late.outcome(), late.covered_quantity.as_str()), (Outcome::Accepted, "0"));
    assert_eq!(refused(releases(&suite, &of.name).await).kind(), NOT_FOUND);
}

// R-E5
async fn without_a_cap_all_is_granted(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let most = "999999999999.999999999";
    assert_eq!(granted(&reserves(&suite, &it.app, most).await), most);
    // Nor is there one where there is no account.
    let space = it.admin.creates_space("Unpaid").await;
    let app = it.admin.creates_app(&space).await;
    let of = reserves(&suite, &app, "7").await;
    assert_eq!(granted(&of), "7");
    consents_to_invoicing(&it.admin, &space).await.expect("an account");
    assert_eq!(reports(&suite, reserved_event(&suite, &of, "3")).await.covered_quantity, "3");
    // A cap that comes later counts what is set aside: 3 GB are used, and 4 may be.
    caps(&it.admin, &space, "", 1005).await;
    assert_eq!(granted(&reserves(&suite, &app, "100").await), "4");
}

// R-J5
async fn a_repeated_request_is_the_same_reservation(suite: Suite) {
    let it = Customer::new(&suite, "alice").await;
    caps(&it.admin, &it.space, "", 1005).await;
    let request = ReserveUsageRequest { request_id: suite.request_id(), ..reservation(&it.app, "6") };
    let first = asks_for(&metering(&suite), request.clone()).await.expect("granted");
    let again = asks_for(&metering(&suite), request.clone()).await.expect("granted");
    assert_eq!(first, again);
    assert_eq!(granted(&reserves(&suite, &it.app, "6").await), "5", "it was made once");
    let other = ReserveUsageRequest { quantity: "7".to_owned(), ..request };
    let refusal = refused(asks_for(&metering(&suite), other).await);
    assert_eq!(refusal.kind(), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
}

// Order of answers
async fn every_bad_field_of_a_reservation_is_told_at_once(suite: Suite) {
    let it = Customer::new(&suite, "alice").await;
    let metering = metering(&suite);
    let names = ReserveUsageRequest { app: "apps/x".into(), meter: "logs".into(), ..reservation("", "1") };
    assert_eq!(refused(asks_for(&metering, names).await).fields, ["app", "meter"]);
    let dimensions = [("region".to_owned(), "eu".to_owned())].into();
    let all = ReserveUsageRequest { ttl: None, dimensions, ..reservation(&it.app, "0") };
    assert_eq!(refused(asks_for(&metering, all).await).fields, ["quantity", "ttl", "dimensions"]);
    for (seconds, nanos) in [(0, 0), (0, 999_999_999), (86_400, 1), (-1, 0), (i64::MAX, 0)] {
        let ttl = Some(prost_types::Duration { seconds, nanos });
        let request = ReserveUsageRequest { ttl, ..reservation(&it.app, "1") };
        assert_eq!(refused(asks_for(&metering, request).await).fields, ["ttl"], "{seconds} {nanos}");
    }
    let unknown = ReserveUsageRequest { meter: "meters/none".into(), ..reservation(&it.app, "1") };
    assert_eq!(refused(asks_for(&metering, unknown).await).kind(), NOT_FOUND);
    let nowhere = reservation("apps/0190a8d0-7b1c-7def-8000-000000000001", "1");
    assert_eq!(refused(asks_for(&metering, nowhere).await).kind(), NOT_FOUND);
    assert_eq!(refused(releases(&suite, "reservations/x").await).fields, ["name"]);
}

// R-P7
async fn only_who_may_report_reserves(suite: Suite) {
    let it = Customer::new(&suite, "alice").await;
    let of = reserves(&suite, &it.app, "1").await;
    for who in [&it.admin, &suite.persona("services/other")] {
        assert_eq!(refused(asks_for(who, reservation(&it.app, "1")).await).kind(), DENIED);
        let request = devspaces_proto::billing::v1::ReleaseReservationRequest {
            name: of.name.clone(),
            ..Default::default()
        };
        assert_eq!(refused(who.usage().release_reservation(request).await).kind(), DENIED);
    }
}
