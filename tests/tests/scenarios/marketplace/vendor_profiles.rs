//! Vendor profiles: how a space comes by one, who runs it, and what becomes of the space by it.
use devspaces_proto::{
    marketplace::v1::{
        AcceptTermsRequest, CreateVendorProfileRequest, GetTermsRequest, RemoveMarketplaceAdminRequest,
        VendorProfile,
    },
    space::v1::ListSpacesRequest,
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::Code;

use crate::acts::{
    apps::lists_apps,
    marketplace::{
        TERMS, acceptance_of_terms, accepts_terms, adds_marketplace_admins, contact, creates_profile,
        creation_of_profile, gets_profile, lists_marketplace_admins, looks_up_profile,
        removes_marketplace_admin, updates_profile,
    },
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, lists_members},
    spaces::{archives_space, gets_space, restores_space, shown_in_switcher, tries_to_rename},
};

scenarios! {
    everywhere:
        accepting_the_terms_publishes_the_space_and_makes_the_acceptor_its_marketplace_admin,
        only_console_admins_accept_and_every_blocker_is_told,
        publication_switches_who_edits_the_name,
        a_profile_made_directly_has_a_published_space_without_a_console_admin,
        marketplace_admins_add_and_remove_one_another_and_the_last_stays,
        in_an_archived_space_marketplace_admins_are_only_removed,
        a_profiles_own_fields_change_by_mask_and_etag,
        a_profile_looks_missing_to_strangers,
        the_same_request_id_answers_with_the_first_profile;
}

const NOWHERE: &str = "vendorProfiles/0190a8d0-7b1c-7def-8000-000000000001";

// R-K1
async fn accepting_the_terms_publishes_the_space_and_makes_the_acceptor_its_marketplace_admin(suite: Suite) {
    let [alice, bob, mallory] = ["alice", "bob", "mallory"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
    let terms = mallory.profiles().get_terms(GetTermsRequest {}).await.expect("the terms").into_inner();
    assert_eq!(terms.version, TERMS);
    assert!(terms.text.contains(TERMS));
    assert!(!bob.may("marketplace.profile.get", &space).await);

    let own = VendorProfile {
        contacts: vec![contact("Security", "security@team.example")],
        support_uri: "https://team.example/support".into(),
        display_name: "ignored: the space's (R-K5)".into(),
        ..VendorProfile::default()
    };
    let request = AcceptTermsRequest { vendor_profile: Some(own), ..acceptance_of_terms(&space) };
    let profile =
        bob.profiles().accept_terms(request).await.expect("any console Admin, not the first").into_inner();
    assert_eq!(
        (&profile.space, profile.display_name.as_str(), profile.terms_version.as_str()),
        (&space, "Team", TERMS)
    );
    assert_eq!(profile.name, format!("vendorProfiles/{}", profile.uid));
    assert!(gets_space(&alice, &space).await.expect("the space").published, "by the time the reply arrives");
    assert_eq!(gets_profile(&bob, &profile.name).await.expect("the profile"), profile);
    assert_eq!(looks_up_profile(&bob, &space).await.expect("the profile"), profile);
    assert_eq!(
        lists_marketplace_admins(&bob, &profile.name, 0).await.expect("a list"),
        std::slice::from_ref(&bob.name)
    );
    assert!(bob.may("marketplace.admins.update", &space).await);
    for who in [&alice, &mallory] {
        assert!(!who.may("marketplace.profile.get", &space).await, "console roles imply none: {}", who.name);
        assert_eq!(refused(gets_profile(who, &profile.name).await).code, Code::PermissionDenied);
    }
    let again = refused(accepts_terms(&alice, &space).await);
    assert_eq!(again.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"), "only until it is published");
    assert_eq!(refused(accepts_terms(&mallory, &space).await).message, again.message);
}

// R-K1: who may not, and what stands in the way, all of it at once.
async fn only_console_admins_accept_and_every_blocker_is_told(suite: Suite) {
    let [alice, dora, victor] = ["alice", "dora", "victor"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER), (&victor, VIEWER)]).await.expect("added");
    for who in [&dora, &victor, &suite.user("mallory")] {
        assert_eq!(refused(accepts_terms(who, &space).await).metadata[0].1, "marketplace.terms.accept");
    }
    let old = AcceptTermsRequest { terms_version: "2020-01-01".into(), ..acceptance_of_terms(&space) };
    let outdated = refused(alice.profiles().accept_terms(old.clone()).await);
    assert_eq!(outdated.blocked(), (Code::FailedPrecondition, "TERMS_OUTDATED", vec!["TERMS_OUTDATED"]));
    archives_space(&alice, &space).await.expect("archived");
    let both = refused(alice.profiles().accept_terms(old).await);
    assert_eq!(
        (both.code, both.blockers.as_slice()),
        (Code::FailedPrecondition, &["SPACE_ARCHIVED", "TERMS_OUTDATED"].map(String::from)[..])
    );
    assert!(!gets_space(&alice, &space).await.expect("the space").published);
    restores_space(&alice, &space).await.expect("restored");
    accepts_terms(&alice, &space).await.expect("accepted");
}

