//! The RFC's own story ("Proposed Flows"), from its beginning to its end and over the public API alone; and the other way
//! round, from a space to the Marketplace.
use devspaces_proto::{
    billing::v1::{PaymentMethod, SetPaymentMethodRequest},
    marketplace::v1::listing::State,
    space::v1::{app::Listing, space_access::ConsoleRole},
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::{Code, Status};

use crate::acts::{
    accounts::{adds_billing_admins, consents_to_invoicing, gets_payment_method},
    apps::{creates_app, gets_app, imported_app, links_app, lists_apps},
    marketplace::{accepts_terms, adds_marketplace_admins, creates_profile, gets_profile, submits_listing},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, lists_members},
    refusals::DENIED,
    spaces::{gets_space, shown_in_switcher, tries_to_rename},
};

scenarios! {
    everywhere:
        from_the_marketplace_to_a_space_with_its_people_its_billing_and_its_apps,
        from_a_space_to_the_marketplace;
}

/// Names the way in which a space's invoices are to be paid (R-B3).
async fn pays(who: &Persona, space: &str) -> Result<PaymentMethod, Status> {
    let method = PaymentMethod {
        token: "tok_4f7a".into(),
        brand: "visa".into(),
        last_four: "4242".into(),
        expiry: "2030-09".into(),
        ..PaymentMethod::default()
    };
    let request = SetPaymentMethodRequest {
        parent: format!("{space}/billingAccount"),
        payment_method: Some(method),
        ..SetPaymentMethodRequest::default()
    };
    who.accounts().set_payment_method(request).await.map(tonic::Response::into_inner)
}

// R-K2, R-M3, R-S3, R-B1, R-B2, R-B3, R-S1, R-A2: a Marketplace admin sets a developer space up.
async fn from_the_marketplace_to_a_space_with_its_people_its_billing_and_its_apps(suite: Suite) {
    let [mona, ana, ben, cleo, fin, dev] =
        ["mona", "ana", "ben", "cleo", "fin", "dev"].map(|id| suite.user(id));
    // A vendor profile made on the Marketplace: its space is published from day one, and has no console Admin.
    let profile = creates_profile(&mona, "Acme").await.expect("created");
    let acme = profile.space.clone();
    assert!(gets_space(&mona, &acme).await.expect("the space").published);
    assert!(lists_members(&mona, &acme).await.expect("a list").is_empty());
    assert_eq!(refused(creates_app(&mona, &acme).await).kind(), DENIED);
    assert_eq!(refused(consents_to_invoicing(&mona, &acme).await).kind(), DENIED);

    // Adding the first admin roles in the developer console: at once, and then no more.
    adds_members(&mona, &acme, &[(&ana, ADMIN), (&ben, ADMIN), (&cleo, ADMIN)]).await.expect("three at once");
    assert_eq!(refused(adds_members(&mona, &acme, &[(&fin, ADMIN)]).await).kind(), DENIED);
    let access = shown_in_switcher(&ana, &acme).await.expect("R-S2");
    assert_eq!(
        (access.console_role(), access.marketplace_admin, access.billing_admin),
        (ConsoleRole::Admin, false, false)
    );
    tries_to_rename(&mona, &acme).await.expect("the Marketplace admin edits the name");
    assert_eq!(refused(tries_to_rename(&ana, &acme).await).kind(), DENIED, "and a console Admin does not");

    // Adding a billing admin role: the first console Admin to consent is the first billing admin.
    assert_eq!(refused(pays(&ben, &acme).await).kind(), DENIED);
    consents_to_invoicing(&ben, &acme).await.expect("consented");
    assert_eq!(
        refused(consents_to_invoicing(&ana, &acme).await).kind(),
        (Code::FailedPrecondition, "BILLING_ACCOUNT_EXISTS")
    );
    assert_eq!(
        refused(adds_billing_admins(&ana, &acme, &[&fin]).await).kind(),
        DENIED,
        "the planes are separate"
    );
    adds_billing_admins(&ben, &acme, &[&fin]).await.expect("added");
    let access = shown_in_switcher(&fin, &acme).await.expect("R-S2");
    assert!(access.billing_admin && access.limited && access.console_role() == ConsoleRole::Unspecified);
    assert_eq!(refused(gets_space(&fin, &acme).await).kind(), DENIED, "billing is its own plane");

    // Adding a payment method.
    pays(&fin, &acme).await.expect("set");
    assert_eq!(gets_payment_method(&ana, &acme).await.expect("a console Admin").last_four, "4242");
    assert_eq!(refused(pays(&ana, &acme).await).kind(), DENIED);
    assert_eq!(refused(gets_payment_method(&mona, &acme).await).kind(), DENIED);

    // Creating a new developer space: nothing of the other planes comes with it.
    let tools = cleo.creates_space("Tools").await;
    let access = shown_in_switcher(&cleo, &tools).await.expect("R-S1");
    assert_eq!(
        (access.console_role(), access.marketplace_admin, access.billing_admin),
        (ConsoleRole::Admin, false, false)
    );
    assert!(shown_in_switcher(&mona, &tools).await.is_none());

    // Assigning an app to it: whoever manages the app, and builds in the space.
    let app = imported_app(&suite, &dev).await;
    assert_eq!(refused(links_app(&dev, &app, &tools).await).kind(), DENIED, "dev is not in the space");
    assert_eq!(refused(links_app(&cleo, &app, &tools).await).kind(), DENIED, "cleo does not manage the app");
    adds_members(&cleo, &tools, &[(&dev, DEVELOPER)]).await.expect("added");
    let linked = links_app(&dev, &app, &tools).await.expect("assigned");
    assert_eq!((&linked.space, linked.listing()), (&tools, Listing::Private));
    assert_eq!(lists_apps(&cleo, &tools, 0).await.expect("a list").len(), 1, "R-A4");
    for who in [&mona, &ana, &fin] {
        assert_eq!(refused(gets_app(who, &app).await).kind(), DENIED, "{}", who.name);
    }
}

