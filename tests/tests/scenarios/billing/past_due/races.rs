//! What is past due and what is paid at the same time.
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use devspaces::Service;
use devspaces_proto::billing::v1::invoice::State;
use devspaces_tests::{Refusal, Suite, sql::count};
use futures::future::{join, join_all};

use super::moved;
use crate::{
    acts::{
        invoices::{Customer, gets_invoice},
        payments::{DAY, fails_at_last, fails_but_for_the_last_retry, issues, pays},
        refusals::settled,
        suspensions::{RUNS, STANDS, runs, runtime},
        transfers::initiates_transfer,
        usage::{LOGS_GB, begins_mid_month, new_usage_event, reports_accepted},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_payment_against_the_last_failure,
        two_accounts_tell_of_one_app_at_once,
        a_suspension_for_an_invoice_against_a_move_of_the_app,
        no_check_that_begins_after_the_reply_allows;
    two replicas:
        a_payment_against_the_last_failure,
        no_check_that_begins_after_the_reply_allows;
}

/// So many customers, and an invoice of each of which the last retry is due.
async fn customers(suite: &Suite, number: u16) -> Vec<(Customer, String)> {
    begins_mid_month(suite);
    let mut customers = Vec::new();
    for _ in 0..number {
        customers.push(Customer::new(suite, "alice").await);
    }
    for it in &customers {
        reports_accepted(suite, new_usage_event(suite, &it.app, LOGS_GB, "11")).await;
    }
    issues(suite).await;
    let mut billed = Vec::new();
    for it in &customers {
        billed.push(it.latest().await.name);
    }
    let names: Vec<_> = billed.iter().map(String::as_str).collect();
    fails_but_for_the_last_retry(suite, &names).await;
    suite.clock.advance(DAY);
    customers.into_iter().zip(billed).collect()
}

// R-E2: whoever is first, it is paid in the end and runs.
async fn a_payment_against_the_last_failure(suite: Suite) {
    for (it, invoice) in customers(&suite, rounds(12)).await {
        let failing = settled(async || fails_at_last(&suite, &invoice).await);
        let paying = settled(async || pays(&suite, &invoice).await);
        let (failed, paid) = join(failing, paying).await;
        assert_eq!(paid.expect("reported").state(), State::Paid);
        if let Err(refused) = failed {
            assert_eq!(Refusal::from(&refused).reason, "INVOICE_NOT_PAYABLE");
        }
        assert_eq!(gets_invoice(&it.admin, &invoice).await.expect("an invoice").state(), State::Paid);
        assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    }
    let sources = count(&suite.pool(Service::Space).await, "SELECT COUNT(*) FROM suspension_source").await;
    assert_eq!(sources, 0);
}

// R-E2: neither undoes what the other says.
async fn two_accounts_tell_of_one_app_at_once(suite: Suite) {
    for _ in 0..rounds::<u16>(4) {
        let (it, [one, other]) = moved(&suite).await;
        fails_at_last(&suite, &one).await.expect("reported");
        let failing = settled(async || fails_at_last(&suite, &other).await);
        let paying = settled(async || pays(&suite, &one).await);
        let (failed, paid) = join(failing, paying).await;
        assert_eq!(failed.expect("reported").state(), State::PastDue);
        paid.expect("reported");
        assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
        pays(&suite, &other).await.expect("reported");
        assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
    }
}

// R-E2, R-A7: it takes the suspension along, or finds it there.
async fn a_suspension_for_an_invoice_against_a_move_of_the_app(suite: Suite) {
    for (it, invoice) in customers(&suite, rounds(8)).await {
        let to = Customer::new(&suite, "alice").await;
        let failing = settled(async || fails_at_last(&suite, &invoice).await);
        let moving = settled(async || initiates_transfer(&it.admin, &it.app, &to.space).await);
        let (failed, moved) = join(failing, moving).await;
        assert_eq!(failed.expect("reported").state(), State::PastDue);
        if let Err(refused) = moved {
            assert_eq!(Refusal::from(&refused).reason, "BILLING_PAST_DUE");
        }
        assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
    }
}

// R-P9, R-E1: although every service has just found, again and again, that it may.
async fn no_check_that_begins_after_the_reply_allows(suite: Suite) {
    let suite = Arc::new(suite);
    for (it, invoice) in customers(&suite, rounds(8)).await {
        let over = Arc::new(AtomicBool::new(false));
        let mut asking = Vec::new();
        for port in Service::ALL {
            let (suite, over, app) = (suite.clone(), over.clone(), it.app.clone());
            asking.push(tokio::spawn(async move {
                let runtime = runtime(&suite);
                while !over.load(SeqCst) {
                    runtime.checks_at(port, "app.run", &app).await.expect("an answer");
                }
            }));
        }
        fails_at_last(&suite, &invoice).await.expect("reported");
        let runtime = runtime(&suite);
        let answers = join_all(Service::ALL.map(|port| runtime.checks_at(port, "app.run", &it.app))).await;
        assert!(answers.into_iter().all(|answer| !answer.expect("an answer").allowed));
        assert_eq!(runs(&suite, &it.admin, &it.app).await, STANDS);
        pays(&suite, &invoice).await.expect("reported");
        assert_eq!(runs(&suite, &it.admin, &it.app).await, RUNS);
        over.store(true, SeqCst);
        for asker in asking {
            asker.await.expect("no panic");
        }
    }
}
