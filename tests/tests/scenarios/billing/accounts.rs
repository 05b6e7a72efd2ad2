//! Billing accounts: how one is born, who runs it, and who sees what of it.
use devspaces::Service;
use devspaces_proto::{
    authz::v1::CheckPermissionRequest,
    billing::v1::{
        GetTermsRequest, ListBillingAdminsRequest, RemoveBillingAdminRequest, billing_account::State,
    },
    membership::v1::{RemainingRole, RemoveMemberRequest},
    space::v1::{ListSpacesRequest, Space},
};
use devspaces_tests::{Persona, Suite, refused, sql::tamper, suite::eventually};
use tonic::Code;

use crate::{
    acts::{
        accounts::{
            account_of, adds_billing_admins, billing_admin_of, consents_to_invoicing, consents_to_terms,
            gets_account, invoicing_terms, lists_billing_admins, payment_method, removes_billing_admin,
            run_by_bob, sets_payment_method,
        },
        members::{ADMIN, DEVELOPER, VIEWER, adds_members, removes_member},
        refusals::{DENIED, NOT_FOUND},
        spaces::archives_space,
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        an_account_keeps_the_terms_that_it_was_born_by,
        billing_admins_run_the_account_of_a_space_that_is_gone,
        billing_admins_need_no_other_service;
    everywhere:
        consent_makes_the_account_and_its_first_billing_admin,
        only_console_admins_consent_and_to_the_current_terms_only,
        billing_admins_add_and_remove_billing_admins_and_the_last_one_stays,
        a_preview_of_a_removal_changes_nothing,
        a_removed_billing_admin_is_gone_everywhere_at_once,
        billing_admins_have_nothing_of_the_console_and_admins_nothing_of_billing,
        a_removed_member_stays_billing_admin,
        in_an_archived_space_roles_are_taken_away_and_none_are_given,
        billing_admins_are_listed_in_pages_that_neither_skip_nor_repeat;
}

/// Whether one has a permission, by a strict check at the port of a service.
async fn may_at(port: Service, who: &Persona, permission: &str, space: &str) -> bool {
    let request = CheckPermissionRequest {
        permission: permission.to_owned(),
        resource: space.to_owned(),
        ..CheckPermissionRequest::default()
    };
    who.authz_of(port).check_permission(request).await.expect("an answer").into_inner().allowed
}

// R-B1
async fn consent_makes_the_account_and_its_first_billing_admin(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    assert_eq!(refused(gets_account(&alice, &space).await).kind(), NOT_FOUND);
    assert_eq!(lists_billing_admins(&alice, &space).await.expect("a list"), [""; 0]);
    let terms =
        suite.user("anyone").accounts().get_terms(GetTermsRequest {}).await.expect("terms").into_inner();
    assert!(terms.text.contains(&terms.version));
    let account = consents_to_invoicing(&alice, &space).await.expect("an account");
    assert_eq!((account.name.clone(), account.space.clone()), (account_of(&space), space.clone()));
    assert_eq!(
        (account.terms_version.clone(), account.consented_by.clone()),
        (terms.version, alice.name.clone())
    );
    assert_eq!(account.state(), State::Active);
    assert!(account.create_time.is_some() && account.payment_method.is_none() && account.addresses.is_none());
    for reader in [&alice, &bob] {
        assert_eq!(gets_account(reader, &space).await.expect("the account"), account);
        assert_eq!(lists_billing_admins(reader, &space).await.expect("a list"), [alice.id()]);
    }
    assert!(
        alice.may("billing.invoices.get", &space).await && !bob.may("billing.invoices.get", &space).await
    );
    let again = refused(consents_to_invoicing(&bob, &space).await);
    assert_eq!(
        again.blocked(),
        (Code::FailedPrecondition, "BILLING_ACCOUNT_EXISTS", vec!["BILLING_ACCOUNT_EXISTS"])
    );
    let outdated = refused(consents_to_terms(&bob, &space, "2020-01-01").await);
    assert_eq!(outdated.blockers, ["TERMS_OUTDATED", "BILLING_ACCOUNT_EXISTS"], "all that stands in the way");
}

// R-B1, R-P3
async fn only_console_admins_consent_and_to_the_current_terms_only(suite: Suite) {
    let [alice, dora, victor, mallory] = ["alice", "dora", "victor", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER), (&victor, VIEWER)]).await.expect("added");
    for who in [&dora, &victor, &mallory, &suite.persona("services/billing-run")] {
        let denied = refused(consents_to_invoicing(who, &space).await);
        assert_eq!(denied.kind(), DENIED);
        assert_eq!(
            denied.message,
            format!("Permission 'billing.consent' denied on '{space}' (or it might not exist)")
        );
    }
    let outdated = refused(consents_to_terms(&alice, &space, "2020-01-01").await);
    assert_eq!(outdated.blocked(), (Code::FailedPrecondition, "TERMS_OUTDATED", vec!["TERMS_OUTDATED"]));
    let unnamed = refused(consents_to_terms(&alice, &space, "").await);
    assert_eq!(unnamed.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["terms_version"]));
    assert_eq!(refused(gets_account(&alice, &space).await).kind(), NOT_FOUND);
}

