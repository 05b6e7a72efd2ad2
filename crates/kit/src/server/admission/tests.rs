use futures::poll;
use tokio::sync::oneshot;
use tonic::Code;

use super::*;
use crate::{server::Tasks, status::Reason};

fn caller(principal: Principal) -> Caller {
    Caller { principal, email: None, suite: None, expires: None }
}

fn of(name: &str) -> Caller {
    caller(Principal::user(name))
}

const FEW: CallerLimits = CallerLimits {
    user_calls: 3,
    service_calls: 4,
    user_turns: 1,
    service_turns: 2,
    long_work: 2,
    caller_long_work: 1,
    streams: 3,
    caller_streams: 2,
    unread: Duration::from_secs(1),
    questions: 5,
    user_questions: 3,
    service_questions: 4,
};

fn refusal<T>(answer: Result<T, Fault>) -> (Code, Reason) {
    let fault = answer.err().expect("a refusal");
    (fault.code(), fault.reason())
}

/// Answers in this place's turn, which ends with the answer.
async fn work<F: Future>(place: &Place, answer: F) -> F::Output {
    let turn = place.turn().await.expect("a turn");
    place.work(turn, answer).await
}

const OWN: (Code, Reason) = (Code::ResourceExhausted, Reason::CallerLimited);
const ALL: (Code, Reason) = (Code::ResourceExhausted, Reason::Overloaded);

#[tokio::test]
async fn a_caller_who_has_enough_calls_is_refused_and_others_are_not() {
    let admission = Admission::new(5, FEW);
    let mut places: Vec<_> = (0..3).map(|_| admission.admit(&of("mallory")).expect("a place")).collect();
    assert_eq!(refusal(admission.admit(&of("mallory"))), OWN);
    let _alice = admission.admit(&of("alice")).expect("room for others");
    let service = caller(Principal::service("mallory"));
    let _service = admission.admit(&service).expect("somebody else by the same id");
    assert_eq!(refusal(admission.admit(&of("bob"))), ALL);
    places.pop();
    admission.admit(&of("bob")).expect("room again");
}

#[tokio::test]
async fn a_place_lasts_as_long_as_the_work_although_the_call_is_given_up() {
    let admission = Admission::new(5, CallerLimits { user_calls: 1, ..FEW });
    let tasks = Tasks::new();
    let place = admission.admit(&of("mallory")).expect("a place");
    let (finish, finished) = oneshot::channel::<()>();
    let change = tasks.run(async {
        drop(finished.await);
        Ok::<_, Fault>(())
    });
    let mut call = Box::pin(async { work(&place, change).await });
    assert!(poll!(&mut call).is_pending());
    drop(call);
    drop(place);
    assert_eq!(refusal(admission.admit(&of("mallory"))), OWN);
    finish.send(()).expect("the work goes on");
    tasks.ended().await;
    admission.admit(&of("mallory")).expect("a place again");
}

#[tokio::test]
async fn calls_of_one_caller_wait_for_their_turn_and_for_nobody_elses() {
    let admission = Admission::new(9, FEW);
    let places = ["mallory", "mallory", "alice"].map(|name| admission.admit(&of(name)).expect("a place"));
    let mut first = Box::pin(work(&places[0], std::future::pending::<()>()));
    let mut second = Box::pin(work(&places[1], async {}));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    work(&places[2], async {}).await;
    drop(first);
    second.await;
}

#[tokio::test(start_paused = true)]
async fn long_work_of_one_caller_goes_one_after_another_and_leaves_room() {
    let admission = Admission::new(9, CallerLimits { user_turns: 3, ..FEW });
    let mallory = admission.admit(&of("mallory")).expect("a place");
    let kept = work(&mallory, long_work()).await.expect("the first");
    assert_eq!(refusal(work(&mallory, long_work()).await), OWN);
    let alice = admission.admit(&of("alice")).expect("a place");
    let other = work(&alice, long_work()).await.expect("another's");
    let bob = admission.admit(&of("bob")).expect("a place");
    assert_eq!(refusal(work(&bob, long_work()).await), ALL);
    drop(other);
    drop(work(&bob, long_work()).await.expect("room again"));
    drop(kept);
    drop(work(&mallory, long_work()).await.expect("in turn"));
}

#[tokio::test(start_paused = true)]
async fn questions_of_one_caller_wait_for_their_own_and_leave_room() {
    let admission = Admission::new(9, CallerLimits { user_turns: 3, ..FEW });
    let mallory = admission.admit(&of("mallory")).expect("a place");
    // More than there ever will be is asked in pieces, each of which takes all that one may have.
    let kept = work(&mallory, questions(1000)).await.expect("a piece");
    assert_eq!(refusal(work(&mallory, questions(1)).await), OWN);
    let alice = admission.admit(&of("alice")).expect("a place");
    let other = work(&alice, questions(2)).await.expect("another's");
    let bob = admission.admit(&of("bob")).expect("a place");
    assert_eq!(refusal(work(&bob, questions(1)).await), ALL);
    drop(other);
    drop(work(&bob, questions(2)).await.expect("room again"));
    drop(kept);
    drop(work(&mallory, questions(3)).await.expect("in turn"));
}

#[tokio::test]
async fn streams_have_places_for_each_caller_and_for_all() {
    let admission = Admission::new(9, CallerLimits { user_turns: 3, ..FEW });
    let open = async |name: &str| {
        let place = admission.admit(&of(name)).expect("a place");
        work(&place, async { Place::stream() }).await
    };
    let mut held = vec![open("mallory").await.expect("one"), open("mallory").await.expect("two")];
    assert_eq!(refusal(open("mallory").await), OWN);
    held.push(open("alice").await.expect("another's"));
    assert_eq!(refusal(open("bob").await), ALL);
    held.clear();
    open("bob").await.expect("room again");
}

#[tokio::test]
async fn the_table_of_callers_holds_no_more_than_is_in_use() {
    let admission = Admission::new(9, FEW);
    let _held = admission.admit(&of("alice")).expect("a place");
    for number in 0..10_000 {
        admission.admit(&of(&format!("u{number}"))).expect("a place");
    }
    assert!(admission.shares.lock().expect("the table").len() < 100);
}
