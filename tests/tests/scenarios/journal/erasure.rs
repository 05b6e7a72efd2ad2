//! Erasure of a person from all that the suite keeps, and what is kept for a time only.
use devspaces::Service;
use devspaces_proto::{
    marketplace::v1::{CreateVendorProfileRequest, VendorProfile},
    membership::v1::{AddMembersRequest, RemoveMemberRequest},
    space::v1::{CreateSpaceRequest, Space},
};
use devspaces_tests::{Suite, refused, sql::count, suite::eventually};

use crate::acts::{
    commands::{on_all_services, runs, says},
    marketplace::{contact, creation_of_profile},
    members::{ADMIN, VIEWER, adds_members, member, removes_member},
    transfers::{TwoSpaces, accepts_transfer, gets_transfer, initiates_transfer},
};

scenarios! {
    both engines:
        a_person_is_erased_from_first_results_too,
        a_contact_is_found_by_its_address_however_it_is_written,
        who_initiated_a_transfer_is_erased_from_it,
        a_request_id_is_good_for_a_week;
}

const ID: &str = "0190a8d0-7b1c-7def-8000-00000000000b";
const DAY: std::time::Duration = std::time::Duration::from_hours(24);

// R-J1: what a person has now is told of and stays; once it is removed, nothing is left.
async fn a_person_is_erased_from_first_results_too(suite: Suite) {
    let [alice, bob, bobby] = ["alice", "bob", "bobby"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    for (who, request_id) in [(&bob, suite.request_id()), (&bobby, suite.request_id())] {
        let members = vec![member(who, VIEWER)];
        let add = AddMembersRequest { parent: space.clone(), members, request_id };
        alice.members().add_members(add).await.expect("added");
    }
    let url = suite.database_url();
    let pool = suite.pool(Service::Membership).await;
    let erase = on_all_services(&["journal", "erase", "users/bob", "--yes"], &url);
    let early = runs(&on_all_services(&["journal", "erase", "users/bob"], &url)).await;
    assert_eq!(early.status.code(), Some(1), "something would stay");
    let told = String::from_utf8(early.stdout).expect("text");
    for line in ["membership: 1 first results: would be erased", "membership: 1 memberships: stay: remove"] {
        assert!(told.lines().any(|it| it.starts_with(line)), "{told}");
    }
    assert_eq!(count(&pool, "SELECT count(*) FROM replay").await, 2, "a preview changes nothing");
    let creator = runs(&on_all_services(&["journal", "erase", "users/alice"], &url)).await;
    let told = String::from_utf8(creator.stdout).expect("text");
    for line in ["which spaces", "how many spaces"] {
        let line = format!("space: 1 notes of {line} the person made: would be erased");
        assert!(told.lines().any(|it| it.starts_with(&line)), "{told}");
    }

    let remove = RemoveMemberRequest {
        name: bob.member_of(&space),
        request_id: suite.request_id(),
        ..Default::default()
    };
    alice.members().remove_member(remove).await.expect("removed");
    says(&erase).await;
    // Bobby's, and that of the removal, which names nobody.
    assert_eq!(count(&pool, "SELECT count(*) FROM replay").await, 2);
    let departed = suite.pool(Service::Space).await;
    assert_eq!(count(&departed, "SELECT count(*) FROM departure").await, 0);
    let nothing = says(&erase).await;
    for service in Service::ALL {
        assert!(nothing.contains(&format!("{service}: nothing tells of the person")), "{nothing}");
    }
    says(&on_all_services(&["journal", "verify"], &url)).await;
}

// R-J1: how an address is written is up to whom it is told; no character of it stands for another.
async fn a_contact_is_found_by_its_address_however_it_is_written(suite: Suite) {
    let mona = suite.user("mona");
    let contacts = vec![contact("Ann", "Ann_Bo@Team.Example")];
    let vendor_profile =
        Some(VendorProfile { contacts, ..creation_of_profile("Acme").vendor_profile.expect("one") });
    let request = CreateVendorProfileRequest { vendor_profile, ..creation_of_profile("") };
    mona.profiles().create_vendor_profile(request).await.expect("created");
    let url = suite.database_url();
    let told = async |email| {
        let erase = on_all_services(&["journal", "erase", "users/nobody", "--email", email], &url);
        String::from_utf8(runs(&erase).await.stdout).expect("text")
    };
    let found = "marketplace: 1 vendor profiles with the address among their contacts: stay";
    for (email, is_found) in [
        ("ann_bo@team.example", true),
        ("ANN_BO@TEAM.EXAMPLE", true),
        ("ann%@team.example", false),
        ("an__bo@team.example", false),
        ("bo@team.example", false),
    ] {
        let told = told(email).await;
        assert_eq!(told.contains(found), is_found, "{email}: {told}");
    }
}

// R-J5
async fn a_request_id_is_good_for_a_week(suite: Suite) {
    let create = || CreateSpaceRequest {
        space: Some(Space { display_name: "Team".to_owned(), ..Space::default() }),
        request_id: ID.to_owned(),
        ..CreateSpaceRequest::default()
    };
    let first = suite.user("alice").spaces().create_space(create()).await.expect("created").into_inner();
    let pool = suite.pool(Service::Space).await;
    suite.clock.advance(DAY * 7);
    let again = suite.user("alice").spaces().create_space(create()).await.expect("replayed").into_inner();
    assert_eq!(again, first);
    suite.clock.advance(DAY);
    eventually(async || (count(&pool, "SELECT count(*) FROM replay").await == 0).then_some(())).await;
    let other = suite.user("alice").spaces().create_space(create()).await.expect("created").into_inner();
    assert_ne!(other.name, first.name);
}

// R-J1, R-A7: what nobody initiated any more, nobody accepts.
async fn who_initiated_a_transfer_is_erased_from_it(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let amy = suite.user("amy");
    adds_members(&it.alice, &it.source, &[(&amy, ADMIN)]).await.expect("added");
    let transfer = initiates_transfer(&amy, &it.app, &it.destination).await.expect("proposed").name;
    removes_member(&it.alice, &it.source, &amy).await.expect("removed");
    let url = suite.database_url();
    let erase = on_all_services(&["journal", "erase", "users/amy", "--yes"], &url);
    let told = String::from_utf8(runs(&erase).await.stdout).expect("text");
    assert!(told.contains("space: 1 transfers that the person initiated"), "{told}");
    let left = gets_transfer(&it.dan, &transfer).await.expect("the transfer");
    assert_eq!(left.initiator, "users/%28erased%29");
    assert_eq!(refused(accepts_transfer(&it.dan, &transfer).await).blockers, ["INITIATOR_NOT_ADMIN"]);
}
