//! Transfers that end without a move: declined, cancelled, expired, or with the app.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    journal::v1::ListEntriesRequest,
    space::v1::{Transfer, transfer::State},
};
use devspaces_tests::{Persona, Suite, refused, sql::count};
use tonic::{Code, Status};

use crate::acts::{
    apps::{deletes_app, gets_app, undeletes_app},
    journal::{entries_of, lists_entries},
    marketplace::{accepts_terms, submits_listing},
    spaces::{archives_space, deletes_space},
    transfers::{
        TwoSpaces, accepts_transfer, cancels_transfer, declines_transfer, gets_transfer, initiates_transfer,
        lists_transfers,
    },
};

scenarios! {
    both engines:
        a_transfer_is_declined_or_cancelled_for_good,
        an_archived_destination_declines_and_the_source_cancels,
        a_transfer_expires_after_seven_days_without_anybody_doing_anything,
        an_expired_transfer_is_in_nobodys_way,
        a_transfer_ends_with_its_app,
        a_clock_that_was_put_forward_ends_no_transfer_for_good;
}

/// What is said of a transfer that has ended so.
#[track_caller]
fn has_ended(answer: Result<Transfer, Status>, state: &str) {
    let refusal = refused(answer);
    assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "TRANSFER_ENDED", vec!["TRANSFER_ENDED"]));
    assert_eq!(refusal.metadata, [("state".to_owned(), state.to_owned())]);
}

/// Whatever is tried with a transfer that has ended so, it stays so.
async fn stays(it: &TwoSpaces, transfer: &str, state: &str) {
    has_ended(accepts_transfer(&it.dan, transfer).await, state);
    has_ended(declines_transfer(&it.dan, transfer).await, state);
    has_ended(cancels_transfer(&it.alice, transfer).await, state);
    assert_eq!(gets_app(&it.alice, &it.app).await.expect("the app").space, it.source);
}

/// The states of a space's transfers, oldest first.
async fn states(who: &Persona, space: &str) -> Vec<State> {
    lists_transfers(who, space, false).await.expect("a list").iter().map(Transfer::state).collect()
}

// R-A7, R-J1
async fn a_transfer_is_declined_or_cancelled_for_good(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let declined = it.proposed().await;
    let told = declines_transfer(&it.dan, &declined).await.expect("declined");
    assert_eq!((told.state(), told.end_time.is_some()), (State::Declined, true));
    stays(&it, &declined, "DECLINED").await;
    let cancelled = it.proposed().await;
    assert_eq!(cancels_transfer(&it.alice, &cancelled).await.expect("cancelled").state(), State::Cancelled);
    stays(&it, &cancelled, "CANCELLED").await;
    for (who, space) in [(&it.alice, &it.source), (&it.dan, &it.destination)] {
        assert_eq!(states(who, space).await, [State::Declined, State::Cancelled]);
        for transfer in [&declined, &cancelled] {
            let told = ListEntriesRequest { resource: transfer.clone(), ..entries_of(space) };
            assert_eq!(lists_entries(who, Service::Space, told).await.len(), 2, "how it began and ended");
        }
    }
}

// R-S5, R-S6
async fn an_archived_destination_declines_and_the_source_cancels(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let transfer = it.proposed().await;
    archives_space(&it.dan, &it.destination).await.expect("archived");
    declines_transfer(&it.dan, &transfer).await.expect("declined");
    let transfer = it.proposed().await;
    deletes_space(&it.dan, &it.destination).await.expect("deleted");
    assert_eq!(gets_transfer(&it.dan, &transfer).await.expect("the transfer").blockers.len(), 1);
    cancels_transfer(&it.alice, &transfer).await.expect("cancelled");
    let transfer = it.proposed().await;
    suite.clock.advance(Duration::from_hours(31 * 24));
    let expired = gets_transfer(&it.alice, &transfer).await.expect("the transfer");
    assert_eq!(expired.state(), State::Expired, "of a destination that is purged by now");
}

// R-A7
async fn a_transfer_expires_after_seven_days_without_anybody_doing_anything(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let pool = suite.pool(Service::Space).await;
    let (first, second) = (it.proposed().await, it.bob.creates_app(&it.source).await);
    let other = initiates_transfer(&it.alice, &second, &it.destination).await;
    let other = other.expect("proposed").name;
    let entries = count(&pool, "SELECT count(*) FROM journal").await;
    suite.clock.advance(Duration::from_hours(7 * 24) - Duration::from_mins(1));
    accepts_transfer(&it.dan, &other).await.expect("in time");
    suite.clock.advance(Duration::from_mins(1));
    let expired = gets_transfer(&it.dan, &first).await.expect("the transfer");
    assert_eq!((expired.state(), expired.end_time), (State::Expired, expired.expire_time));
    assert!(expired.contributors.is_empty() && expired.blockers.is_empty());
    stays(&it, &first, "EXPIRED").await;
    assert_eq!(states(&it.dan, &it.destination).await, [State::Expired, State::Accepted]);
    assert_eq!(lists_transfers(&it.dan, &it.destination, true).await.expect("a list"), []);
    let journaled = count(&pool, "SELECT count(*) FROM journal").await - entries;
    assert_eq!(journaled, 3, "the acceptance of the other, and nothing else");
}

// R-A7, R-K6
async fn an_expired_transfer_is_in_nobodys_way(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let first = it.proposed().await;
    suite.clock.advance(Duration::from_hours(7 * 24));
    let second = it.proposed().await;
    assert_eq!(states(&it.alice, &it.source).await, [State::Expired, State::Pending]);
    let expired = gets_transfer(&it.alice, &first).await.expect("the transfer");
    assert_eq!(expired.end_time, expired.expire_time);
    suite.clock.advance(Duration::from_hours(7 * 24));
    let profile = accepts_terms(&it.alice, &it.source).await.expect("published").name;
    submits_listing(&it.alice, &profile, &it.app).await.expect("submitted");
    stays(&it, &second, "EXPIRED").await;
}

// R-A7, R-A10
async fn a_transfer_ends_with_its_app(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let transfer = it.proposed().await;
    deletes_app(&it.bob, &it.app).await.expect("deleted");
    for (who, space) in [(&it.alice, &it.source), (&it.dan, &it.destination)] {
        assert_eq!(states(who, space).await, [State::Cancelled]);
        let told = ListEntriesRequest { resource: transfer.clone(), ..entries_of(space) };
        let told = lists_entries(who, Service::Space, told).await;
        assert!(told[1].method.ends_with("/DeleteApp"), "{}", told[1].method);
    }
    undeletes_app(&it.bob, &it.app).await.expect("had back");
    stays(&it, &transfer, "CANCELLED").await;
    it.proposed().await;
}

// R-A7, R-M10: what only seemed to have expired is pending again, unless somebody acted on it.
async fn a_clock_that_was_put_forward_ends_no_transfer_for_good(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let transfer = it.proposed().await;
    let second = it.bob.creates_app(&it.source).await;
    let other = initiates_transfer(&it.alice, &second, &it.destination).await.expect("proposed").name;
    suite.clock.put_forward(Duration::from_hours(8 * 24));
    assert_eq!(gets_transfer(&it.dan, &transfer).await.expect("the transfer").state(), State::Expired);
    deletes_app(&it.bob, &second).await.expect("deleted");
    suite.clock.put_right();
    accepts_transfer(&it.dan, &transfer).await.expect("accepted");
    has_ended(accepts_transfer(&it.dan, &other).await, "EXPIRED");
}
