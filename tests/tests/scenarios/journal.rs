use devspaces::Service;
use devspaces_kit::{
    db::Pool,
    journal::{self, Checkpoint, Finding, Problem, Report},
    name::Principal,
};
use devspaces_proto::journal::v1::{
    self as proto, Verification, VerifyScopeRequest, journal_service_client::JournalServiceClient,
};
use devspaces_tests::{Persona, Suite, both_engines, refused};
use sqlx::AssertSqlSafe;
use tonic::Code;

use crate::members::{ADMIN, DEVELOPER, VIEWER, adds, demotes, removes};

async fn verify(pool: &Pool, checkpoint: &Checkpoint) -> Report {
    journal::verify(&mut pool.read().await.expect("a connection"), std::slice::from_ref(checkpoint)).await.expect("a report")
}

async fn heads(pool: &Pool) -> Checkpoint {
    journal::heads(&mut pool.read().await.expect("a connection")).await.expect("the heads")
}

/// Runs a statement as somebody would who has broken into the database.
async fn tamper(pool: &Pool, statement: &str) {
    let sql = AssertSqlSafe(statement.to_owned());
    let rows = match pool {
        Pool::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.expect("done").rows_affected(),
        Pool::Postgres { main, .. } => sqlx::query(sql).execute(main).await.expect("done").rows_affected(),
    };
    assert!(rows > 0, "{statement} changed nothing");
}

/// Texts of a column, one for each entry.
async fn texts(pool: &Pool, query: &'static str) -> Vec<String> {
    match pool {
        Pool::Sqlite { read, .. } => sqlx::query_scalar(query).fetch_all(read).await.expect("texts"),
        Pool::Postgres { main, .. } => sqlx::query_scalar(query).fetch_all(main).await.expect("texts"),
    }
}

/// A space with a few changes of its members; its journal in the membership service has five entries.
async fn history(suite: &Suite) -> String {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    adds(&bob, &space, &[(&carol, DEVELOPER)]).await.expect("added");
    demotes(&alice, &space, &carol).await.expect("demoted");
    removes(&bob, &space, &carol).await.expect("removed");
    space
}

fn found(scope: &str, sequence: i64, problem: Problem) -> Finding {
    Finding { scope: scope.to_owned(), sequence, problem }
}

