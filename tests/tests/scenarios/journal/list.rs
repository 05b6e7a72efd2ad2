//! Reading the journal: who may, and what is found.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::journal::v1::{ListEntriesRequest, VerifyScopeRequest};
use devspaces_tests::{CONSOLE, Persona, Suite, refused, suite::eventually};
use prost_types::{Value, value::Kind};
use tonic::Code;

use crate::acts::{
    journal::{entries_of, erases_person, history_of_members, lists_entries, page_of_entries, sequences},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, removes_member},
};

scenarios! {
    both engines:
        entries_are_found_by_time_actor_and_resource,
        an_app_is_not_told_of_while_an_owner_is_down,
        what_was_erased_reads_as_erased;
    everywhere:
        an_admin_reads_what_happened,
        only_who_administers_the_plane_reads,
        every_bad_field_of_a_list_is_told_at_once;
}

const NO_APP: &str = "apps/0190a8d0-7b1c-7def-8000-000000000001";

/// A field of what was before or after.
fn text(value: Option<&Value>, field: &str) -> String {
    let Some(Kind::StructValue(fields)) = value.and_then(|value| value.kind.as_ref()) else {
        panic!("{value:?}")
    };
    let Some(Kind::StringValue(text)) = &fields.fields[field].kind else { panic!("{fields:?}") };
    text.clone()
}

// R-J1, R-J3
async fn an_admin_reads_what_happened(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let read = lists_entries(&alice, Service::Membership, entries_of(&space)).await;
    let who_did_what: Vec<_> = read
        .iter()
        .map(|entry| {
            (
                entry.sequence,
                entry.actor.as_str(),
                entry.on_behalf_of.as_str(),
                entry.method.rsplit('/').next().expect("a name"),
            )
        })
        .collect();
    let (alices, bob) = (alice.name.as_str(), suite.user("bob").name);
    assert_eq!(
        who_did_what,
        [
            (1, "services/space", alices, "CreateSpace"),
            (2, alices, "", "AddMembers"),
            (3, bob.as_str(), "", "AddMembers"),
            (4, alices, "", "UpdateMember"),
            (5, bob.as_str(), "", "RemoveMember"),
        ]
    );
    let demotion = &read[3];
    assert_eq!((demotion.service.as_str(), &demotion.scope), ("membership", &space));
    assert_eq!(demotion.resources, [suite.user("carol").member_of(&space)]);
    assert_eq!(
        [&demotion.before, &demotion.after].map(|value| text(value.as_ref(), "role")),
        ["DEVELOPER", "VIEWER"]
    );
    assert!(demotion.facts && demotion.hash.len() == 32 && demotion.time.is_some());
    assert_eq!(
        read[4].after,
        Some(Value { kind: Some(Kind::NullValue(0)) }),
        "nothing is left of the member"
    );
    let spaces = lists_entries(&alice, Service::Space, entries_of(&space)).await;
    assert_eq!((spaces.len(), spaces[0].service.as_str()), (1, "space"));
}

// R-J3
async fn entries_are_found_by_time_actor_and_resource(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let hour = async || {
        suite.clock.advance(Duration::from_hours(1));
        suite.clock_in(0)
    };
    let second = hour().await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&carol, VIEWER)]).await.expect("added");
    let third = hour().await;
    removes_member(&bob, &space, &carol).await.expect("removed");
    let found = async |request| sequences(&lists_entries(&alice, Service::Membership, request).await);

    assert_eq!(found(ListEntriesRequest { start_time: Some(second), ..entries_of(&space) }).await, [2, 3]);
    assert_eq!(found(ListEntriesRequest { end_time: Some(third), ..entries_of(&space) }).await, [1, 2]);
    let both = ListEntriesRequest { start_time: Some(second), end_time: Some(third), ..entries_of(&space) };
    assert_eq!(found(both).await, [2]);
    // A moment belongs to what starts with it and not to what ends with it.
    let all = lists_entries(&alice, Service::Membership, entries_of(&space)).await;
    assert_eq!(found(ListEntriesRequest { start_time: all[1].time, ..entries_of(&space) }).await, [2, 3]);
    assert_eq!(found(ListEntriesRequest { end_time: all[1].time, ..entries_of(&space) }).await, [1]);

    let by = |actor: &str| ListEntriesRequest { actor: actor.into(), ..entries_of(&space) };
    assert_eq!(found(by("users/alice")).await, [1, 2], "the first on her behalf");
    assert_eq!(found(by("users/bob")).await, [3]);
    assert_eq!(found(by("services/space")).await, [1]);
    assert_eq!(found(by("users/al")).await, [0; 0]);

    let about = |resource: &str| ListEntriesRequest { resource: resource.into(), ..entries_of(&space) };
    assert_eq!(found(about(&carol.member_of(&space))).await, [2, 3]);
    assert_eq!(found(about(&bob.member_of(&space))).await, [2]);
    assert_eq!(found(about(&space)).await, [1, 2, 3], "and what is below it");
    assert_eq!(found(about(&format!("{space}/members/car"))).await, [0; 0]);
    let narrow = ListEntriesRequest { actor: "users/bob".into(), ..about(&carol.member_of(&space)) };
    assert_eq!(found(narrow).await, [3]);
    let from = |start_sequence| {
        let service = Service::Membership.name().to_owned();
        ListEntriesRequest { start_sequence, service, ..entries_of(&space) }
    };
    for (start, expected) in [(1, &[1, 2, 3][..]), (2, &[2, 3]), (3, &[3]), (4, &[]), (9, &[])] {
        assert_eq!(found(from(start)).await, expected, "{start}");
    }
    assert_eq!(found(ListEntriesRequest { start_time: Some(third), ..from(2) }).await, [3]);
}