// R-B1: other terms that come into force change nothing for whoever has agreed to those of before.
async fn an_account_keeps_the_terms_that_it_was_born_by(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let (space, other) = (alice.creates_space("Team").await, bob.creates_space("Other").await);
    consents_to_invoicing(&alice, &space).await.expect("an account");
    let pool = suite.pool(Service::Billing).await;
    tamper(&pool, "UPDATE account SET terms_version = '2026-11-01'").await;
    assert_eq!(gets_account(&alice, &space).await.expect("the account").terms_version, "2026-11-01");
    let outdated = refused(consents_to_terms(&bob, &other, "2026-11-01").await);
    assert_eq!(outdated.blocked(), (Code::FailedPrecondition, "TERMS_OUTDATED", vec!["TERMS_OUTDATED"]));
    let account = consents_to_invoicing(&bob, &other).await.expect("an account");
    assert_eq!(account.terms_version, invoicing_terms(&bob).await);
}

// R-B2
async fn billing_admins_add_and_remove_billing_admins_and_the_last_one_stays(suite: Suite) {
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_members(&alice, &space, &[(&dave, ADMIN)]).await.expect("added");
    let added = adds_billing_admins(&alice, &space, &[&carol, &bob]).await.expect("added");
    let names: Vec<_> = added.iter().map(|admin| (admin.name.clone(), admin.user.clone())).collect();
    assert_eq!(
        names,
        [&carol, &bob].map(|who| (billing_admin_of(&space, who), who.name.clone())),
        "in the order of the request"
    );
    let twice = refused(adds_billing_admins(&bob, &space, &[&dave, &carol]).await);
    assert_eq!(twice.bad_fields(), (Code::AlreadyExists, "BILLING_ADMIN_EXISTS", vec!["users[1]"]));
    assert_eq!(
        lists_billing_admins(&dave, &space).await.expect("a list"),
        [&alice, &bob, &carol].map(|who| who.id().to_owned()),
        "all of them or none"
    );
    assert_eq!(
        refused(adds_billing_admins(&dave, &space, &[&dave]).await).kind(),
        DENIED,
        "not by being console Admin"
    );
    assert_eq!(refused(removes_billing_admin(&dave, &space, &bob).await).kind(), DENIED);
    removes_billing_admin(&bob, &space, &alice).await.expect("also the one who consented");
    removes_billing_admin(&bob, &space, &bob).await.expect("oneself");
    assert_eq!(refused(removes_billing_admin(&carol, &space, &bob).await).kind(), NOT_FOUND);
    let last = refused(removes_billing_admin(&carol, &space, &carol).await);
    assert_eq!(last.blocked(), (Code::FailedPrecondition, "LAST_BILLING_ADMIN", vec!["LAST_BILLING_ADMIN"]));
    assert_eq!(lists_billing_admins(&carol, &space).await.expect("a list"), [carol.id()]);
    assert_eq!(gets_account(&carol, &space).await.expect("the account").consented_by, alice.name);
}

