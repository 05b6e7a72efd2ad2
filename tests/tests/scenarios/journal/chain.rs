use std::collections::BTreeSet;

use devspaces::Service;
use devspaces_ledger::{
    db::Pool,
    erasure::Found,
    journal::{self, Checkpoint, Finding, Problem, Report},
};
use devspaces_proto::{
    journal::v1::{
        self as proto, Verification, VerifyScopeRequest, journal_service_client::JournalServiceClient,
    },
    membership::v1::Member,
    space::v1::{Space, UpdateSpaceRequest},
};
use devspaces_tests::{
    CONSOLE, Persona, Suite, refused,
    sql::{count, pairs, tamper, texts},
};
use prost_reflect::DescriptorPool;
use serde_json::Value;
use tonic::Code;

use crate::acts::{
    journal::{erases_person, history_of_members},
    members::{
        ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, demotes_member, leaves_space, member,
        removes_member, updates_member,
    },
    spaces::{archives_space, gets_space, renames_space, restores_space},
};

scenarios! {
    both engines:
        every_change_is_in_the_journal_of_its_scope,
        what_changes_nothing_writes_nothing,
        a_whole_journal_verifies,
        a_changed_entry_is_found,
        a_changed_actor_is_found,
        a_missing_entry_is_found,
        a_cut_off_end_is_found_by_the_head_or_the_checkpoint,
        a_rewritten_end_is_found_by_the_checkpoint,
        an_etag_from_before_a_restore_is_stale,
        a_person_is_erased_and_the_chain_holds,
        an_admin_verifies_a_scope_over_the_api,
        a_head_that_is_gone_or_set_back_is_found,
        every_change_of_a_fact_moves_the_facts_version,
        every_entry_names_a_method_of_the_api_and_who_called_it;
}

async fn verify(pool: &Pool, checkpoints: &[Checkpoint]) -> Report {
    journal::verify(pool, checkpoints).await.expect("a report")
}

async fn heads(pool: &Pool) -> Checkpoint {
    journal::heads(&mut pool.read().await.expect("a connection")).await.expect("the heads")
}

/// What an entry says of its origin: the method, who did it, and on whose behalf.
type Origin = (String, String, Option<String>);

/// The origins of all entries, in their order. Personal details are read from where they are kept.
async fn origins(pool: &Pool) -> Vec<Origin> {
    let entries = pairs(pool, "SELECT content, personal FROM journal ORDER BY scope, sequence").await;
    let origin = |(content, personal): &(String, String)| {
        let content: Value = serde_json::from_str(content).expect("JSON");
        let personal: Value = serde_json::from_str(personal).expect("JSON");
        let text = |field: &str| {
            let text = content[field].as_str()?;
            let Some(index) = text.strip_prefix('~') else { return Some(text.to_owned()) };
            let index: usize = index.parse().expect("a reference");
            Some(personal[index]["value"].as_str().expect("a detail").to_owned())
        };
        (text("method").expect("a method"), text("actor").expect("an actor"), text("on_behalf_of"))
    };
    entries.iter().map(origin).collect()
}

/// Every method of the API, in the form in which entries name them.
fn api() -> BTreeSet<String> {
    let pool = DescriptorPool::decode(devspaces_proto::DESCRIPTOR_SET).expect("the API's descriptors");
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| format!("{}/{}", method.parent_service().full_name(), method.name())).collect()
}

/// The sequences of the last entry, and of the last that changed a fact, in the only journal there is.
async fn ends(pool: &Pool) -> (i64, i64) {
    (count(pool, "SELECT sequence FROM head").await, count(pool, "SELECT facts_sequence FROM head").await)
}

fn found(scope: &str, sequence: i64, problem: Problem) -> Finding {
    Finding { scope: scope.to_owned(), sequence, problem }
}

// R-J1
async fn every_change_is_in_the_journal_of_its_scope(suite: Suite) {
    let space = history_of_members(&suite).await;
    let members = suite.pool(Service::Membership).await;
    assert_eq!(heads(&members).await.heads[&space].0, 5);
    let spaces = suite.pool(Service::Space).await;
    assert_eq!(heads(&spaces).await.heads[&space].0, 1);
    let contents = texts(&members, "SELECT content FROM journal ORDER BY sequence").await;
    let methods: Vec<_> = contents
        .iter()
        .map(|content| {
            let content: serde_json::Value = serde_json::from_str(content).expect("JSON");
            content["method"].as_str().expect("a method").rsplit('/').next().expect("a name").to_owned()
        })
        .collect();
    assert_eq!(methods, ["CreateSpace", "AddMembers", "AddMembers", "UpdateMember", "RemoveMember"]);
    let demotion: serde_json::Value = serde_json::from_str(&contents[3]).expect("JSON");
    assert_eq!(demotion["before"]["role"], "DEVELOPER");
    assert_eq!(demotion["after"]["role"], "VIEWER");
}

