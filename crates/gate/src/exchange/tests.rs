//! The exchange's rules one by one, beside the model that walks them all together.
use devspaces_authz::BillingFacts;

use super::*;
use crate::testing::{at, question, space, version};

const LIMITS: Limits = Limits { calls: 2, questions: 2, waiting: 4, entries: 8 };

fn exchange() -> Exchange<&'static str> {
    Exchange::new(LIMITS)
}

fn sent(millis: u64) -> Sent {
    Sent { elapsed: Duration::from_millis(millis), time: at(0) }
}

fn facts(admin: bool) -> OwnFacts {
    OwnFacts::Billing(BillingFacts { admin })
}

fn answer(sequence: i64, facts: Option<OwnFacts>) -> Answer {
    Answer { version: version(sequence), facts, read_time: at(0) }
}

/// Who is told what.
fn told(resolved: Vec<Resolved<&'static str>>) -> Vec<(Vec<&'static str>, Option<OwnFacts>)> {
    let facts = |confirmed: Confirmed| confirmed.entry.facts.clone();
    resolved.into_iter().map(|resolved| (resolved.waiters, resolved.confirmed.map(facts))).collect()
}

fn cached(exchange: &Exchange<&'static str>) -> Option<(i64, Duration)> {
    let confirmed = exchange.cached(&question(space(1), "alice"))?;
    Some((confirmed.entry.version.sequence, confirmed.sent.elapsed))
}

/// Asks about alice, and takes the call.
fn ask(exchange: &mut Exchange<&'static str>, waiter: &'static str, millis: u64) -> Batch<&'static str> {
    exchange.enqueue(question(space(1), "alice"), waiter).unwrap();
    exchange.take(|| sent(millis)).unwrap()
}

// Join
#[test]
fn equal_questions_that_wait_are_asked_once_and_never_join_a_call_under_way() {
    let mut exchange = exchange();
    let first = ask(&mut exchange, "a", 0);
    exchange.enqueue(question(space(1), "alice"), "b").unwrap();
    exchange.enqueue(question(space(1), "alice"), "c").unwrap();
    let second = exchange.take(|| sent(1)).unwrap();
    assert_eq!(second.asked.len(), 1);
    let resolved = exchange.complete(first, vec![answer(1, Some(facts(true)))]);
    assert_eq!(told(resolved), [(vec!["a"], Some(facts(true)))]);
    let resolved = exchange.complete(second, vec![answer(2, Some(facts(false)))]);
    assert_eq!(told(resolved), [(vec!["b", "c"], Some(facts(false)))]);
}

#[test]
fn no_more_calls_and_questions_are_taken_than_the_limits_say() {
    let mut exchange = exchange();
    for id in 1..=3 {
        exchange.enqueue(question(space(id), "alice"), "a").unwrap();
    }
    let first = exchange.take(|| sent(0)).unwrap();
    assert_eq!(first.asked.len(), 2);
    assert_eq!(exchange.take(|| sent(0)).unwrap().asked.len(), 1);
    exchange.enqueue(question(space(4), "alice"), "d").unwrap();
    assert!(exchange.take(|| sent(0)).is_none(), "two calls are under way");
    exchange.fail(first);
    assert_eq!(exchange.take(|| sent(0)).unwrap().asked[0].question, question(space(4), "alice"));
}

// All queues are bounded, whether their questions are equal or not.
#[test]
fn a_full_queue_turns_checks_away_until_a_call_takes_them() {
    let mut exchange = exchange();
    for id in [1, 1, 2, 3] {
        exchange.enqueue(question(space(id), "alice"), "a").unwrap();
    }
    assert_eq!(exchange.enqueue(question(space(1), "alice"), "b"), Err(Overloaded));
    exchange.take(|| sent(0)).unwrap();
    assert_eq!(exchange.enqueue(question(space(1), "alice"), "b"), Ok(()));
}

// Answer
#[test]
fn unchanged_speaks_of_what_the_batch_sent() {
    let mut exchange = exchange();
    let warm = ask(&mut exchange, "warm", 0);
    exchange.complete(warm, vec![answer(1, Some(facts(true)))]);
    let (slow, quick) = (ask(&mut exchange, "slow", 1), ask(&mut exchange, "quick", 2));
    exchange.complete(quick, vec![answer(2, Some(facts(false)))]);
    let resolved = exchange.complete(slow, vec![answer(1, None)]);
    assert_eq!(told(resolved), [(vec!["slow"], Some(facts(true)))]);
    assert_eq!(cached(&exchange), Some((2, Duration::from_millis(2))), "an older answer came later");
}