// R-S3: the authority over the name is switched by publication, at once, and for each role.
async fn publication_switches_who_edits_the_name(suite: Suite) {
    let [alice, bob, dora, victor, mona] =
        ["alice", "bob", "dora", "victor", "mona"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, ADMIN), (&dora, DEVELOPER), (&victor, VIEWER)])
        .await
        .expect("added");
    for who in [&alice, &bob] {
        assert_eq!(
            tries_to_rename(who, &space).await.expect("a console Admin").display_name,
            format!("Named by {}", who.id())
        );
    }
    for who in [&dora, &victor, &mona] {
        assert_eq!(refused(tries_to_rename(who, &space).await).code, Code::PermissionDenied, "{}", who.name);
    }
    let profile = accepts_terms(&alice, &space).await.expect("accepted");
    assert_eq!(refused(tries_to_rename(&bob, &space).await).code, Code::PermissionDenied, "at once");
    adds_marketplace_admins(&alice, &profile.name, &[&mona]).await.expect("added");
    for who in [&bob, &dora, &victor] {
        assert_eq!(refused(tries_to_rename(who, &space).await).code, Code::PermissionDenied, "{}", who.name);
    }
    for who in [&alice, &mona] {
        tries_to_rename(who, &space).await.expect("a Marketplace admin");
    }
    let shown = gets_profile(&mona, &profile.name).await.expect("the profile");
    assert_eq!(shown.display_name, format!("Named by {}", mona.id()), "R-K5: shown, not copied");
    assert_eq!(shown.etag, profile.etag, "the profile's own fields have not changed");
    let settings = |who: &Persona| {
        let who = who.clone();
        let name = space.clone();
        async move {
            let request = devspaces_proto::space::v1::GetSpaceSettingsRequest { name };
            who.spaces().get_space_settings(request).await.map(tonic::Response::into_inner)
        }
    };
    let editor = settings(&victor).await.expect("settings").metadata_editor();
    assert_eq!(editor, devspaces_proto::space::v1::space_settings::MetadataEditor::MarketplaceAdmin);
    assert_eq!(
        refused(settings(&mona).await).code,
        Code::PermissionDenied,
        "R-S4: settings are the console's"
    );
    gets_space(&mona, &space).await.expect("R-S4: metadata is");
}

// R-K2, R-M3
async fn a_profile_made_directly_has_a_published_space_without_a_console_admin(suite: Suite) {
    let [mona, alice] = ["mona", "alice"].map(|id| suite.user(id));
    let profile = VendorProfile {
        display_name: "Acme".into(),
        description: "Apps".into(),
        logo_uri: "https://acme.example/logo.png".into(),
        contacts: vec![contact("Support", "help@acme.example")],
        ..VendorProfile::default()
    };
    let request = CreateVendorProfileRequest { vendor_profile: Some(profile), ..creation_of_profile("") };
    let made = mona.profiles().create_vendor_profile(request).await.expect("created").into_inner();
    let space = gets_space(&mona, &made.space).await.expect("the space");
    assert_eq!(
        (space.display_name.as_str(), space.description.as_str(), space.published),
        ("Acme", "Apps", true)
    );
    assert_eq!(space.logo_uri, "https://acme.example/logo.png");
    assert_eq!(gets_profile(&mona, &made.name).await.expect("the profile"), made);
    assert!(lists_members(&mona, &made.space).await.expect("R-M7").is_empty());
    assert!(!mona.may("apps.create", &made.space).await, "no Marketplace role implies a console role");
    assert_eq!(refused(lists_apps(&mona, &made.space, 0).await).code, Code::PermissionDenied);
    let access = shown_in_switcher(&mona, &made.space).await.expect("R-S2");
    assert!(access.marketplace_admin && !access.limited && access.console_role == 0 && !access.billing_admin);
    assert!(shown_in_switcher(&alice, &made.space).await.is_none());
    let old =
        CreateVendorProfileRequest { terms_version: "2020-01-01".into(), ..creation_of_profile("Acme") };
    let outdated = refused(mona.profiles().create_vendor_profile(old).await);
    assert_eq!(outdated.blocked(), (Code::FailedPrecondition, "TERMS_OUTDATED", vec!["TERMS_OUTDATED"]));
}

