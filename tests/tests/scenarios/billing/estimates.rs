//! R-B9: what the next invoice will say of each app so far.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    billing::v1::{BilledApp, ListBilledAppsRequest, ListBilledAppsResponse, UsageEvent},
    r#type::v1::Money,
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::{Code, Status};

use crate::acts::{
    accounts::{account_of, consents_to_invoicing},
    apps::deletes_app,
    invoices::{Customer, line_numbers, previews_invoice, usd},
    members::{VIEWER, adds_members},
    usage::{
        ACCEPTED, KVS_WRITE_GB, begins_mid_month, lists_usage, month_ahead, new_usage_event, outcomes,
        reports_accepted, usage_event,
    },
};

scenarios! {
    both engines:
        each_app_has_its_estimate_also_one_that_has_left,
        usage_stamped_at_the_head_of_the_hour_of_consent_is_billed,
        an_estimate_is_whole_or_not_given;
}

async fn page(
    who: &Persona,
    space: &str,
    page_size: i32,
    page_token: &str,
) -> Result<ListBilledAppsResponse, Status> {
    let request =
        ListBilledAppsRequest { parent: account_of(space), page_size, page_token: page_token.to_owned() };
    who.accounts().list_billed_apps(request).await.map(tonic::Response::into_inner)
}

async fn all(who: &Persona, space: &str, page_size: i32) -> Vec<BilledApp> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let page = page(who, space, page_size, &token).await.expect("a page");
        all.extend(page.apps);
        token = page.next_page_token;
        if token.is_empty() {
            return all;
        }
    }
}

// R-B9, R-B6: the first GB of logs of an app is free, and each further one costs 1.005.
async fn each_app_has_its_estimate_also_one_that_has_left(suite: Suite) {
    let (alice, viewer) = (suite.user("alice"), suite.user("vera"));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&viewer, VIEWER)]).await.expect("added");
    let apps =
        [alice.creates_app(&space).await, alice.creates_app(&space).await, alice.creates_app(&space).await];
    let early = usage_event(&suite, "before-consent", &apps[1], "100");
    let missing = refused(page(&alice, &space, 0, "").await);
    assert_eq!(missing.kind(), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    consents_to_invoicing(&alice, &space).await.expect("an account");
    let events =
        [early, usage_event(&suite, "a", &apps[0], "3.001"), usage_event(&suite, "b", &apps[1], "0.5")];
    assert_eq!(outcomes(&suite, &events).await, [ACCEPTED; 3]);
    suite.clock.advance(Duration::from_millis(10));
    deletes_app(&alice, &apps[0]).await.expect("deleted");

    let whole = page(&alice, &space, 0, "").await.expect("a page");
    let billed = |app: &str, estimate: &str, in_space: bool| BilledApp {
        app: app.to_owned(),
        display_name: if in_space { "App".into() } else { String::new() },
        estimate: estimate.to_owned(),
        in_space,
    };
    // 2.001 × 1.005; what was used before consent is free and has used the allowance up.
    let expected =
        [billed(&apps[0], "2.011005", false), billed(&apps[1], "0.5025", true), billed(&apps[2], "0", true)];
    assert_eq!(whole.apps, expected);
    let money = Money { currency_code: "USD".into(), units: 2, nanos: 510_000_000 };
    assert_eq!(whole.estimated_total, Some(money), "2.513505, rounded once");
    assert_eq!(whole.month, month_ahead(&suite, 0));
    let next =
        devspaces_kit::clock::Timestamp::try_from(whole.next_invoice_time.expect("a time")).expect("a time");
    assert!(next.to_string().ends_with("-03T00:00:00.000000Z") && next.to_string()[..7] > *whole.month);
    for size in [1, 2, 3] {
        assert_eq!(all(&alice, &space, size).await, expected, "{size}");
    }
    for who in [&viewer, &suite.user("stranger")] {
        let refusal = refused(page(who, &space, 0, "").await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
}

// R-B1, R-B5: consent and the first app are of the same hour, and the meter stamps the head of it.
async fn usage_stamped_at_the_head_of_the_hour_of_consent_is_billed(suite: Suite) {
    let (this, next) = begins_mid_month(&suite);
    suite.clock.advance_to(&format!("{this}-10T13:20:00Z"));
    let it = Customer::new(&suite, "alice").await;
    let stamped = |it: &Customer, time: prost_types::Timestamp| UsageEvent {
        time: Some(time),
        ..new_usage_event(&suite, &it.app, KVS_WRITE_GB, "5000")
    };
    let head = format!("{this}-10T13:00:00Z").parse::<devspaces_kit::clock::Timestamp>().expect("a time");
    reports_accepted(&suite, stamped(&it, head.into())).await;
    let preview = previews_invoice(&it.admin, &it.space).await.expect("a preview");
    assert_eq!(line_numbers(&preview.lines[0]), ["5000", "0.1", "4999.9", "1.09", "5449.891"]);
    assert_eq!((preview.month, preview.total), (this.clone(), usd(544_989)));

    // Stamped in the month before the account's and the app's first, of which there is no invoice.
    suite.clock.advance_to(&format!("{next}-01T00:01:00Z"));
    let it = Customer::new(&suite, "bob").await;
    reports_accepted(&suite, stamped(&it, suite.clock_in(-120))).await;
    let preview = previews_invoice(&it.admin, &it.space).await.expect("a preview");
    assert_eq!((preview.month.as_str(), preview.lines[0].usage_month.as_str()), (&*next, &*next));
    assert_eq!((preview.lines[0].adjustment, preview.total), (false, usd(544_989)));
    let listed = lists_usage(&it.admin, &it.space).await.expect("usage");
    assert_eq!(listed, [(it.app.clone(), KVS_WRITE_GB.to_owned(), "5000".to_owned(), 1)]);
}

// R-B9
async fn an_estimate_is_whole_or_not_given(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    suite.stop(Service::Space).await;
    let refusal = refused(page(&alice, &space, 0, "").await);
    assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
}
