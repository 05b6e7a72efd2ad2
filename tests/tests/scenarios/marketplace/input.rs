//! Bad input to the Marketplace, all of it told at once; and what its journal keeps to itself.
use devspaces::Service;
use devspaces_proto::{
    journal::v1::ListEntriesRequest,
    marketplace::v1::{
        AcceptTermsRequest, Contact, CreateVendorProfileRequest, ImportVendorProfileRequest, ImportedApp,
        ListListingsRequest, ListMarketplaceAdminsRequest, SubmitListingRequest, VendorProfile,
    },
};
use devspaces_tests::{Refusal, Suite, refused, sql::texts};
use tonic::Code;

use crate::acts::{
    marketplace::{
        acceptance_of_terms, adds_marketplace_admins, contact, creates_profile, creation_of_profile,
        gets_listing, gets_profile, looks_up_profile, removes_marketplace_admin, submits_listing,
        updates_profile,
    },
    members::{ADMIN, adds_members},
};

scenarios! {
    both engines:
        contacts_are_personal_in_the_journal;
    everywhere:
        malformed_names_are_named_by_their_field,
        every_bad_field_of_a_profile_is_told_at_once,
        people_are_named_once_and_pages_are_asked_for_with_their_own_tokens;
}

fn bad(refusal: &Refusal, fields: &[&str]) {
    assert_eq!(refusal.kind(), (Code::InvalidArgument, "INVALID_FIELD"), "{refusal:?}");
    assert_eq!(refusal.fields, fields, "{refusal:?}");
}

// Order of answers
async fn malformed_names_are_named_by_their_field(suite: Suite) {
    let mona = suite.user("mona");
    for name in [
        "",
        "vendorProfiles/",
        "vendorProfiles/1",
        "spaces/0190a8d0-7b1c-7def-8000-000000000001",
        "vendorProfiles/0190A8D0-7B1C-7DEF-8000-000000000001",
        "vendorProfiles/\u{0}",
    ] {
        bad(&refused(gets_profile(&mona, name).await), &["name"]);
        bad(&refused(adds_marketplace_admins(&mona, name, &[]).await), &["parent"]);
        bad(&refused(removes_marketplace_admin(&mona, name, &mona).await), &["name"]);
        bad(
            &refused(
                updates_profile(&mona, VendorProfile { name: name.to_owned(), ..Default::default() }, &[])
                    .await,
            ),
            &["vendor_profile.name"],
        );
        bad(&refused(submits_listing(&mona, name, "apps/1").await), &["parent", "app"]);
        bad(&refused(gets_listing(&mona, name).await), &["name"]);
    }
    bad(&refused(looks_up_profile(&mona, "spaces/1").await), &["space"]);
    let request = AcceptTermsRequest { request_id: "1".into(), ..acceptance_of_terms("x") };
    bad(&refused(mona.profiles().accept_terms(request).await), &["parent", "request_id"]);
    let request = SubmitListingRequest { request_id: "1".into(), ..Default::default() };
    bad(&refused(mona.listings().submit_listing(request).await), &["parent", "app", "request_id"]);
}

// Order of answers, R-K2, R-K5
async fn every_bad_field_of_a_profile_is_told_at_once(suite: Suite) {
    let mona = suite.user("mona");
    let wrong = VendorProfile {
        display_name: "x".repeat(101),
        description: "\u{0}".into(),
        logo_uri: "http://a.example".into(),
        contacts: vec![
            contact("Fine", "fine@a.example"),
            contact("", "fine@a.example"),
            contact("x", "a@b"),
            Contact::default(),
        ],
        support_uri: "javascript:alert(1)".into(),
        ..VendorProfile::default()
    };
    let own = [
        "vendor_profile.contacts[1].display_name",
        "vendor_profile.contacts[2].email",
        "vendor_profile.contacts[3].display_name",
        "vendor_profile.contacts[3].email",
        "vendor_profile.support_uri",
    ];
    let of_space = ["vendor_profile.display_name", "vendor_profile.description", "vendor_profile.logo_uri"];
    let create = CreateVendorProfileRequest { vendor_profile: Some(wrong.clone()), ..Default::default() };
    let refusal = refused(mona.profiles().create_vendor_profile(create).await);
    bad(&refusal, &[&of_space[..], &own, &["terms_version"]].concat());
    assert!(!refusal.message.contains("javascript"));

    let space = mona.creates_space("Team").await;
    let accept = AcceptTermsRequest {
        vendor_profile: Some(wrong.clone()),
        terms_version: String::new(),
        ..acceptance_of_terms(&space)
    };
    bad(&refused(mona.profiles().accept_terms(accept).await), &[&own[..], &["terms_version"]].concat());

    let app = |display_name: &str, owner: &str| ImportedApp {
        display_name: display_name.into(),
        owner: owner.into(),
    };
    let import = ImportVendorProfileRequest {
        source_id: "a b".into(),
        vendor_profile: Some(wrong.clone()),
        admins: vec![mona.name.clone(), mona.name.clone(), "services/x".into()],
        apps: vec![app("Fine", "users/a"), app("", "users/a"), app("x", "a")],
        request_id: String::new(),
    };
    let migrator = suite.persona("services/migrator");
    let refusal = refused(migrator.profiles().import_vendor_profile(import).await);
    let rest = ["admins[1]", "admins[2]", "apps[1].display_name", "apps[2].owner"];
    bad(&refusal, &[&["source_id"], &of_space[..], &own, &rest].concat());

    let profile = creates_profile(&mona, "Acme").await.expect("created");
    let change = VendorProfile { name: profile.name.clone(), ..wrong };
    bad(&refused(updates_profile(&mona, change.clone(), &["*"]).await), &own);
    for path in ["name", "display_name", "space", "etag", "nonsense"] {
        let fine = VendorProfile { name: profile.name.clone(), ..Default::default() };
        bad(&refused(updates_profile(&mona, fine, &[path, "contacts"]).await), &["update_mask"]);
    }
    let many = VendorProfile { contacts: vec![contact("x", "a@b.example"); 11], ..change };
    bad(&refused(updates_profile(&mona, many, &["contacts"]).await), &["vendor_profile.contacts"]);
    assert_eq!(gets_profile(&mona, &profile.name).await.expect("as it was"), profile);
}

