//! Caps and apps that move, or that share an allowance with where they were (R-E4, R-A7).
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::billing::v1::UsageEvent;
use devspaces_tests::{Suite, sql::count};

use super::{customer, uses_logs};
use crate::acts::{
    accounts::consents_to_invoicing,
    budgets::{budget_of_app, caps, removes_budget},
    suspensions::{RUNS, STANDS, runs},
    transfers::initiates_transfer,
    usage::{LOGS_GB, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
        an_app_stands_by_the_cap_of_the_space_that_it_is_in,
        the_cap_of_an_app_waits_for_it_where_it_is_of,
        a_cap_that_is_lifted_while_the_app_is_away_is_lifted_when_it_is_back,
        what_was_used_elsewhere_raises_costs_and_reaches_a_cap;
}

// R-E4: it leaves the suspension behind, and meets another.
async fn an_app_stands_by_the_cap_of_the_space_that_it_is_in(suite: Suite) {
    let it = customer(&suite).await;
    let to = it.admin.creates_space("Other").await;
    consents_to_invoicing(&it.admin, &to).await.expect("an account");
    caps(&it.admin, &it.space, "", 1005).await;
    uses_logs(&suite, &it.app, "11").await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    let stays = it.admin.creates_app(&it.space).await;
    suite.clock.advance(Duration::from_secs(1));
    initiates_transfer(&it.admin, &it.app, &to).await.expect("moved");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    assert_eq!(runs(&suite, &it.admin, &stays).await, STANDS);
    let comes = it.admin.creates_app(&to).await;
    assert_eq!(runs(&suite, &it.admin, &comes).await, RUNS);
    initiates_transfer(&it.admin, &comes, &it.space).await.expect("moved");
    assert_eq!(runs(&suite, &it.admin, &comes).await, STANDS);
}

// R-E4: however often it moves.
async fn the_cap_of_an_app_waits_for_it_where_it_is_of(suite: Suite) {
    let it = customer(&suite).await;
    let to = it.admin.creates_space("Other").await;
    consents_to_invoicing(&it.admin, &to).await.expect("an account");
    caps(&it.admin, &it.space, &it.app, 1005).await;
    uses_logs(&suite, &it.app, "11").await;
    for (destination, expected) in [(&to, RUNS), (&it.space, STANDS), (&to, RUNS)] {
        suite.clock.advance(Duration::from_secs(1));
        initiates_transfer(&it.admin, &it.app, destination).await.expect("moved");
        assert_eq!(runs(&suite, &it.admin, &it.app).await, expected);
    }
    // One of its own there is another.
    suite.clock.advance(Duration::from_secs(1));
    caps(&it.admin, &to, &it.app, 100).await;
    uses_logs(&suite, &it.app, "1").await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    removes_budget(&it.admin, &budget_of_app(&it.space, &it.app)).await.expect("removed");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    removes_budget(&it.admin, &budget_of_app(&to, &it.app)).await.expect("removed");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    let sources = count(&suite.pool(Service::Space).await, "SELECT COUNT(*) FROM suspension_source").await;
    assert_eq!(sources, 0);
}

// R-E4
async fn a_cap_that_is_lifted_while_the_app_is_away_is_lifted_when_it_is_back(suite: Suite) {
    let it = customer(&suite).await;
    let to = it.admin.creates_space("Other").await;
    consents_to_invoicing(&it.admin, &to).await.expect("an account");
    caps(&it.admin, &it.space, &it.app, 1005).await;
    suite.clock.advance(Duration::from_secs(1));
    let used = new_usage_event(&suite, &it.app, LOGS_GB, "11");
    suite.clock.advance(Duration::from_secs(1));
    initiates_transfer(&it.admin, &it.app, &to).await.expect("moved");
    // It is reached by what is told of it only now.
    reports_accepted(&suite, used).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS, "it is elsewhere");
    suite.clock.advance(Duration::from_secs(1));
    initiates_transfer(&it.admin, &it.app, &it.space).await.expect("moved");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    initiates_transfer(&it.admin, &it.app, &to).await.expect("moved");
    removes_budget(&it.admin, &budget_of_app(&it.space, &it.app)).await.expect("removed");
    initiates_transfer(&it.admin, &it.app, &it.space).await.expect("moved");
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
}

// R-B6, R-E4: an allowance is the app's, and whoever held it first uses it up first.
async fn what_was_used_elsewhere_raises_costs_and_reaches_a_cap(suite: Suite) {
    let it = customer(&suite).await;
    let to = it.admin.creates_space("Other").await;
    consents_to_invoicing(&it.admin, &to).await.expect("an account");
    caps(&it.admin, &to, "", 100).await;
    suite.clock.advance(Duration::from_secs(1));
    let late = new_usage_event(&suite, &it.app, LOGS_GB, "1");
    suite.clock.advance(Duration::from_secs(1));
    initiates_transfer(&it.admin, &it.app, &to).await.expect("moved");
    suite.clock.advance(Duration::from_secs(1));
    uses_logs(&suite, &it.app, "1.5").await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS, "half a GB is to be paid");
    let none = UsageEvent { meter: "meters/kvs.read_gb".to_owned(), ..late.clone() };
    let none = UsageEvent { id: format!("{}-reads", none.id), quantity: "0.01".to_owned(), ..none };
    reports_accepted(&suite, none).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    reports_accepted(&suite, late).await;
    assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS, "all of it is to be paid here");
}