// R-S1, R-A1, R-B1, R-K1, R-S3: a space first, and the Marketplace last.
async fn from_a_space_to_the_marketplace(suite: Suite) {
    let [alice, ben, dora, victor, fin, mona] =
        ["alice", "ben", "dora", "victor", "fin", "mona"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&ben, ADMIN), (&dora, DEVELOPER), (&victor, VIEWER)])
        .await
        .expect("added");
    let app = dora.creates_app(&space).await;
    consents_to_invoicing(&alice, &space).await.expect("consented");
    adds_billing_admins(&alice, &space, &[&fin]).await.expect("added");

    // Who may edit the name, tried by each role: the console Admins.
    let everybody = [&alice, &ben, &dora, &victor, &fin, &mona];
    let editors = async || {
        let mut editors = Vec::new();
        for who in everybody {
            match tries_to_rename(who, &space).await {
                Ok(_) => editors.push(who.id()),
                Err(status) => assert_eq!(refused(Err::<(), _>(status)).kind(), DENIED, "{}", who.name),
            }
        }
        editors
    };
    assert_eq!(editors().await, [alice.id(), ben.id()]);

    // Not the Developer, nor the Viewer, nor the billing admin accepts the terms; and any console Admin does.
    for who in [&dora, &victor, &fin, &mona] {
        assert_eq!(refused(accepts_terms(who, &space).await).kind(), DENIED, "{}", who.name);
    }
    let profile = accepts_terms(&ben, &space).await.expect("accepted").name;
    assert_eq!(editors().await, [ben.id()], "as Marketplace admin, from the reply on");
    adds_marketplace_admins(&ben, &profile, &[&mona]).await.expect("added");
    assert_eq!(editors().await, [ben.id(), mona.id()]);
    assert_eq!(
        gets_profile(&mona, &profile).await.expect("the profile").display_name,
        format!("Named by {}", mona.id())
    );

    // What was there stays as it was on its own plane.
    assert_eq!(lists_members(&mona, &space).await.expect("R-M7").len(), 4);
    assert_eq!(
        refused(adds_members(&mona, &space, &[(&mona, ADMIN)]).await).kind(),
        DENIED,
        "there are console Admins"
    );
    assert_eq!(refused(adds_billing_admins(&mona, &space, &[&mona]).await).kind(), DENIED);
    pays(&fin, &space).await.expect("billing goes on");
    let listing =
        submits_listing(&mona, &profile, &app).await.expect("submitted, by whoever runs the profile");
    assert_eq!(listing.state(), State::Submitted);
    assert_eq!(gets_app(&victor, &app).await.expect("the app").listing(), Listing::Submitted);
    assert_eq!(refused(submits_listing(&alice, &profile, &app).await).kind(), DENIED);
}
