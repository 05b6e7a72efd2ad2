//! Acting: whoever changes something decides again, in the transaction, by the facts of its own.
use std::sync::{Arc, atomic::Ordering};

use devspaces_authz::{AppRole, ConsoleRole, Permission, Service, SpaceFacts, SpaceState};
use devspaces_kit::{
    name::{AppName, Scope},
    status::{Fault, Reason},
};
use devspaces_ledger::{Act, Tx};
use uuid::Uuid;

use crate::{
    facts::OwnFacts,
    gate::Gate,
    resource::Resource,
    sources::NamedPermissions,
    testing::{
        Database, Memory, TestClock, app_facts, at, caller, gate_of, held, member, question, space, user,
    },
};

const ADMIN: Option<ConsoleRole> = Some(ConsoleRole::Admin);

struct World {
    spaces: Arc<Memory>,
    members: Arc<Memory>,
    clock: Arc<TestClock>,
    database: Database,
}

impl World {
    /// Alice is Admin of an unpublished space.
    async fn new() -> Self {
        let (spaces, members) = (Memory::of(Service::Space), Memory::of(Service::Membership));
        members.set(question(space(1), "alice"), 1, member(ADMIN));
        Self { spaces, members, clock: TestClock::at(0), database: Database::new().await }
    }

    fn gate(&self, home: &Arc<Memory>) -> Gate {
        let sources = [self.spaces.source(&self.clock), self.members.source(&self.clock)];
        gate_of(home.clone(), sources, NamedPermissions::default(), &self.clock)
    }

    async fn transaction(&self, scope: impl Into<Scope>) -> Tx {
        self.transaction_on(&[scope.into()]).await
    }

    async fn transaction_on(&self, scopes: &[Scope]) -> Tx {
        let act = Act { actor: user("alice"), on_behalf_of: None, method: "Test/Do".to_owned(), time: at(0) };
        self.database.pool.begin(scopes, act).await.unwrap()
    }
}

#[tokio::test]
async fn a_role_lost_since_the_check_no_longer_allows() {
    let world = World::new().await;
    let gate = world.gate(&world.members);
    let pass = gate.require(&caller(user("alice")), Permission::MembersUpdate, space(1)).await.unwrap();
    let mut tx = world.transaction(space(1)).await;
    let facts = pass.confirm(&mut tx).await.unwrap();
    assert_eq!(facts.membership.known().and_then(|member| member.role), ADMIN);
    world.members.set(question(space(1), "alice"), 2, member(None));
    let denied = pass.confirm(&mut tx).await.unwrap_err();
    assert_eq!(denied, Fault::permission_denied("members.update", space(1)));
}

// R-M10: a role that ends between the check and the change.
#[tokio::test]
async fn a_role_expired_since_the_check_no_longer_allows() {
    let world = World::new().await;
    let expires =
        OwnFacts::Membership { role: ADMIN, view_all_apps: false, expire_time: Some(at(5)), has_admin: true };
    world.members.set(question(space(1), "alice"), 2, expires.clone());
    let gate = world.gate(&world.members);
    let pass = gate.require(&caller(user("alice")), Permission::MembersUpdate, space(1)).await.unwrap();
    let mut tx = world.transaction(space(1)).await;
    world.members.set_at(question(space(1), "alice"), 2, expires, Some(at(5)));
    let denied = pass.confirm(&mut tx).await.unwrap_err();
    assert_eq!(denied.reason(), Reason::PermissionDenied);
}

// R-S3: the space service decides by its own `published` and by roles as they were confirmed.
#[tokio::test]
async fn the_facts_of_others_stand_as_they_were_confirmed() {
    let world = World::new().await;
    let gate = world.gate(&world.spaces);
    let pass = gate.require(&caller(user("alice")), Permission::SpaceUpdate, space(1)).await.unwrap();
    let mut tx = world.transaction(space(1)).await;
    world.members.set(question(space(1), "alice"), 2, member(None));
    pass.confirm(&mut tx).await.unwrap();
    let published = SpaceFacts { state: SpaceState::Active, published: true, ..SpaceFacts::default() };
    world.spaces.set(question(space(1), "alice"), 2, OwnFacts::from(published));
    assert_eq!(pass.confirm(&mut tx).await.unwrap_err().reason(), Reason::PermissionDenied);
}

