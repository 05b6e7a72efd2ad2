//! Vendor profiles that are taken over from another system, with their spaces, their apps and their admins.
use devspaces::Service;
use devspaces_proto::{
    marketplace::v1::{ImportVendorProfileRequest, ImportVendorProfileResponse, ImportedApp, VendorProfile},
    space::v1::app::Listing,
};
use devspaces_tests::{
    Suite, refused,
    sql::{WriteLock, count},
    suite::eventually,
};
use futures::future::join_all;
use tonic::{Code, Status};

use crate::{
    acts::{
        apps::{apps_seen, gets_app, lists_apps},
        contributors::{OWNER, listed_contributors},
        marketplace::{contact, gets_profile, lists_marketplace_admins},
        members::{ADMIN, adds_members, lists_members},
        spaces::{gets_space, shown_in_switcher, tries_to_rename},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_takeover_waits_for_the_space_service;
    everywhere:
        an_existing_profile_comes_with_its_space_its_apps_and_its_admins,
        the_same_source_again_changes_nothing,
        one_source_many_times_at_once_is_one_profile,
        the_largest_takeover_arrives;
}

fn takeover(suite: &Suite, source_id: &str) -> ImportVendorProfileRequest {
    let [nick, mona, dev] = ["nick", "mona", "dev"].map(|id| suite.user(id).name);
    let app = |display_name: &str, owner: &str| ImportedApp {
        display_name: display_name.to_owned(),
        owner: owner.to_owned(),
    };
    ImportVendorProfileRequest {
        source_id: suite.own(source_id),
        vendor_profile: Some(VendorProfile {
            display_name: "Acme".into(),
            contacts: vec![contact("Support", "help@acme.example")],
            ..VendorProfile::default()
        }),
        admins: vec![nick, mona.clone()],
        apps: vec![app("One", &dev), app("Two", &mona)],
        request_id: String::new(),
    }
}

async fn imports(
    suite: &Suite,
    request: ImportVendorProfileRequest,
) -> Result<ImportVendorProfileResponse, Status> {
    let migrator = suite.persona("services/migrator");
    migrator.profiles().import_vendor_profile(request).await.map(tonic::Response::into_inner)
}

// R-K7, R-M3
async fn an_existing_profile_comes_with_its_space_its_apps_and_its_admins(suite: Suite) {
    let [mona, nick, dev, alice] = ["mona", "nick", "dev", "alice"].map(|id| suite.user(id));
    let answer = imports(&suite, takeover(&suite, "vendor:1")).await.expect("imported");
    let profile = answer.vendor_profile.expect("a profile");
    assert_eq!((profile.display_name.as_str(), profile.terms_version.as_str()), ("Acme", ""));
    assert_eq!(gets_profile(&nick, &profile.name).await.expect("the profile"), profile);
    assert_eq!(
        lists_marketplace_admins(&mona, &profile.name, 0).await.expect("a list"),
        [mona.name.clone(), nick.name.clone()]
    );
    let space = gets_space(&mona, &profile.space).await.expect("the space");
    assert!(space.published && space.display_name == "Acme");
    assert!(shown_in_switcher(&mona, &profile.space).await.expect("R-S2").marketplace_admin);
    assert!(lists_members(&mona, &profile.space).await.expect("a list").is_empty());

    let one = gets_app(&dev, &answer.apps[0]).await.expect("the owner sees it");
    assert_eq!(
        (one.display_name.as_str(), &one.space, one.my_role(), one.listing()),
        ("One", &profile.space, OWNER, Listing::Private)
    );
    assert_eq!(apps_seen(&mona, "").await, [(answer.apps[1].clone(), OWNER)]);
    assert_eq!(gets_app(&mona, &answer.apps[1]).await.expect("the app").display_name, "Two");
    adds_members(&mona, &profile.space, &[(&alice, ADMIN)]).await.expect("R-M3");
    assert_eq!(lists_apps(&alice, &profile.space, 0).await.expect("a list").len(), 2);
    assert_eq!(
        listed_contributors(&alice, &answer.apps[0])
            .await
            .into_iter()
            .filter(|(_, role, _)| *role == OWNER)
            .map(|it| it.0)
            .collect::<Vec<_>>(),
        [dev.id()]
    );
    // R-B5: the space holds them from now on.
    let held = "SELECT COUNT(*) FROM holding WHERE end_time IS NULL";
    if let Some(pool) = suite.inside(Service::Space).await {
        assert_eq!(count(&pool, held).await, 2);
    }
    for who in [&mona, &suite.persona("services/importer")] {
        let refusal = refused(who.profiles().import_vendor_profile(takeover(&suite, "vendor:2")).await);
        assert_eq!(refusal.code, Code::PermissionDenied, "R-P7");
    }
}

// R-K7: idempotent by the source, whatever has become of the profile meanwhile.
async fn the_same_source_again_changes_nothing(suite: Suite) {
    let mona = suite.user("mona");
    let first = imports(&suite, takeover(&suite, "vendor:1")).await.expect("imported");
    let again = imports(&suite, takeover(&suite, "vendor:1")).await.expect("again");
    assert_eq!(again, first);
    let keyed = ImportVendorProfileRequest { request_id: suite.request_id(), ..takeover(&suite, "vendor:1") };
    assert_eq!(imports(&suite, keyed.clone()).await.expect("by another call"), first);
    let space = first.vendor_profile.clone().expect("a profile").space;
    tries_to_rename(&mona, &space).await.expect("renamed");
    let now = imports(&suite, takeover(&suite, "vendor:1"))
        .await
        .expect("again")
        .vendor_profile
        .expect("a profile");
    assert_eq!(now.display_name, format!("Named by {}", mona.id()), "as it is now");
    assert_eq!(imports(&suite, keyed).await.expect("R-J5"), first);
    let mut other = takeover(&suite, "vendor:1");
    other.apps.pop();
    let refusal = refused(imports(&suite, other).await);
    assert_eq!(refusal.bad_fields(), (Code::AlreadyExists, "VENDOR_PROFILE_EXISTS", vec!["source_id"]));
    let second = imports(&suite, takeover(&suite, "vendor:2"))
        .await
        .expect("another source")
        .vendor_profile
        .expect("a profile");
    assert_ne!(second.space, space);
    if let (Some(market), Some(spaces)) =
        (suite.inside(Service::Marketplace).await, suite.inside(Service::Space).await)
    {
        assert_eq!(count(&market, "SELECT COUNT(*) FROM vendor_profile").await, 2);
        assert_eq!(count(&spaces, "SELECT COUNT(*) FROM app").await, 4);
    }
}

// R-K7, R-K3: however many at once.
async fn one_source_many_times_at_once_is_one_profile(suite: Suite) {
    for round in 0..rounds(10) {
        let source = format!("vendor:{round}");
        let answers = join_all((0..6).map(|_| imports(&suite, takeover(&suite, &source)))).await;
        let mut results = answers.into_iter().filter_map(|answer| match answer {
            Ok(result) => Some(result),
            Err(status) => {
                // Somebody else's is on its way, and its space not there yet.
                assert_eq!(refused(Err::<(), _>(status)).code, Code::Unavailable);
                None
            }
        });
        let first = results.next().expect("one that was answered");
        assert!(results.all(|result| result == first), "round {round}");
        assert_eq!(imports(&suite, takeover(&suite, &source)).await.expect("again"), first);
    }
    if let (Some(market), Some(spaces)) =
        (suite.inside(Service::Marketplace).await, suite.inside(Service::Space).await)
    {
        assert_eq!(count(&market, "SELECT COUNT(*) FROM vendor_profile").await, rounds::<i64>(10));
        assert_eq!(count(&spaces, "SELECT COUNT(*) FROM space").await, rounds::<i64>(10));
    }
}

// R-K7: the most that one call may bring arrives whole.
async fn the_largest_takeover_arrives(suite: Suite) {
    let mut largest = takeover(&suite, "vendor:1");
    let owner = suite.user(&"x".repeat(512 - suite.own("").len()));
    let app = ImportedApp { display_name: "\u{1F984}".repeat(100), owner: owner.name.clone() };
    largest.apps = vec![app; 1000];
    let answer = eventually(async || match imports(&suite, largest.clone()).await {
        Ok(answer) => Some(answer),
        Err(status) => {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            None
        }
    });
    let answer = answer.await;
    assert_eq!(answer.apps.len(), 1000);
    assert_eq!(lists_apps(&owner, "", 1000).await.expect("a list").len(), 1000);
    largest.apps.push(largest.apps[0].clone());
    assert_eq!(refused(imports(&suite, largest).await).fields, ["apps"]);
}

// R-K7: the profile is there as soon as its space can be.
async fn a_takeover_waits_for_the_space_service(suite: Suite) {
    let lock = WriteLock::take(&suite.pool(Service::Space).await).await;
    let pending = refused(imports(&suite, takeover(&suite, "vendor:1")).await);
    assert_eq!(pending.kind(), (Code::Unavailable, "EFFECT_PENDING"));
    assert_eq!(
        refused(imports(&suite, takeover(&suite, "vendor:1")).await).code,
        Code::Unavailable,
        "not made twice"
    );
    lock.release().await;
    let answer = eventually(async || imports(&suite, takeover(&suite, "vendor:1")).await.ok()).await;
    let mona = suite.user("mona");
    gets_app(&mona, &answer.apps[1]).await.expect("its app");
    assert_eq!(
        count(&suite.pool(Service::Marketplace).await, "SELECT COUNT(*) FROM vendor_profile").await,
        1
    );
}