// Answer: whatever makes no sense is no answer.
#[test]
fn answers_that_make_no_sense_resolve_to_nothing() {
    let mut exchange = exchange();
    let cold = ask(&mut exchange, "cold", 0);
    assert_eq!(told(exchange.complete(cold, vec![answer(1, None)])), [(vec!["cold"], None)]);
    let miscounted = ask(&mut exchange, "miscounted", 0);
    assert_eq!(told(exchange.complete(miscounted, Vec::new())), [(vec!["miscounted"], None)]);
    let warm = ask(&mut exchange, "warm", 0);
    exchange.complete(warm, vec![answer(1, Some(facts(true)))]);
    let mistaken = ask(&mut exchange, "mistaken", 0);
    assert_eq!(told(exchange.complete(mistaken, vec![answer(2, None)])), [(vec!["mistaken"], None)]);
}

// Version
#[test]
fn a_restored_database_replaces_what_was_cached_although_its_sequence_is_lower() {
    let mut exchange = exchange();
    let warm = ask(&mut exchange, "warm", 0);
    exchange.complete(warm, vec![answer(7, Some(facts(true)))]);
    let restored = ask(&mut exchange, "restored", 1);
    exchange.complete(restored, vec![answer(3, Some(facts(false)))]);
    assert_eq!(cached(&exchange), Some((3, Duration::from_millis(1))));
}

// Age
#[test]
fn unchanged_renews_the_age_from_the_send() {
    let mut exchange = exchange();
    let warm = ask(&mut exchange, "warm", 0);
    exchange.complete(warm, vec![answer(1, Some(facts(true)))]);
    let (first, second) = (ask(&mut exchange, "first", 5), ask(&mut exchange, "second", 9));
    exchange.complete(second, vec![answer(1, None)]);
    exchange.complete(first, vec![answer(1, None)]);
    assert_eq!(cached(&exchange), Some((1, Duration::from_millis(9))));
}

// Key
#[test]
fn each_subject_and_scope_has_facts_of_its_own() {
    let mut exchange = exchange();
    exchange.enqueue(question(space(1), "alice"), "a").unwrap();
    exchange.enqueue(question(space(1), "bob"), "b").unwrap();
    let batch = exchange.take(|| sent(0)).unwrap();
    let resolved =
        exchange.complete(batch, vec![answer(1, Some(facts(true))), answer(1, Some(facts(false)))]);
    assert_eq!(told(resolved), [(vec!["a"], Some(facts(true))), (vec!["b"], Some(facts(false)))]);
    assert!(exchange.cached(&question(space(2), "alice")).is_none());
}

#[test]
fn the_cache_is_bounded_and_what_it_dropped_is_not_known() {
    let mut exchange = exchange();
    for id in 0..100 {
        exchange.enqueue(question(space(id), "alice"), "a").unwrap();
        let batch = exchange.take(|| sent(0)).unwrap();
        exchange.complete(batch, vec![answer(1, Some(facts(true)))]);
    }
    assert!(exchange.cache.len() <= LIMITS.entries);
    let dropped = (0..100).find(|&id| exchange.cached(&question(space(id), "alice")).is_none()).unwrap();
    exchange.enqueue(question(space(dropped), "alice"), "a").unwrap();
    assert!(exchange.take(|| sent(0)).unwrap().asked[0].known.is_none());
}

#[test]
fn no_more_checks_follow_a_call_than_may_wait() {
    let mut exchange = exchange();
    let call = ask(&mut exchange, "a", 0);
    let alice = question(space(1), "alice");
    let window = Duration::from_millis(20);
    for follower in ["b", "c", "d", "e"] {
        assert!(exchange.follow(&alice, sent(1), window, follower).is_some(), "{follower}");
    }
    assert_eq!(exchange.follow(&alice, sent(1), window, "f"), None);
    let resolved = exchange.complete(call, vec![answer(1, Some(facts(true)))]);
    assert_eq!(told(resolved), [(vec!["a"], Some(facts(true))), (vec!["b", "c", "d", "e"], None)]);
}