both_engines! {
    // R-J1
    async fn every_change_is_in_the_journal_of_its_scope(suite: Suite) {
        let space = history(&suite).await;
        let members = suite.pool(Service::Membership).await;
        assert_eq!(heads(&members).await.heads[&space].0, 5);
        let spaces = suite.pool(Service::Space).await;
        assert_eq!(heads(&spaces).await.heads[&space].0, 1);
        let contents = texts(&members, "SELECT content FROM journal ORDER BY sequence").await;
        let methods: Vec<_> = contents.iter().map(|content| {
            let content: serde_json::Value = serde_json::from_str(content).expect("JSON");
            content["method"].as_str().expect("a method").rsplit('/').next().expect("a name").to_owned()
        }).collect();
        assert_eq!(methods, ["CreateSpace", "AddMembers", "AddMembers", "UpdateMember", "RemoveMember"]);
        let demotion: serde_json::Value = serde_json::from_str(&contents[3]).expect("JSON");
        assert_eq!(demotion["before"]["role"], "DEVELOPER");
        assert_eq!(demotion["after"]["role"], "VIEWER");
    }

    // R-J1: refused, previewed and idle calls change nothing and write nothing.
    async fn what_changes_nothing_writes_nothing(suite: Suite) {
        let space = history(&suite).await;
        let alice = suite.user("alice");
        let before = heads(&suite.pool(Service::Membership).await).await;
        adds(&suite.user("mallory"), &space, &[(&alice, VIEWER)]).await.expect_err("refused");
        adds(&alice, &space, &[(&suite.user("bob"), VIEWER)]).await.expect_err("refused");
        let preview = devspaces_proto::membership::v1::RemoveMemberRequest {
            name: suite.user("bob").member_of(&space), validate_only: true, ..Default::default()
        };
        alice.members().remove_member(preview).await.expect("a preview");
        let same = devspaces_proto::membership::v1::UpdateMemberRequest {
            member: Some(devspaces_proto::membership::v1::Member {
                name: suite.user("bob").member_of(&space), role: ADMIN.into(), ..Default::default()
            }),
            ..Default::default()
        };
        alice.members().update_member(same).await.expect("nothing to change");
        assert_eq!(heads(&suite.pool(Service::Membership).await).await, before);
    }

    // R-J2
    async fn a_whole_journal_verifies(suite: Suite) {
        history(&suite).await;
        for service in Service::ALL {
            let pool = suite.pool(service).await;
            let report = verify(&pool, &heads(&pool).await).await;
            assert_eq!((report.scopes, report.findings), (1, vec![]), "{service}");
            assert!(report.entries > 0);
        }
    }

    // R-J2
    async fn a_changed_entry_is_found(suite: Suite) {
        let space = history(&suite).await;
        let pool = suite.pool(Service::Membership).await;
        tamper(&pool, "UPDATE journal SET content = replace(content, 'DEVELOPER', 'ADMIN') WHERE sequence = 3").await;
        assert_eq!(verify(&pool, &Checkpoint::default()).await.findings, [found(&space, 3, Problem::Changed)]);
    }

    // R-J2: who did it is covered too, though it can be erased.
    async fn a_changed_actor_is_found(suite: Suite) {
        let space = history(&suite).await;
        let pool = suite.pool(Service::Membership).await;
        tamper(&pool, "UPDATE journal SET personal = replace(personal, 'users/bob', 'users/eve') WHERE sequence = 5").await;
        assert_eq!(verify(&pool, &Checkpoint::default()).await.findings, [found(&space, 5, Problem::Changed)]);
    }

    // R-J2
    async fn a_missing_entry_is_found(suite: Suite) {
        let space = history(&suite).await;
        let pool = suite.pool(Service::Membership).await;
        tamper(&pool, "DELETE FROM journal WHERE sequence = 2").await;
        assert_eq!(verify(&pool, &Checkpoint::default()).await.findings, [found(&space, 2, Problem::Missing)]);
    }

    // R-J2
    async fn a_cut_off_end_is_found_by_the_head_or_the_checkpoint(suite: Suite) {
        let space = history(&suite).await;
        let pool = suite.pool(Service::Membership).await;
        let checkpoint = heads(&pool).await;
        tamper(&pool, "DELETE FROM journal WHERE sequence > 3").await;
        assert_eq!(verify(&pool, &Checkpoint::default()).await.findings, [found(&space, 4, Problem::CutOff)]);
        // Whoever also sets the head back deceives all but the checkpoint.
        tamper(&pool, "UPDATE head SET sequence = 3, hash = (SELECT hash FROM journal WHERE sequence = 3)").await;
        assert_eq!(verify(&pool, &Checkpoint::default()).await.findings, []);
        assert_eq!(verify(&pool, &checkpoint).await.findings, [found(&space, 4, Problem::CutOff)]);
        tamper(&pool, "DELETE FROM journal").await;
        tamper(&pool, "DELETE FROM head").await;
        assert_eq!(verify(&pool, &Checkpoint::default()).await.findings, []);
        assert_eq!(verify(&pool, &checkpoint).await.findings, [found(&space, 1, Problem::CutOff)]);
    }

    // R-J2: a chain that was rewritten from some point on is whole in itself.
    async fn a_rewritten_end_is_found_by_the_checkpoint(suite: Suite) {
        let space = history(&suite).await;
        let pool = suite.pool(Service::Membership).await;
        let checkpoint = heads(&pool).await;
        tamper(&pool, "DELETE FROM journal WHERE sequence > 4").await;
        tamper(&pool, "UPDATE head SET sequence = 4, hash = (SELECT hash FROM journal WHERE sequence = 4)").await;
        adds(&suite.user("alice"), &space, &[(&suite.user("eve"), ADMIN)]).await.expect("added");
        assert_eq!(verify(&pool, &Checkpoint::default()).await.findings, []);
        assert_eq!(verify(&pool, &checkpoint).await.findings, [found(&space, 5, Problem::Rewritten)]);
    }

    // R-J1
    async fn a_person_is_erased_and_the_chain_holds(suite: Suite) {
        history(&suite).await;
        let pool = suite.pool(Service::Membership).await;
        let checkpoint = heads(&pool).await;
        let all = async || {
            let rows = texts(&pool, "SELECT content || personal FROM journal").await;
            rows.concat()
        };
        assert!(all().await.contains("users/carol"));
        let erased = journal::erase(&pool, &Principal::user("carol"), None).await.expect("erased");
        assert_eq!(erased, 3);
        let after = all().await;
        assert!(!after.contains("carol") && after.contains("users/bob"));
        assert_eq!(verify(&pool, &checkpoint).await.findings, []);
    }

    // R-J2, R-J3
    async fn an_admin_verifies_a_scope_over_the_api(suite: Suite) {
        let space = history(&suite).await;
        let request = VerifyScopeRequest { scope: space.clone() };
        let verify = async |who: &Persona| {
            let port = who.authorized(Service::Membership);
            JournalServiceClient::new(port).verify_scope(request.clone()).await
        };
        let whole = verify(&suite.user("alice")).await.expect("a verification").into_inner().verifications;
        let only = |found: &[Verification]| (found.len(), found[0].service.clone(), found[0].entries, found[0].findings.clone());
        assert_eq!(only(&whole), (1, "membership".to_owned(), 5, vec![]));
        tamper(&suite.pool(Service::Membership).await, "DELETE FROM journal WHERE sequence = 2").await;
        let broken = verify(&suite.user("alice")).await.expect("a verification").into_inner().verifications;
        let missing = proto::Finding { sequence: 2, problem: proto::finding::Problem::Missing.into() };
        assert_eq!(only(&broken), (1, "membership".to_owned(), 4, vec![missing]));
        let stranger = refused(verify(&suite.user("carol")).await);
        assert_eq!(stranger.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "carol was removed");
    }
}