// R-K4
async fn marketplace_admins_add_and_remove_one_another_and_the_last_stays(suite: Suite) {
    let [mona, nick, olga, alice] = ["mona", "nick", "olga", "alice"].map(|id| suite.user(id));
    let profile = creates_profile(&mona, "Acme").await.expect("created");
    adds_members(&mona, &profile.space, &[(&alice, ADMIN)]).await.expect("a console Admin");
    let added = adds_marketplace_admins(&mona, &profile.name, &[&olga, &nick]).await.expect("added");
    assert_eq!(added.iter().map(|it| &it.user).collect::<Vec<_>>(), [&olga.name, &nick.name]);
    assert_eq!(added[0].name, format!("{}/admins/{}", profile.name, olga.id()));
    let all = [&mona, &nick, &olga].map(|who| who.name.clone());
    for page_size in [0, 1, 2, 3] {
        assert_eq!(
            lists_marketplace_admins(&nick, &profile.name, page_size).await.expect("a list"),
            all,
            "pages of {page_size}"
        );
    }
    let twice = refused(adds_marketplace_admins(&mona, &profile.name, &[&alice, &nick]).await);
    assert_eq!(twice.bad_fields(), (Code::AlreadyExists, "MARKETPLACE_ADMIN_EXISTS", vec!["users[1]"]));
    assert_eq!(
        lists_marketplace_admins(&nick, &profile.name, 0).await.expect("a list").len(),
        3,
        "all of them or none"
    );
    assert_eq!(
        refused(adds_marketplace_admins(&alice, &profile.name, &[&alice]).await).code,
        Code::PermissionDenied
    );
    assert_eq!(
        refused(removes_marketplace_admin(&alice, &profile.name, &mona).await).code,
        Code::PermissionDenied
    );
    assert_eq!(
        refused(lists_marketplace_admins(&alice, &profile.name, 0).await).code,
        Code::PermissionDenied
    );

    removes_marketplace_admin(&nick, &profile.name, &mona).await.expect("also who made it");
    assert_eq!(
        refused(removes_marketplace_admin(&nick, &profile.name, &mona).await).kind(),
        (Code::NotFound, "RESOURCE_NOT_FOUND")
    );
    let preview = RemoveMarketplaceAdminRequest {
        name: format!("{}/admins/{}", profile.name, olga.id()),
        validate_only: true,
        ..Default::default()
    };
    nick.profiles().remove_marketplace_admin(preview).await.expect("a preview");
    assert_eq!(lists_marketplace_admins(&nick, &profile.name, 0).await.expect("a list").len(), 2);
    removes_marketplace_admin(&nick, &profile.name, &olga).await.expect("removed");
    let last = refused(removes_marketplace_admin(&nick, &profile.name, &nick).await);
    assert_eq!(
        last.blocked(),
        (Code::FailedPrecondition, "LAST_MARKETPLACE_ADMIN", vec!["LAST_MARKETPLACE_ADMIN"])
    );
    assert!(shown_in_switcher(&olga, &profile.space).await.is_none(), "R-S2");
}

// R-S5: adding and changing wait for the space to be restored, taking away does not.
async fn in_an_archived_space_marketplace_admins_are_only_removed(suite: Suite) {
    let [mona, nick, olga, alice] = ["mona", "nick", "olga", "alice"].map(|id| suite.user(id));
    let profile = creates_profile(&mona, "Acme").await.expect("created");
    adds_members(&mona, &profile.space, &[(&alice, ADMIN)]).await.expect("added");
    adds_marketplace_admins(&mona, &profile.name, &[&nick]).await.expect("added");
    archives_space(&alice, &profile.space).await.expect("archived");
    let change = VendorProfile { support_uri: "https://x.example".into(), ..profile.clone() };
    for refusal in [
        refused(adds_marketplace_admins(&mona, &profile.name, &[&olga]).await),
        refused(updates_profile(&mona, change.clone(), &[]).await),
    ] {
        assert_eq!(refusal.blocked(), (Code::FailedPrecondition, "SPACE_ARCHIVED", vec!["SPACE_ARCHIVED"]));
    }
    gets_profile(&mona, &profile.name).await.expect("reading goes on");
    removes_marketplace_admin(&mona, &profile.name, &nick).await.expect("removing goes on");
    restores_space(&alice, &profile.space).await.expect("restored");
    updates_profile(&mona, change, &[]).await.expect("all goes on");
}