#[tokio::test]
async fn a_service_without_a_say_reads_nothing_again() {
    let world = World::new().await;
    let gate = world.gate(&world.spaces);
    let pass = gate.require(&caller(user("alice")), Permission::MembersUpdate, space(1)).await.unwrap();
    let mut tx = world.transaction(space(1)).await;
    pass.confirm(&mut tx).await.unwrap();
    assert_eq!(world.spaces.calls(), 0);
}

// What a transaction does not hold can change before it commits.
#[tokio::test]
async fn facts_of_a_scope_that_the_transaction_does_not_hold_are_not_confirmed() {
    let world = World::new().await;
    let gate = world.gate(&world.members);
    let pass = gate.require(&caller(user("alice")), Permission::MembersUpdate, space(1)).await.unwrap();
    let mut tx = world.transaction(space(2)).await;
    assert_eq!(pass.confirm(&mut tx).await.unwrap_err().reason(), Reason::Internal);
}

// Two hops: alice is Admin of the space that the app has left.
#[tokio::test]
async fn an_app_that_moved_since_the_check_is_not_judged_by_its_old_space() {
    let world = World::new().await;
    let app = AppName(Uuid::from_u128(7));
    let about_app = question(app, "alice");
    let linked = |id| app_facts(Some(space(id)), held(None));
    world.spaces.set(about_app.clone(), 1, linked(1));
    let gate = world.gate(&world.spaces);
    let pass = gate.require(&caller(user("alice")), Permission::AppUpdate, Resource::App(app)).await.unwrap();
    let mut tx = world.transaction_on(&[app.into(), space(1).into()]).await;
    pass.confirm(&mut tx).await.unwrap();
    world.spaces.set(about_app, 2, linked(2));
    assert_eq!(pass.confirm(&mut tx).await.unwrap_err().reason(), Reason::FactsUnavailable);
    tx.rollback().await.unwrap();
    // R-M11: what the groups of its space give on it could change before the commit.
    let mut tx = world.transaction(app).await;
    assert_eq!(pass.confirm(&mut tx).await.unwrap_err().reason(), Reason::FactsUnavailable);
}

// R-M5: alice was a member when the check began. Her removal has had its effects, and the change would outlive them.
#[tokio::test]
async fn what_was_known_of_a_member_is_no_ground_for_a_change_after_the_effects_of_the_removal() {
    let world = World::new().await;
    let gate = world.gate(&world.spaces);
    let pass = gate.require(&caller(user("alice")), Permission::AppsCreate, space(1)).await.unwrap();
    let standing = gate.facts(&user("alice"), space(1), &[Service::Membership]).await.unwrap();
    let mut tx = world.transaction(space(1)).await;
    let refusals = async |departed, tx: &mut Tx| {
        world.spaces.departed.store(departed, Ordering::Relaxed);
        [pass.confirm(tx).await.map(drop), standing.confirm(tx).await]
    };
    assert_eq!(refusals(1, &mut tx).await, [Ok(()), Ok(())], "what was known came later than that");
    for refusal in refusals(2, &mut tx).await {
        assert_eq!(
            refusal,
            Err(Fault::facts_unavailable(&["membership"])),
            "whoever asks again is told the truth"
        );
    }
}

// R-A2: an app that is to be linked is judged with the space that it is not in yet.
#[tokio::test]
async fn linking_is_decided_by_the_app_and_the_space_together() {
    let world = World::new().await;
    let app = AppName(Uuid::from_u128(7));
    let both = Resource::Link { app, space: space(1) };
    let owned = |space, role| app_facts(space, held(role));
    let gate = world.gate(&world.spaces);
    let denied = gate.require(&caller(user("alice")), Permission::AppsLink, both).await;
    assert_eq!(denied.err(), Some(Fault::permission_denied("apps.link", space(1))), "no role on the app");
    world.spaces.set(question(app, "alice"), 1, owned(None, Some(AppRole::Owner)));
    let pass = gate.require(&caller(user("alice")), Permission::AppsLink, both).await.unwrap();
    // R-S9: whether Developers link is a fact of the space, which this owner has as well.
    let mut tx = world.transaction_on(&[app.into(), space(1).into()]).await;
    pass.confirm(&mut tx).await.unwrap();
    world.spaces.set(question(app, "alice"), 2, owned(Some(space(2)), Some(AppRole::Owner)));
    pass.confirm(&mut tx).await.unwrap();
    world.spaces.set(question(app, "alice"), 3, owned(None, Some(AppRole::Viewer)));
    assert_eq!(pass.confirm(&mut tx).await.unwrap_err().reason(), Reason::PermissionDenied);
}
