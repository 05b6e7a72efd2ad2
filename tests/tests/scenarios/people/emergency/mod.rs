//! Break-glass: the operator's people make somebody Admin of a space for a while (R-M14).
mod cure;
mod races;

use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    billing::v1::WhoCanIncurCostRequest,
    journal::v1::ListEntriesRequest,
    membership::v1::{
        GetMemberRequest, GrantEmergencyAdminRequest as Request, ListMembersRequest, ListRoleBindingsRequest,
        Member,
    },
    space::v1::ListContributorsRequest,
};
use devspaces_tests::{Suite, refused};
use serde_json::json;
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    accounts::{account_of, consents_to_invoicing},
    apps::creates_app,
    journal::{entries_of, json_of, lists_entries},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, member},
    people::{breaks_glass, deactivates, emergency, grants_emergency},
    refusals::DENIED,
    spaces::{NOWHERE, gets_space},
};

scenarios! {
    both engines:
        an_emergency_admin_is_a_whole_one_until_the_role_ends_by_itself,
        every_list_marks_who_is_admin_in_an_emergency,
        the_journal_of_the_space_says_why,
        an_emergency_that_goes_on_has_a_new_end_and_a_new_reason,
        whoever_has_a_role_keeps_it,
        the_operators_people_alone_break_the_glass,
        bad_input_to_an_emergency_is_named_by_its_field;
}

// R-M14, R-M10
async fn an_emergency_admin_is_a_whole_one_until_the_role_ends_by_itself(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let member = breaks_glass(&suite, &space, &bob).await.expect("given");
    assert_eq!((member.role(), member.emergency, member.deactivated), (ADMIN, true, false));
    assert_eq!((member.name, member.user), (bob.member_of(&space), bob.name.clone()));
    adds_members(&bob, &space, &[(&carol, VIEWER)]).await.expect("an Admin adds");
    suite.clock.advance(Duration::from_secs(3590));
    assert!(bob.may("members.add", &space).await, "until the end");
    suite.clock.advance(Duration::from_secs(20));
    assert!(!bob.may("members.add", &space).await && !bob.may("space.get", &space).await);
    assert_eq!(refused(gets_space(&bob, &space).await).kind(), DENIED);
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added as anybody else");
    let request = GetMemberRequest { name: bob.member_of(&space) };
    let member = alice.members().get_member(request).await.expect("a member").into_inner();
    assert!(!member.emergency, "an ordinary role has no mark");
}

// R-M14: with its mark, and nobody else has one.
async fn every_list_marks_who_is_admin_in_an_emergency(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    let app = creates_app(&alice, &space).await.expect("an app").name;
    breaks_glass(&suite, &space, &bob).await.expect("given");
    let expected = [(alice.name.clone(), false), (bob.name.clone(), true)];
    let request = ListMembersRequest { parent: space.clone(), ..ListMembersRequest::default() };
    let members = alice.members().list_members(request).await.expect("a list").into_inner().members;
    assert_eq!(members.map_marks(|it| (it.user, it.emergency)), expected);
    let request = ListContributorsRequest { parent: app, ..ListContributorsRequest::default() };
    let list = alice.apps().list_contributors(request).await.expect("a list").into_inner().contributors;
    assert_eq!(list.map_marks(|it| (it.user, it.emergency)), expected);
    let request = WhoCanIncurCostRequest { parent: account_of(&space), ..WhoCanIncurCostRequest::default() };
    let costs = alice.accounts().who_can_incur_cost(request).await.expect("a list").into_inner().sources;
    assert_eq!(costs.map_marks(|it| (it.user, it.emergency)), expected);
    let request = ListRoleBindingsRequest { parent: space, ..ListRoleBindingsRequest::default() };
    let bindings = alice.reviews().list_role_bindings(request).await.expect("a list").into_inner().bindings;
    let marks = bindings.map_marks(|it| (it.user == bob.name, it.emergency));
    assert!(marks.iter().all(|(is_bob, mark)| is_bob == mark), "{marks:?}");
    assert_eq!(marks.iter().filter(|(_, mark)| *mark).count(), 2, "the role, and what it makes on apps");
}

/// What is looked at of each entry of a list.
trait Marks<T> {
    fn map_marks<R>(self, of: impl Fn(T) -> R) -> Vec<R>;
}

impl<T> Marks<T> for Vec<T> {
    fn map_marks<R>(self, of: impl Fn(T) -> R) -> Vec<R> {
        self.into_iter().map(of).collect()
    }
}