// R-J1: refused, previewed and idle calls change nothing and write nothing.
async fn what_changes_nothing_writes_nothing(suite: Suite) {
    let space = history_of_members(&suite).await;
    let alice = suite.user("alice");
    let before = heads(&suite.pool(Service::Membership).await).await;
    adds_members(&suite.user("mallory"), &space, &[(&alice, VIEWER)]).await.expect_err("refused");
    adds_members(&alice, &space, &[(&suite.user("bob"), VIEWER)]).await.expect_err("refused");
    let preview = devspaces_proto::membership::v1::RemoveMemberRequest {
        name: suite.user("bob").member_of(&space),
        validate_only: true,
        ..Default::default()
    };
    alice.members().remove_member(preview).await.expect("a preview");
    let same = devspaces_proto::membership::v1::UpdateMemberRequest {
        member: Some(devspaces_proto::membership::v1::Member {
            name: suite.user("bob").member_of(&space),
            role: ADMIN.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    alice.members().update_member(same).await.expect("nothing to change");
    assert_eq!(heads(&suite.pool(Service::Membership).await).await, before);
}

// R-J2
async fn a_whole_journal_verifies(suite: Suite) {
    history_of_members(&suite).await;
    for service in CONSOLE {
        let pool = suite.pool(service).await;
        let report = verify(&pool, &[heads(&pool).await]).await;
        assert_eq!((report.scopes, report.findings), (1, vec![]), "{service}");
        assert!(report.entries > 0);
    }
}

// R-J2
async fn a_changed_entry_is_found(suite: Suite) {
    let space = history_of_members(&suite).await;
    let pool = suite.pool(Service::Membership).await;
    tamper(&pool, "UPDATE journal SET content = replace(content, 'DEVELOPER', 'ADMIN') WHERE sequence = 3")
        .await;
    assert_eq!(verify(&pool, &[]).await.findings, [found(&space, 3, Problem::Changed)]);
}

// R-J2: who did it is covered too, though it can be erased.
async fn a_changed_actor_is_found(suite: Suite) {
    let space = history_of_members(&suite).await;
    let pool = suite.pool(Service::Membership).await;
    tamper(
        &pool,
        "UPDATE journal SET personal = replace(personal, 'users/bob', 'users/eve') WHERE sequence = 5",
    )
    .await;
    assert_eq!(verify(&pool, &[]).await.findings, [found(&space, 5, Problem::Changed)]);
}

// R-J2
async fn a_missing_entry_is_found(suite: Suite) {
    let space = history_of_members(&suite).await;
    let pool = suite.pool(Service::Membership).await;
    tamper(&pool, "DELETE FROM journal WHERE sequence = 2").await;
    assert_eq!(verify(&pool, &[]).await.findings, [found(&space, 2, Problem::Missing)]);
}

// R-J2
async fn a_cut_off_end_is_found_by_the_head_or_the_checkpoint(suite: Suite) {
    let space = history_of_members(&suite).await;
    let pool = suite.pool(Service::Membership).await;
    let checkpoint = heads(&pool).await;
    tamper(&pool, "DELETE FROM journal WHERE sequence > 3").await;
    assert_eq!(verify(&pool, &[]).await.findings, [found(&space, 4, Problem::CutOff)]);
    // Whoever also sets the head back deceives all but the checkpoint.
    tamper(&pool, "UPDATE head SET sequence = 3, hash = (SELECT hash FROM journal WHERE sequence = 3)").await;
    assert_eq!(verify(&pool, &[]).await.findings, []);
    assert_eq!(
        verify(&pool, std::slice::from_ref(&checkpoint)).await.findings,
        [found(&space, 4, Problem::CutOff)]
    );
    tamper(&pool, "DELETE FROM journal").await;
    tamper(&pool, "DELETE FROM head").await;
    assert_eq!(verify(&pool, &[]).await.findings, []);
    assert_eq!(
        verify(&pool, std::slice::from_ref(&checkpoint)).await.findings,
        [found(&space, 1, Problem::CutOff)]
    );
}

// R-J2: a chain that was rewritten from some point on is whole in itself.
async fn a_rewritten_end_is_found_by_the_checkpoint(suite: Suite) {
    let space = history_of_members(&suite).await;
    let pool = suite.pool(Service::Membership).await;
    let checkpoint = heads(&pool).await;
    tamper(&pool, "DELETE FROM journal WHERE sequence > 4").await;
    tamper(&pool, "UPDATE head SET sequence = 4, hash = (SELECT hash FROM journal WHERE sequence = 4)").await;
    adds_members(&suite.user("alice"), &space, &[(&suite.user("eve"), ADMIN)]).await.expect("added");
    assert_eq!(verify(&pool, &[]).await.findings, []);
    assert_eq!(
        verify(&pool, std::slice::from_ref(&checkpoint)).await.findings,
        [found(&space, 5, Problem::Rewritten)]
    );
}

// R-J2: after a restore another entry has the place of the one that an etag was read from.
async fn an_etag_from_before_a_restore_is_stale(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let pool = suite.pool(Service::Space).await;
    let [revision] = &texts(&pool, "SELECT CAST(revision AS TEXT) FROM space").await[..] else {
        panic!("one space")
    };
    renames_space(&alice, &space, "Before").await;
    let read = gets_space(&alice, &space).await.expect("the space");
    // Back to what it was before that.
    tamper(&pool, "DELETE FROM journal WHERE sequence = 2").await;
    tamper(&pool, "UPDATE head SET sequence = 1, hash = (SELECT hash FROM journal WHERE sequence = 1)").await;
    tamper(&pool, &format!("UPDATE space SET display_name = 'Team', revision = {revision}")).await;
    renames_space(&alice, &space, "After").await;
    assert_eq!(heads(&pool).await.heads[&space].0, 2, "as far as it was");
    let change = Space { display_name: "Blind".to_owned(), ..read };
    let update = UpdateSpaceRequest { space: Some(change), ..UpdateSpaceRequest::default() };
    assert_eq!(refused(alice.spaces().update_space(update).await).kind(), (Code::Aborted, "ETAG_STALE"));
    assert_eq!(gets_space(&alice, &space).await.expect("the space").display_name, "After");
}

// R-J1
async fn a_person_is_erased_and_the_chain_holds(suite: Suite) {
    history_of_members(&suite).await;
    let pool = suite.pool(Service::Membership).await;
    let checkpoint = heads(&pool).await;
    let all = async || {
        let rows = texts(&pool, "SELECT content || personal FROM journal").await;
        rows.concat()
    };
    assert!(all().await.contains("users/carol"));
    let found = erases_person(&pool, "carol").await;
    assert_eq!(found, [Found { what: "entries of the journal", rows: 3, stays: false }]);
    let after = all().await;
    assert!(!after.contains("carol") && after.contains("users/bob"));
    assert_eq!(verify(&pool, std::slice::from_ref(&checkpoint)).await.findings, []);
}

// R-J2, R-J3
async fn an_admin_verifies_a_scope_over_the_api(suite: Suite) {
    let space = history_of_members(&suite).await;
    let request = VerifyScopeRequest { scope: space.clone() };
    let verify = async |who: &Persona| {
        let port = who.authorized(Service::Membership);
        JournalServiceClient::new(port).verify_scope(request.clone()).await
    };
    let whole = verify(&suite.user("alice")).await.expect("a verification").into_inner().verifications;
    let only = |found: &[Verification]| {
        (found.len(), found[0].service.clone(), found[0].entries, found[0].findings.clone())
    };
    assert_eq!(only(&whole), (1, "membership".to_owned(), 5, vec![]));
    tamper(&suite.pool(Service::Membership).await, "DELETE FROM journal WHERE sequence = 2").await;
    let broken = verify(&suite.user("alice")).await.expect("a verification").into_inner().verifications;
    let missing = proto::Finding { sequence: 2, problem: proto::finding::Problem::Missing.into() };
    assert_eq!(only(&broken), (1, "membership".to_owned(), 4, vec![missing]));
    let stranger = refused(verify(&suite.user("carol")).await);
    assert_eq!(stranger.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "carol was removed");
}

// R-J2: entries that the head does not know.
async fn a_head_that_is_gone_or_set_back_is_found(suite: Suite) {
    let space = history_of_members(&suite).await;
    let pool = suite.pool(Service::Membership).await;
    let alice = suite.user("alice");
    for (statement, first) in [
        ("UPDATE head SET sequence = 3, hash = (SELECT hash FROM journal WHERE sequence = 3)", 4),
        ("UPDATE head SET sequence = 0", 1),
        ("DELETE FROM head", 1),
    ] {
        tamper(&pool, statement).await;
        assert_eq!(
            verify(&pool, &[]).await.findings,
            [found(&space, first, Problem::Unknown)],
            "{statement}"
        );
        let port = alice.authorized(Service::Membership);
        let request = VerifyScopeRequest { scope: space.clone() };
        let answer = JournalServiceClient::new(port).verify_scope(request).await.expect("a verification");
        let unknown = proto::Finding { sequence: first, problem: proto::finding::Problem::Unknown.into() };
        assert_eq!(answer.into_inner().verifications[0].findings, [unknown], "{statement}");
    }
}

// Bump: every change of what somebody may moves the version by which others know the facts; no other change does.
async fn every_change_of_a_fact_moves_the_facts_version(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let (spaces, members) = (suite.pool(Service::Space).await, suite.pool(Service::Membership).await);
    assert_eq!((ends(&spaces).await, ends(&members).await), ((1, 1), (1, 1)), "CreateSpace, and its effect");

    renames_space(&alice, &space, "Other").await;
    assert_eq!(ends(&spaces).await, (2, 1), "UpdateSpace changes nobody's permissions");
    archives_space(&alice, &space).await.expect("archived");
    assert_eq!(ends(&spaces).await, (3, 3), "ArchiveSpace");
    restores_space(&alice, &space).await.expect("restored");
    assert_eq!(ends(&spaces).await, (4, 4), "RestoreSpace");
    renames_space(&alice, &space, "Another").await;
    assert_eq!(ends(&spaces).await, (5, 4), "UpdateSpace");

    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    assert_eq!(ends(&members).await, (2, 2), "AddMembers");
    let named = Member { name: bob.member_of(&space), ..Member::default() };
    let changes = [
        ("role", Member { role: DEVELOPER.into(), ..named.clone() }),
        ("view_all_apps", Member { view_all_apps: true, ..named.clone() }),
        ("expire_time", Member { expire_time: Some(suite.clock_in(3600)), ..named.clone() }),
        ("expire_time", named),
    ];
    for (sequence, (field, change)) in (3..).zip(changes) {
        updates_member(&alice, change, &[field]).await.expect("changed");
        assert_eq!(ends(&members).await, (sequence, sequence), "UpdateMember {field}");
    }
    removes_member(&alice, &space, &bob).await.expect("removed");
    assert_eq!(ends(&members).await, (7, 7), "RemoveMember");
    adds_members_as_given(&alice, &space, vec![member(&bob, VIEWER)]).await.expect("added");
    leaves_space(&bob, &space).await.expect("left");
    assert_eq!(ends(&members).await, (9, 9), "LeaveSpace");
    assert_eq!(ends(&spaces).await, (5, 4), "each journal is its own service's");
}

// R-J1, R-P7
async fn every_entry_names_a_method_of_the_api_and_who_called_it(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    renames_space(&alice, &space, "Other").await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&carol, DEVELOPER)]).await.expect("added");
    demotes_member(&bob, &space, &carol).await.expect("demoted");
    archives_space(&bob, &space).await.expect("archived");
    restores_space(&alice, &space).await.expect("restored");
    removes_member(&bob, &space, &carol).await.expect("removed");
    leaves_space(&bob, &space).await.expect("left");

    let by = |method: &str, actor: &str| (method.to_owned(), actor.to_owned(), None);
    let spaces = origins(&suite.pool(Service::Space).await).await;
    assert_eq!(
        spaces,
        [
            by("devspaces.space.v1.SpaceService/CreateSpace", "users/alice"),
            by("devspaces.space.v1.SpaceService/UpdateSpace", "users/alice"),
            by("devspaces.space.v1.SpaceService/ArchiveSpace", "users/bob"),
            by("devspaces.space.v1.SpaceService/RestoreSpace", "users/alice"),
        ]
    );
    let members = origins(&suite.pool(Service::Membership).await).await;
    assert_eq!(
        members[1..],
        [
            by("devspaces.membership.v1.MembershipService/AddMembers", "users/alice"),
            by("devspaces.membership.v1.MembershipService/UpdateMember", "users/bob"),
            by("devspaces.membership.v1.MembershipService/RemoveMember", "users/bob"),
            by("devspaces.membership.v1.MembershipService/LeaveSpace", "users/bob"),
        ]
    );
    let (method, actor, on_behalf_of) = &members[0];
    assert_eq!(method, "devspaces.space.v1.SpaceService/CreateSpace", "an effect names what it follows from");
    assert_eq!((actor.as_str(), on_behalf_of.as_deref()), ("services/space", Some("users/alice")));
    let api = api();
    for (method, ..) in spaces.iter().chain(&members) {
        assert!(api.contains(method), "{method} is no method of the API");
    }
}
