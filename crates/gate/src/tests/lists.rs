//! R-S2: the switcher's list, out of every owner's.
use devspaces_authz::{BillingFacts, ConsoleRole, Service};
use devspaces_kit::status::Fault;

use crate::{
    facts::OwnFacts,
    testing::{Memory, TestClock, gate, member, question, scripted, space, user},
};

#[tokio::test(start_paused = true)]
async fn every_owners_spaces_are_merged_in_the_order_of_their_ids() {
    let clock = TestClock::at(0);
    let (members, billing) = (Memory::of(Service::Membership), Memory::of(Service::Billing));
    let viewer = Some(ConsoleRole::Viewer);
    for id in [1, 2, 5, 6] {
        members.set(question(space(id), "alice"), 1, member(viewer));
    }
    for id in [2, 3, 4, 7] {
        let admin = OwnFacts::Billing(BillingFacts { admin: true });
        billing.set(question(space(id), "alice"), 1, admin);
    }
    billing.set(question(space(1), "bob"), 1, OwnFacts::Billing(BillingFacts { admin: true }));
    let gate = gate([members.source(&clock), billing.source(&clock)], &clock);
    let page = async |after| {
        let spaces = gate.subject_spaces(&user("alice"), after, 3).await.unwrap();
        let roles = |facts: devspaces_authz::Facts| {
            (facts.membership.known().unwrap().role, facts.billing.known().unwrap().admin)
        };
        spaces.into_iter().map(|(space, facts)| (space, roles(facts))).collect::<Vec<_>>()
    };
    let (a, b, both) = ((viewer, false), (None, true), (viewer, true));
    assert_eq!(page(None).await, [(space(1), a), (space(2), both), (space(3), b)]);
    assert_eq!(page(Some(space(3))).await, [(space(4), b), (space(5), a), (space(6), a)]);
    assert_eq!(page(Some(space(6))).await, [(space(7), b)]);
}

#[tokio::test(start_paused = true)]
async fn the_list_is_complete_or_not_given_at_all() {
    let clock = TestClock::at(0);
    let members = Memory::of(Service::Membership);
    members.set(question(space(1), "alice"), 1, member(Some(ConsoleRole::Admin)));
    let (billing, _unreachable) = scripted(Service::Billing, &clock);
    let gate = gate([members.source(&clock), billing], &clock);
    let fault = gate.subject_spaces(&user("alice"), None, 10).await.unwrap_err();
    assert_eq!(fault, Fault::facts_unavailable(&["billing"]));
}