// R-J3, R-P3
async fn only_who_administers_the_plane_reads(suite: Suite) {
    let [alice, bob, dora, victor] = ["alice", "bob", "dora", "victor"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&dora, DEVELOPER), (&victor, VIEWER)])
        .await
        .expect("added");
    let denied = async |who: &Persona, parent: &str| {
        for port in CONSOLE {
            let message =
                format!("Permission 'journal.console.get' denied on '{parent}' (or it might not exist)");
            let request = VerifyScopeRequest { scope: parent.to_owned() };
            let verify = who.journal(port).verify_scope(request).await.map(drop);
            for refusal in [refused(page_of_entries(who, port, entries_of(parent)).await), refused(verify)] {
                assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
                assert_eq!(refusal.message, message);
            }
        }
    };
    for who in [&dora, &victor, &suite.user("mallory"), &suite.persona("services/auditor")] {
        denied(who, &space).await;
    }
    for port in CONSOLE {
        assert!(!lists_entries(&bob, port, entries_of(&space)).await.is_empty());
    }
    removes_member(&alice, &space, &bob).await.expect("removed");
    denied(&bob, &space).await;
    // An app that is not there, for whoever asks.
    for who in [&alice, &bob, &suite.user("mallory")] {
        denied(who, NO_APP).await;
    }
}

// R-P3: while the owner of apps, or of roles, is down, nobody learns which apps there are.
async fn an_app_is_not_told_of_while_an_owner_is_down(suite: Suite) {
    let mut suite = suite;
    let alice = suite.user("alice");
    for (down, port) in [(Service::Space, Service::Membership), (Service::Membership, Service::Space)] {
        suite.stop(down).await;
        let refusal = refused(page_of_entries(&alice, port, entries_of(NO_APP)).await);
        assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
        suite.restart(down).await;
        eventually(async || {
            let answer = refused(page_of_entries(&alice, port, entries_of(NO_APP)).await);
            (answer.code == Code::PermissionDenied).then_some(())
        })
        .await;
    }
}

// R-J1, R-J3
async fn what_was_erased_reads_as_erased(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let pool = suite.pool(Service::Membership).await;
    erases_person(&pool, "carol").await;
    erases_person(&pool, "bob").await;
    let read = lists_entries(&alice, Service::Membership, entries_of(&space)).await;
    let origins: Vec<_> =
        read.iter().map(|entry| (entry.actor.as_str(), entry.resources[0].as_str())).collect();
    let alices = alice.member_of(&space);
    assert_eq!(
        origins,
        [
            ("services/space", alices.as_str()),
            ("users/alice", "(erased)"),
            ("(erased)", "(erased)"),
            ("users/alice", "(erased)"),
            ("(erased)", "(erased)"),
        ]
    );
    assert_eq!(text(read[3].after.as_ref(), "role"), "VIEWER", "what is not personal stays");
    assert!(!format!("{read:?}").contains("carol"));
    let found = lists_entries(
        &alice,
        Service::Membership,
        ListEntriesRequest { actor: "users/bob".into(), ..entries_of(&space) },
    );
    assert_eq!(sequences(&found.await), [0; 0]);
}

// Order of answers, R-J3: the scope's name, then the permission, then everything else at once.
async fn every_bad_field_of_a_list_is_told_at_once(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let time = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
    let bad = ListEntriesRequest {
        service: "spaces".into(),
        start_time: time(-1, 0),
        end_time: time(0, -1),
        actor: "alice".into(),
        resource: "members".into(),
        page_size: -1,
        page_token: "x".into(),
        ..entries_of(&space)
    };
    let all = refused(page_of_entries(&alice, Service::Space, bad.clone()).await);
    let fields = ["service", "start_time", "end_time", "actor", "resource", "page_size"];
    assert_eq!(all.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", fields.to_vec()));
    for start_sequence in [-1, 1] {
        let of_no_journal = ListEntriesRequest { start_sequence, ..entries_of(&space) };
        let refused = refused(page_of_entries(&alice, Service::Space, of_no_journal).await);
        assert_eq!(refused.fields, ["start_sequence"]);
    }
    for service in ["membership", "billing"] {
        let elsewhere = ListEntriesRequest { service: service.into(), ..entries_of(&space) };
        assert_eq!(refused(page_of_entries(&alice, Service::Space, elsewhere).await).fields, ["service"]);
    }
    let stranger = refused(page_of_entries(&suite.user("mallory"), Service::Space, bad.clone()).await);
    assert_eq!(stranger.code, Code::PermissionDenied);
    for parent in ["", "spaces", "spaces/1", "vendorProfiles/0190a8d0-7b1c-7def-8000-000000000001"] {
        let nameless = ListEntriesRequest { parent: parent.into(), ..bad.clone() };
        assert_eq!(
            refused(page_of_entries(&suite.user("mallory"), Service::Space, nameless).await).fields,
            ["parent"]
        );
        let request = VerifyScopeRequest { scope: parent.into() };
        assert_eq!(refused(alice.journal(Service::Space).verify_scope(request).await).fields, ["scope"]);
    }
}