// R-K5
async fn a_profiles_own_fields_change_by_mask_and_etag(suite: Suite) {
    let [mona, alice] = ["mona", "alice"].map(|id| suite.user(id));
    let before = creates_profile(&mona, "Acme").await.expect("created");
    adds_members(&mona, &before.space, &[(&alice, ADMIN)]).await.expect("added");
    let change = VendorProfile {
        contacts: vec![contact("Security", "s@acme.example"), contact("Billing", "b@acme.example")],
        support_uri: "https://acme.example/help".into(),
        display_name: "not taken".into(),
        ..before.clone()
    };
    assert_eq!(refused(updates_profile(&alice, change.clone(), &[]).await).code, Code::PermissionDenied);
    let one = updates_profile(&mona, change.clone(), &["support_uri"]).await.expect("one field");
    assert_eq!(
        (one.support_uri.as_str(), one.contacts.len(), one.display_name.as_str()),
        ("https://acme.example/help", 0, "Acme")
    );
    assert_ne!(one.etag, before.etag);
    let stale = refused(updates_profile(&mona, change.clone(), &["contacts"]).await);
    assert_eq!(stale.kind(), (Code::Aborted, "ETAG_STALE"));
    let both = updates_profile(&mona, VendorProfile { etag: one.etag.clone(), ..change.clone() }, &[])
        .await
        .expect("the populated ones");
    assert_eq!(both.contacts, change.contacts);
    let same = updates_profile(&mona, VendorProfile { etag: String::new(), ..change }, &["*"])
        .await
        .expect("nothing to change");
    assert_eq!(same, both);
    let empty = VendorProfile { name: before.name.clone(), ..VendorProfile::default() };
    let none = updates_profile(&mona, empty, &["*"]).await.expect("both emptied");
    assert_eq!((none.contacts.len(), none.support_uri.as_str()), (0, ""));
    assert_eq!(gets_profile(&mona, &before.name).await.expect("the profile"), none);
}

// R-P3: a profile of somebody else's and one that there is not are denied alike.
async fn a_profile_looks_missing_to_strangers(suite: Suite) {
    let [mona, mallory] = ["mona", "mallory"].map(|id| suite.user(id));
    let profile = creates_profile(&mona, "Acme").await.expect("created").name;
    // Mallory runs a profile of their own: knowing the Marketplace tells them no more of others'.
    creates_profile(&mallory, "Other").await.expect("created");
    let told = async |name: &str| {
        let named = VendorProfile { name: name.to_owned(), ..VendorProfile::default() };
        [
            refused(gets_profile(&mallory, name).await),
            refused(updates_profile(&mallory, named, &["nonsense"]).await),
            refused(adds_marketplace_admins(&mallory, name, &[]).await),
            refused(removes_marketplace_admin(&mallory, name, &mona).await),
            refused(lists_marketplace_admins(&mallory, name, -1).await),
        ]
    };
    let (forbidden, missing) = (told(&profile).await, told(NOWHERE).await);
    for (forbidden, missing) in forbidden.into_iter().zip(missing) {
        assert_eq!(forbidden.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
        assert_eq!(missing.kind(), forbidden.kind());
        assert_eq!(missing.message.replace(NOWHERE, &profile), forbidden.message);
        assert!(!forbidden.message.contains("spaces/"), "the space is not named: {}", forbidden.message);
    }
}

// R-J5
async fn the_same_request_id_answers_with_the_first_profile(suite: Suite) {
    let [alice, mona] = ["alice", "mona"].map(|id| suite.user(id));
    let request_id = "0190a8d0-7b1c-7def-8000-00000000000a".to_owned();
    let space = alice.creates_space("Team").await;
    let accept = AcceptTermsRequest { request_id: request_id.clone(), ..acceptance_of_terms(&space) };
    let first = alice.profiles().accept_terms(accept.clone()).await.expect("accepted").into_inner();
    let again = alice.profiles().accept_terms(accept).await.expect("though it is published now").into_inner();
    assert_eq!(again, first);
    let create = CreateVendorProfileRequest { request_id, ..creation_of_profile("Acme") };
    let first = mona.profiles().create_vendor_profile(create.clone()).await.expect("created").into_inner();
    let again = mona.profiles().create_vendor_profile(create.clone()).await.expect("replayed").into_inner();
    assert_eq!(again, first);
    let other = CreateVendorProfileRequest { request_id: create.request_id, ..creation_of_profile("Other") };
    assert_eq!(refused(mona.profiles().create_vendor_profile(other).await).reason, "REQUEST_ID_REUSED");
    assert_eq!(
        mona.spaces()
            .list_spaces(ListSpacesRequest::default())
            .await
            .expect("a list")
            .into_inner()
            .spaces
            .len(),
        1
    );
}
