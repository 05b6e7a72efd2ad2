use devspaces_proto::space::v1::{
    AddContributorsRequest, Contributor, ContributorRole, ListSpacesRequest, SpaceAccess, UndeleteAppRequest,
    space_access::ConsoleRole,
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::Code;

use crate::{
    acts::{
        apps::deletes_app,
        members::{DEVELOPER, VIEWER, adds_members, removes_member},
    },
    rounds::rounds,
};

scenarios! {
    everywhere:
        the_switcher_lists_the_spaces_in_which_one_has_a_role,
        pages_of_the_switcher_neither_skip_nor_repeat,
        the_switcher_forgets_a_space_at_once,
        the_switcher_lists_the_spaces_of_apps_in_use;
}

async fn all(who: &Persona, page_size: i32) -> Vec<SpaceAccess> {
    let mut request = ListSpacesRequest { page_size, page_token: String::new() };
    let mut spaces = Vec::new();
    loop {
        let page = who.spaces().list_spaces(request.clone()).await.expect("a page").into_inner();
        let most = if page_size == 0 { 50 } else { usize::try_from(page_size).expect("a size") };
        assert!(page.spaces.len() <= most);
        spaces.extend(page.spaces);
        if page.next_page_token.is_empty() {
            return spaces;
        }
        request.page_token = page.next_page_token;
    }
}

fn names(spaces: &[SpaceAccess]) -> Vec<String> {
    spaces.iter().map(|access| access.space.clone().expect("a space").name).collect()
}

/// Gives someone a role on a new app of a space.
async fn new_app_of(owner: &Persona, space: &str, whom: &Persona) -> String {
    let parent = owner.creates_app(space).await;
    let role = ContributorRole::Viewer.into();
    let contributors = vec![Contributor { user: whom.name.clone(), role, ..Contributor::default() }];
    let request = AddContributorsRequest { parent: parent.clone(), contributors, ..Default::default() };
    owner.apps().add_contributors(request).await.expect("added");
    parent
}

// R-S2
async fn the_switcher_lists_the_spaces_in_which_one_has_a_role(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    assert!(all(&bob, 0).await.is_empty());
    let (one, two) = (alice.creates_space("One").await, alice.creates_space("Two").await);
    let own = bob.creates_space("Own").await;
    adds_members(&alice, &one, &[(&bob, DEVELOPER)]).await.expect("added");
    let spaces = all(&bob, 0).await;
    assert_eq!(names(&spaces), [one.clone(), own.clone()], "oldest first, and no other");
    let roles: Vec<_> = spaces.iter().map(|access| (access.console_role(), access.limited)).collect();
    assert_eq!(roles, [(ConsoleRole::Developer, false), (ConsoleRole::Admin, false)]);
    assert_eq!(spaces[0].space.as_ref().expect("a space").display_name, "One");
    removes_member(&alice, &one, &bob).await.expect("removed");
    assert_eq!(names(&all(&bob, 0).await), [own]);
    assert_eq!(names(&all(&alice, 0).await), [one, two]);
}

// R-S2
async fn pages_of_the_switcher_neither_skip_nor_repeat(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let mut created = Vec::new();
    for number in 0..9 {
        created.push(alice.creates_space(&format!("Space {number}")).await);
    }
    for page_size in [1, 2, 4, 9, 10] {
        assert_eq!(names(&all(&alice, page_size).await), created, "pages of {page_size}");
    }
    let first = ListSpacesRequest { page_size: 2, page_token: String::new() };
    let token = alice.spaces().list_spaces(first).await.expect("a page").into_inner().next_page_token;
    let foreign = ListSpacesRequest { page_size: 2, page_token: token };
    let refusal = refused(bob.spaces().list_spaces(foreign).await);
    assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "PAGE_TOKEN_INVALID", vec!["page_token"]));
}

// R-S2, R-M5
async fn the_switcher_forgets_a_space_at_once(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    for _ in 0..rounds(10) {
        adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
        assert_eq!(all(&bob, 0).await.len(), 1);
        removes_member(&alice, &space, &bob).await.expect("removed");
        assert!(all(&bob, 0).await.is_empty());
    }
}

// R-S2, R-A10: a space in which somebody only contributes to apps is listed once, while one of these is in use.
async fn the_switcher_lists_the_spaces_of_apps_in_use(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let (mut spaces, mut apps) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let space = alice.creates_space("Team").await;
        for _ in 0..3 {
            apps.push(new_app_of(&alice, &space, &bob).await);
        }
        spaces.push(space);
    }
    for page_size in [1, 3, 4, 5] {
        let listed = all(&bob, page_size).await;
        assert!(listed.iter().all(|access| access.limited));
        assert_eq!(names(&listed), spaces, "pages of {page_size}");
    }
    for app in [&apps[0], &apps[3], &apps[4], &apps[5]] {
        deletes_app(&alice, app).await.expect("deleted");
    }
    let left = [spaces[0].clone(), spaces[2].clone(), spaces[3].clone()];
    for page_size in [1, 2, 3, 4] {
        assert_eq!(names(&all(&bob, page_size).await), left, "pages of {page_size}");
    }
    assert!(!bob.may("apps.list", &spaces[1]).await && bob.may("apps.list", &spaces[0]).await);
    let request = UndeleteAppRequest { name: apps[4].clone(), ..UndeleteAppRequest::default() };
    alice.apps().undelete_app(request).await.expect("undeleted");
    assert_eq!(names(&all(&bob, 0).await), spaces);
}
