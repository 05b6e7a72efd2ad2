//! Spaces that are left without an active Admin, as the operator's people find them.
use devspaces::Service;
use devspaces_proto::space::v1::ListOrphanedSpacesRequest;
use devspaces_tests::{Persona, Suite, refused};
use tonic::{Code, Status};

use crate::acts::{
    marketplace::creates_profile,
    members::{ADMIN, adds_members},
    people::{deactivates, reactivates},
    spaces::{archives_space, deletes_space},
};

scenarios! {
    both engines:
        spaces_without_an_active_admin_are_listed_for_the_operators_people,
        the_list_of_orphaned_spaces_is_given_whole_or_not_at_all;
}

async fn orphaned(who: &Persona, page_size: i32) -> Result<Vec<String>, Status> {
    let mut request = ListOrphanedSpacesRequest { page_size, page_token: String::new() };
    let mut names = Vec::new();
    loop {
        let page = who.spaces().list_orphaned_spaces(request.clone()).await?.into_inner();
        assert!(page.spaces.len() <= usize::try_from(page_size).expect("a size"));
        names.extend(page.spaces.into_iter().map(|space| space.name));
        if page.next_page_token.is_empty() {
            return Ok(names);
        }
        request.page_token = page.next_page_token;
    }
}

// R-M12, R-P8
async fn spaces_without_an_active_admin_are_listed_for_the_operators_people(suite: Suite) {
    let [alice, bob, operator] = ["alice", "bob", "operator"].map(|id| suite.user(id));
    let mut own = Vec::new();
    for _ in 0..5 {
        own.push(alice.creates_space("Own").await);
    }
    let shared = alice.creates_space("Shared").await;
    adds_members(&alice, &shared, &[(&bob, ADMIN)]).await.expect("added");
    let gone = alice.creates_space("Gone").await;
    archives_space(&alice, &gone).await.expect("archived");
    deletes_space(&alice, &gone).await.expect("deleted");
    assert_eq!(orphaned(&operator, 10).await.expect("a list"), Vec::<String>::new());
    let vendor = creates_profile(&bob, "Vendor").await.expect("a profile").space;
    archives_space(&alice, &own[4]).await.expect("archived");
    deactivates(&suite, &alice).await.expect("deactivated");
    let expected = [own, vec![vendor.clone()]].concat();
    for page_size in [1, 2, 10] {
        assert_eq!(orphaned(&operator, page_size).await.expect("a list"), expected);
    }
    for who in [&bob, &suite.persona("services/offboarding")] {
        let refusal = refused(orphaned(who, 10).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
    deactivates(&suite, &bob).await.expect("deactivated");
    assert_eq!(orphaned(&operator, 10).await.expect("a list").len(), 7);
    reactivates(&suite, &alice).await.expect("reactivated");
    assert_eq!(orphaned(&operator, 10).await.expect("a list"), [vendor]);
    deactivates(&suite, &operator).await.expect("deactivated");
    assert_eq!(refused(orphaned(&operator, 10).await).code, Code::PermissionDenied);
}

// R-P2
async fn the_list_of_orphaned_spaces_is_given_whole_or_not_at_all(suite: Suite) {
    let mut suite = suite;
    suite.user("alice").creates_space("Team").await;
    let operator = suite.user("operator");
    suite.stop(Service::Membership).await;
    let refusal = refused(orphaned(&operator, 10).await);
    assert_eq!(refusal.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"));
}