// R-M14, R-P8, R-J1: told to the space's Admins, with who did it.
async fn the_journal_of_the_space_says_why(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    breaks_glass(&suite, &space, &bob).await.expect("given");
    let request = ListEntriesRequest { resource: bob.member_of(&space), ..entries_of(&space) };
    let entries = lists_entries(&alice, Service::Membership, request).await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(entry.actor, "users/operator");
    assert!(entry.method.ends_with("PeopleService/GrantEmergencyAdmin"), "{}", entry.method);
    let after = json_of(entry.after.as_ref().expect("what is after it"));
    assert_eq!((&after["reason"], &after["role"]), (&json!("Nobody is left who could"), &json!("ADMIN")));
    assert_eq!(after["emergency"], json!(true));
}

// R-M14, R-J5
async fn an_emergency_that_goes_on_has_a_new_end_and_a_new_reason(suite: Suite) {
    let [alice, bob, operator] = ["alice", "bob", "operator"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let first = breaks_glass(&suite, &space, &bob).await.expect("given");
    let mut longer = emergency(&suite, &space, &bob, 86_390);
    "Goes on".clone_into(&mut longer.reason);
    REQUEST_ID.clone_into(&mut longer.request_id);
    let second = grants_emergency(&operator, longer.clone()).await.expect("given anew");
    assert!(second.emergency && second.expire_time == longer.expire_time);
    assert_eq!(second.create_time, first.create_time, "still the same membership");
    assert_eq!(grants_emergency(&operator, longer).await.expect("the first result"), second);
    suite.clock.advance(Duration::from_secs(3700));
    assert!(bob.may("members.add", &space).await, "longer than the first");
    let shorter = emergency(&suite, &space, &bob, 60);
    grants_emergency(&operator, shorter).await.expect("given anew");
    suite.clock.advance(Duration::from_secs(61));
    assert!(!bob.may("members.add", &space).await, "shorter than the second");
    let request = ListEntriesRequest { resource: bob.member_of(&space), ..entries_of(&space) };
    let entries = lists_entries(&alice, Service::Membership, request).await;
    let grants = entries.iter().filter(|entry| entry.method.ends_with("GrantEmergencyAdmin"));
    assert_eq!(grants.count(), 3, "each use is in the journal, a repetition is none");
}

// R-M1, R-M14: nobody's own role is replaced by one that ends.
async fn whoever_has_a_role_keeps_it(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let hour = Member { expire_time: Some(suite.clock_in(3600)), ..member(&carol, ADMIN) };
    adds_members_as_given(&alice, &space, vec![hour]).await.expect("added");
    for who in [&alice, &bob, &carol] {
        let refusal = refused(breaks_glass(&suite, &space, who).await);
        assert_eq!(refusal.bad_fields(), (Code::AlreadyExists, "MEMBER_EXISTS", vec!["user"]));
    }
    suite.clock.advance(Duration::from_secs(3601));
    breaks_glass(&suite, &space, &carol).await.expect("her own has ended");
    let refusal = refused(adds_members(&alice, &space, &[(&carol, VIEWER)]).await);
    assert_eq!(refusal.kind(), (Code::AlreadyExists, "MEMBER_EXISTS"));
}

// R-P8, R-P7, R-M12
async fn the_operators_people_alone_break_the_glass(suite: Suite) {
    let [alice, bob, operator] = ["alice", "bob", "operator"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    for who in [alice.clone(), bob.clone(), suite.persona("services/offboarding")] {
        let refusal = refused(grants_emergency(&who, emergency(&suite, &space, &bob, 60)).await);
        assert_eq!(refusal.kind(), DENIED, "{}", who.name);
    }
    grants_emergency(&operator, emergency(&suite, &space, &operator, 60)).await.expect("also themselves");
    deactivates(&suite, &operator).await.expect("deactivated");
    let refusal = refused(breaks_glass(&suite, &space, &bob).await);
    assert_eq!(refusal.code, Code::PermissionDenied);
    assert!(!bob.may("space.get", &space).await);
}

// R-M14
async fn bad_input_to_an_emergency_is_named_by_its_field(suite: Suite) {
    let [alice, bob, operator] = ["alice", "bob", "operator"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let good = emergency(&suite, &space, &bob, 3600);
    for (field, request) in [
        ("space", emergency(&suite, "spaces/team", &bob, 3600)),
        ("user", Request { user: "bob".to_owned(), ..good.clone() }),
        ("user", Request { user: "services/metering".to_owned(), ..good.clone() }),
        ("reason", Request { reason: String::new(), ..good.clone() }),
        ("expire_time", Request { expire_time: None, ..good.clone() }),
        ("expire_time", emergency(&suite, &space, &bob, -1)),
        ("expire_time", emergency(&suite, &space, &bob, 86_460)),
    ] {
        let refusal = refused(grants_emergency(&operator, request).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec![field]));
    }
    let refusal = refused(grants_emergency(&operator, emergency(&suite, NOWHERE, &bob, 60)).await);
    assert_eq!(refusal.code, Code::NotFound);
    assert!(!bob.may("space.get", &space).await, "nothing was given");
}