// R-B2: as the removal would be, and without it.
async fn a_preview_of_a_removal_changes_nothing(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    let preview = |who: &Persona| RemoveBillingAdminRequest {
        name: billing_admin_of(&space, who),
        validate_only: true,
        ..Default::default()
    };
    let last = refused(alice.accounts().remove_billing_admin(preview(&alice)).await);
    assert_eq!(last.reason, "LAST_BILLING_ADMIN");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    alice.accounts().remove_billing_admin(preview(&bob)).await.expect("a preview");
    assert_eq!(lists_billing_admins(&alice, &space).await.expect("a list"), [alice.id(), bob.id()]);
}

// R-B2, R-P4: the role is gone at every service when the reply arrives.
async fn a_removed_billing_admin_is_gone_everywhere_at_once(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    for round in 0..rounds(10) {
        adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
        for port in Service::ALL {
            assert!(may_at(port, &bob, "billing.invoices.get", &space).await, "{port} in round {round}");
        }
        removes_billing_admin(&alice, &space, &bob).await.expect("removed");
        for port in Service::ALL {
            assert!(!may_at(port, &bob, "billing.invoices.get", &space).await, "{port} in round {round}");
        }
        assert_eq!(refused(gets_account(&bob, &space).await).kind(), DENIED);
    }
}

// R-B2, R-S2: no role on one plane implies one on another.
async fn billing_admins_have_nothing_of_the_console_and_admins_nothing_of_billing(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let app = alice.creates_app(&space).await;
    for permission in [
        "billing.account.get",
        "billing.admins.list",
        "billing.payment_method.get",
        "billing.estimates.get",
        "billing.cost_sources.list",
    ] {
        assert!(bob.may(permission, &space).await && alice.may(permission, &space).await, "{permission}");
        assert!(!mallory.may(permission, &space).await, "{permission}");
    }
    for permission in [
        "billing.invoices.get",
        "billing.addresses.get",
        "billing.addresses.update",
        "billing.admins.update",
        "billing.payment_method.update",
        "billing.budgets.update",
        "journal.billing.get",
    ] {
        assert!(bob.may(permission, &space).await && !alice.may(permission, &space).await, "{permission}");
    }
    for permission in [
        "space.get",
        "space.settings.get",
        "space.update",
        "space.archive",
        "members.list",
        "members.add",
        "apps.create",
        "apps.list",
        "billing.consent",
        "journal.console.get",
    ] {
        assert!(!bob.may(permission, &space).await, "{permission}");
    }
    assert!(!bob.may("app.get", &app).await);
    let request = ListSpacesRequest::default();
    let listed = bob.spaces().list_spaces(request).await.expect("a list").into_inner().spaces;
    assert_eq!(listed.len(), 1);
    let name_only = Space { name: space.clone(), display_name: "Team".into(), ..Space::default() };
    assert_eq!(listed[0].space, Some(name_only));
    assert!(listed[0].limited && listed[0].billing_admin && listed[0].console_role == 0);
}

// R-M5: the billing role is of another plane and stays, and the reply says so.
async fn a_removed_member_stays_billing_admin(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    let preview =
        RemoveMemberRequest { name: bob.member_of(&space), validate_only: true, ..Default::default() };
    let preview = alice.members().remove_member(preview).await.expect("a preview").into_inner();
    let reply = removes_member(&alice, &space, &bob).await.expect("removed");
    assert_eq!(reply, preview);
    let left = RemainingRole { plane: "billing".into(), role: "BILLING_ADMIN".into(), app: String::new() };
    assert_eq!((reply.remaining_roles, reply.unknown_planes), (vec![left], vec![]));
    assert!(bob.may("billing.invoices.get", &space).await && !bob.may("space.get", &space).await);
    removes_billing_admin(&bob, &space, &alice).await.expect("it works as before");
}

