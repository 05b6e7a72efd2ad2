//! How the methods of billing accounts answer bad input and repeated requests.
use devspaces_proto::billing::v1::{
    AddBillingAdminsRequest, ConsentToInvoicingRequest, GetBillingAccountRequest, RemoveBillingAdminRequest,
};
use devspaces_tests::{Suite, refused};
use tonic::Code;
use uuid::Uuid;

use crate::acts::accounts::{
    account_of, billing_admin_of, consents_to_invoicing, invoicing_terms, lists_billing_admins,
};

scenarios! {
    everywhere:
        every_bad_field_is_told_at_once,
        the_same_request_id_answers_with_the_first_result;
}

// Order of answers, R-B1, R-B2
async fn every_bad_field_is_told_at_once(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    let add = |users: Vec<String>| AddBillingAdminsRequest {
        parent: account_of(&space),
        users,
        ..Default::default()
    };
    let users = ["users/bob", "bob", "services/x", "users/bob", ""].map(str::to_owned).to_vec();
    let refusal = refused(alice.accounts().add_billing_admins(add(users)).await);
    assert_eq!(
        refusal.bad_fields(),
        (Code::InvalidArgument, "INVALID_FIELD", vec!["users[1]", "users[2]", "users[3]", "users[4]"])
    );
    for users in [vec![], (0..101).map(|n| format!("users/u{n}")).collect()] {
        assert_eq!(refused(alice.accounts().add_billing_admins(add(users)).await).fields, ["users"]);
    }
    for name in ["", &space, &format!("{space}/billingAccount/"), "spaces/x/billingAccount"] {
        let request = GetBillingAccountRequest { name: name.to_owned() };
        assert_eq!(refused(alice.accounts().get_billing_account(request).await).fields, ["name"]);
        let request =
            AddBillingAdminsRequest { parent: name.to_owned(), request_id: "x".into(), ..Default::default() };
        assert_eq!(
            refused(alice.accounts().add_billing_admins(request).await).fields,
            ["parent", "request_id"]
        );
        let request = RemoveBillingAdminRequest {
            name: format!("{name}/admins"),
            request_id: "x".into(),
            ..Default::default()
        };
        assert_eq!(
            refused(alice.accounts().remove_billing_admin(request).await).fields,
            ["name", "request_id"]
        );
    }
    let request = ConsentToInvoicingRequest {
        parent: account_of(&space),
        request_id: "x".into(),
        ..Default::default()
    };
    assert_eq!(
        refused(alice.accounts().consent_to_invoicing(request).await).fields,
        ["parent", "request_id"]
    );
}

// R-J5
async fn the_same_request_id_answers_with_the_first_result(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    let id = |n| Uuid::from_u128(n).to_string();
    let terms_version = invoicing_terms(&alice).await;
    let consent = ConsentToInvoicingRequest { parent: space.clone(), terms_version, request_id: id(1) };
    let first =
        alice.accounts().consent_to_invoicing(consent.clone()).await.expect("an account").into_inner();
    let again = alice.accounts().consent_to_invoicing(consent.clone()).await.expect("replayed").into_inner();
    assert_eq!(again, first);
    let other = ConsentToInvoicingRequest { terms_version: "2020-01-01".into(), ..consent };
    assert_eq!(refused(alice.accounts().consent_to_invoicing(other).await).reason, "REQUEST_ID_REUSED");
    let users = vec![bob.name.clone()];
    let add = AddBillingAdminsRequest { parent: account_of(&space), users, request_id: id(2) };
    let first = alice.accounts().add_billing_admins(add.clone()).await.expect("added").into_inner();
    assert_eq!(alice.accounts().add_billing_admins(add).await.expect("replayed").into_inner(), first);
    let remove = RemoveBillingAdminRequest {
        name: billing_admin_of(&space, &alice),
        request_id: id(3),
        validate_only: false,
    };
    alice.accounts().remove_billing_admin(remove.clone()).await.expect("removed");
    alice.accounts().remove_billing_admin(remove).await.expect("replayed to who has no role any more");
    assert_eq!(lists_billing_admins(&bob, &space).await.expect("a list"), [bob.id()]);
}
