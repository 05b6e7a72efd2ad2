//! The journal of an app, and what of it stands in that of its space.
use devspaces::Service;
use devspaces_proto::journal::v1::{Entry, ListEntriesRequest, VerifyScopeRequest};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    apps::{deletes_app, imported_app, links_app, undeletes_app},
    contributors::{DEPLOYER, adds_contributors},
    journal::{entries_of, lists_entries, page_of_entries},
    members::{DEVELOPER, adds_members, removes_member},
};

scenarios! {
    everywhere:
        an_admin_reads_what_happened_to_an_app,
        the_journal_of_an_app_is_for_the_admins_of_the_space_that_it_is_in;
}

/// What was done, and by whom: the method's name, the actor, and on whose behalf.
fn acts(entries: &[Entry]) -> Vec<(&str, &str, &str)> {
    let name = |method: &str| method.len() - method.rsplit('/').next().map_or(0, str::len);
    entries
        .iter()
        .map(|it| (&it.method[name(&it.method)..], it.actor.as_str(), it.on_behalf_of.as_str()))
        .collect()
}

// R-J1, R-J3, R-A6: what an Admin gives to themselves, and what a removal takes away, is in the journal's sight.
async fn an_admin_reads_what_happened_to_an_app(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let app = bob.creates_app(&space).await;
    adds_contributors(&alice, &app, &[(&alice, DEPLOYER)]).await.expect("added");
    removes_member(&alice, &space, &bob).await.expect("removed");
    let of_app = lists_entries(&alice, Service::Space, entries_of(&app)).await;
    let expected = [
        ("CreateApp", bob.name.as_str(), ""),
        ("AddContributors", &alice.name, ""),
        ("RemoveMember", "services/membership", &alice.name),
    ];
    assert_eq!(acts(&of_app), expected);
    let by_resource = ListEntriesRequest { resource: app.clone(), ..entries_of(&space) };
    let of_space = lists_entries(&alice, Service::Space, by_resource).await;
    assert_eq!(acts(&of_space), expected, "the space's journal tells of its apps");
    let of_person = ListEntriesRequest { resource: bob.contributor_to(&app), ..entries_of(&app) };
    assert_eq!(acts(&lists_entries(&alice, Service::Space, of_person).await), [expected[0], expected[2]]);
    let mut journals = devspaces_proto::journal::v1::journal_service_client::JournalServiceClient::new(
        alice.authorized(Service::Space),
    );
    let verified =
        journals.verify_scope(VerifyScopeRequest { scope: app }).await.expect("verified").into_inner();
    assert_eq!((verified.verifications[0].entries, verified.verifications[0].findings.len()), (3, 0));
}

// R-J3, R-P3
async fn the_journal_of_an_app_is_for_the_admins_of_the_space_that_it_is_in(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER)]).await.expect("added");
    let app = imported_app(&suite, &bob).await;
    let denied =
        |app: &str| format!("Permission 'journal.console.get' denied on '{app}' (or it might not exist)");
    for who in [&alice, &bob] {
        let refusal = refused(page_of_entries(who, Service::Space, entries_of(&app)).await);
        assert_eq!((refusal.code, refusal.message), (Code::PermissionDenied, denied(&app)), "in no space");
    }
    links_app(&bob, &app, &space).await.expect("linked");
    assert_eq!(lists_entries(&alice, Service::Space, entries_of(&app)).await.len(), 2);
    let owner = refused(page_of_entries(&bob, Service::Space, entries_of(&app)).await);
    assert_eq!(owner.message, denied(&app), "its OWNER administers no console");
    deletes_app(&bob, &app).await.expect("deleted");
    let deleted = refused(page_of_entries(&alice, Service::Space, entries_of(&app)).await);
    assert_eq!(deleted.message, denied(&app), "a deleted app is in no space");
    undeletes_app(&bob, &app).await.expect("had back");
    assert_eq!(lists_entries(&alice, Service::Space, entries_of(&app)).await.len(), 4);
}