// Order of answers, R-K4
async fn people_are_named_once_and_pages_are_asked_for_with_their_own_tokens(suite: Suite) {
    let [mona, nick] = ["mona", "nick"].map(|id| suite.user(id));
    let (one, two) = (
        creates_profile(&mona, "One").await.expect("created").name,
        creates_profile(&mona, "Two").await.expect("created").name,
    );
    bad(&refused(adds_marketplace_admins(&mona, &one, &[]).await), &["users"]);
    bad(&refused(adds_marketplace_admins(&mona, &one, &[&nick, &nick]).await), &["users[1]"]);
    bad(&refused(adds_marketplace_admins(&mona, &one, &[&suite.persona("services/x")]).await), &["users[0]"]);
    adds_marketplace_admins(&mona, &one, &[&nick]).await.expect("added");
    let admins = |parent: &str, page_size, page_token: &str| ListMarketplaceAdminsRequest {
        parent: parent.into(),
        page_size,
        page_token: page_token.into(),
    };
    let token = mona
        .profiles()
        .list_marketplace_admins(admins(&one, 1, ""))
        .await
        .expect("a page")
        .into_inner()
        .next_page_token;
    assert!(!token.is_empty());
    for request in [admins(&two, 1, &token), admins(&one, 1, "x")] {
        assert_eq!(
            refused(mona.profiles().list_marketplace_admins(request).await).reason,
            "PAGE_TOKEN_INVALID"
        );
    }
    bad(&refused(mona.profiles().list_marketplace_admins(admins(&one, -1, "")).await), &["page_size"]);
    let listings = |page_size, page_token: &str| ListListingsRequest {
        parent: one.clone(),
        page_size,
        page_token: page_token.into(),
    };
    bad(&refused(mona.listings().list_listings(listings(-1, "")).await), &["page_size"]);
    assert_eq!(
        refused(mona.listings().list_listings(listings(1, &token)).await).reason,
        "PAGE_TOKEN_INVALID"
    );
}

// R-J1, R-J3: who runs the profile reads its journal; what is personal can be erased from it.
async fn contacts_are_personal_in_the_journal(suite: Suite) {
    let [mona, alice] = ["mona", "alice"].map(|id| suite.user(id));
    let mut profile =
        VendorProfile { contacts: vec![contact("Ann Example", "ann@acme.example")], ..Default::default() };
    profile.display_name = "Acme".into();
    let request = CreateVendorProfileRequest { vendor_profile: Some(profile), ..creation_of_profile("") };
    let made = mona.profiles().create_vendor_profile(request).await.expect("created").into_inner();
    adds_members(&mona, &made.space, &[(&alice, ADMIN)]).await.expect("added");
    let chained =
        texts(&suite.pool(Service::Marketplace).await, "SELECT content FROM journal").await.concat();
    assert!(chained.contains(&made.name));
    for personal in ["ann@", "Ann Example", "users/mona", "admins/mona"] {
        assert!(!chained.contains(personal), "{personal} in {chained}");
    }
    let list = || ListEntriesRequest { parent: made.space.clone(), ..Default::default() };
    let entries =
        mona.journal(Service::Marketplace).list_entries(list()).await.expect("a list").into_inner().entries;
    assert_eq!(entries.len(), 1);
    let read = format!("{:?}", entries[0]);
    assert!(read.contains("Ann Example <ann@acme.example>") && read.contains("users/mona"), "{read}");
    assert_eq!(
        refused(alice.journal(Service::Marketplace).list_entries(list()).await).code,
        Code::PermissionDenied
    );
}