// R-S5
async fn in_an_archived_space_roles_are_taken_away_and_none_are_given(suite: Suite) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|id| suite.user(id));
    let (space, without) = (alice.creates_space("Team").await, alice.creates_space("Other").await);
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    for space in [&space, &without] {
        archives_space(&alice, space).await.expect("archived");
    }
    assert_eq!(refused(consents_to_invoicing(&alice, &without).await).blockers, ["SPACE_ARCHIVED"]);
    let all = refused(consents_to_terms(&alice, &space, "2020-01-01").await);
    assert_eq!(all.blockers, ["SPACE_ARCHIVED", "TERMS_OUTDATED", "BILLING_ACCOUNT_EXISTS"]);
    let added = refused(adds_billing_admins(&bob, &space, &[&carol]).await);
    assert_eq!(added.blocked(), (Code::FailedPrecondition, "SPACE_ARCHIVED", vec!["SPACE_ARCHIVED"]));
    removes_billing_admin(&bob, &space, &alice).await.expect("removing goes on");
    assert_eq!(lists_billing_admins(&bob, &space).await.expect("reading goes on"), [bob.id()]);
    gets_account(&bob, &space).await.expect("reading goes on");
}

// R-B11, R-B2: the account does not need its space to be there.
async fn billing_admins_run_the_account_of_a_space_that_is_gone(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    // What is left in the other services once a space is purged: nothing.
    tamper(&suite.pool(Service::Space).await, "DELETE FROM space").await;
    tamper(&suite.pool(Service::Membership).await, "DELETE FROM member").await;
    gets_account(&bob, &space).await.expect("the account");
    sets_payment_method(&bob, &space, payment_method()).await.expect("set");
    removes_billing_admin(&bob, &space, &alice).await.expect("removed");
    assert_eq!(lists_billing_admins(&bob, &space).await.expect("a list"), [bob.id()]);
}

// R-B2, R-P2: who is billing admin is the billing service's to know, and decides while the others are down.
async fn billing_admins_need_no_other_service(suite: Suite) {
    let mut suite = suite;
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    for service in [Service::Membership, Service::Space, Service::Marketplace] {
        suite.stop(service).await;
    }
    gets_account(&bob, &space).await.expect("the account");
    removes_billing_admin(&bob, &space, &alice).await.expect("removed");
    let unknown = refused(gets_account(&alice, &space).await);
    assert_eq!(unknown.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"), "she may be console Admin");
    let archived = refused(adds_billing_admins(&bob, &space, &[&alice]).await);
    assert_eq!(archived.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"), "the space may be archived");
    suite.restart(Service::Space).await;
    eventually(async || adds_billing_admins(&bob, &space, &[&alice]).await.ok()).await;
}

// R-B2
async fn billing_admins_are_listed_in_pages_that_neither_skip_nor_repeat(suite: Suite) {
    let alice = suite.user("alice");
    let (space, other) = (alice.creates_space("Team").await, alice.creates_space("Other").await);
    consents_to_invoicing(&alice, &space).await.expect("an account");
    let people: Vec<_> = (0..8).map(|n| suite.user(&format!("p{n}"))).collect();
    adds_billing_admins(&alice, &space, &people.iter().collect::<Vec<_>>()).await.expect("added");
    let expected: Vec<_> = [&alice].into_iter().chain(&people).map(|who| who.id().to_owned()).collect();
    assert_eq!(lists_billing_admins(&alice, &space).await.expect("a list"), expected);
    let list = |space: &str, page_size, page_token: &str| ListBillingAdminsRequest {
        parent: account_of(space),
        page_size,
        page_token: page_token.to_owned(),
    };
    let page = alice.accounts().list_billing_admins(list(&space, 2, "")).await.expect("a page").into_inner();
    let foreign = refused(alice.accounts().list_billing_admins(list(&other, 2, &page.next_page_token)).await);
    assert_eq!(foreign.bad_fields(), (Code::InvalidArgument, "PAGE_TOKEN_INVALID", vec!["page_token"]));
    let negative = refused(alice.accounts().list_billing_admins(list(&space, -1, "")).await);
    assert_eq!(negative.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["page_size"]));
}
