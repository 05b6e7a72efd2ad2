//! Where invoices go: for billing admins, and in no journal.
use devspaces::Service;
use devspaces_proto::{
    billing::v1::{Address, Addresses, GetAddressesRequest, UpdateAddressesRequest},
    journal::v1::ListEntriesRequest,
};
use devspaces_tests::{Suite, refused, sql::pairs};
use tonic::Code;

use crate::acts::{
    accounts::{
        account_of, address, billing_address_only, gets_account, gets_addresses, run_by_bob,
        updates_addresses,
    },
    journal::lists_entries,
    refusals::{DENIED, status_with_details},
};

scenarios! {
    both engines:
        the_journal_tells_which_address_changed_and_nothing_of_it;
    everywhere:
        addresses_are_for_billing_admins_only,
        addresses_change_by_mask_and_etag,
        every_bad_field_of_an_address_is_told_at_once;
}

// R-B4
async fn addresses_are_for_billing_admins_only(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let none = gets_addresses(&bob, &space).await.expect("addresses");
    assert_eq!(
        (none.name.clone(), none.billing.clone(), none.sold_to.clone(), none.update_time),
        (account_of(&space), None, None, None)
    );
    let one =
        updates_addresses(&bob, &space, billing_address_only(address("Erika")), &[]).await.expect("set");
    assert_eq!((one.billing.clone(), one.sold_to.clone()), (Some(address("Erika")), None));
    assert!(one.update_time.is_some() && one.etag != none.etag);
    assert_eq!(gets_addresses(&bob, &space).await.expect("addresses"), one);
    let account = gets_account(&bob, &space).await.expect("the account");
    assert_eq!(account.addresses, Some(one));
    assert_eq!(gets_account(&alice, &space).await.expect("the account").addresses, None);
    assert_eq!(refused(gets_addresses(&alice, &space).await).kind(), DENIED);
    assert_eq!(
        refused(updates_addresses(&alice, &space, billing_address_only(address("A")), &[]).await).kind(),
        DENIED
    );
}

// R-B4
async fn addresses_change_by_mask_and_etag(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let none = gets_addresses(&bob, &space).await.expect("addresses");
    let both = |a: &str, b: &str, etag: &str| Addresses {
        billing: Some(address(a)),
        sold_to: Some(address(b)),
        etag: etag.to_owned(),
        ..Addresses::default()
    };
    let first =
        updates_addresses(&bob, &space, both("A", "B", &none.etag), &["sold_to"]).await.expect("one of them");
    assert_eq!((first.billing.clone(), first.sold_to.clone()), (None, Some(address("B"))));
    let stale = refused(updates_addresses(&bob, &space, both("A", "B", &none.etag), &[]).await);
    assert_eq!(stale.kind(), (Code::Aborted, "ETAG_STALE"));
    let second =
        updates_addresses(&bob, &space, both("A", "C", &first.etag), &[]).await.expect("the populated ones");
    assert_eq!((second.billing.clone(), second.sold_to.clone()), (Some(address("A")), Some(address("C"))));
    let same = updates_addresses(&bob, &space, both("A", "C", ""), &["*"]).await.expect("nothing to change");
    assert_eq!(same, second);
    let third = updates_addresses(&bob, &space, Addresses::default(), &["billing"])
        .await
        .expect("masked and absent: removed");
    assert_eq!((third.billing, third.sold_to), (None, Some(address("C"))));
    let fourth = updates_addresses(&bob, &space, Addresses::default(), &["*"]).await.expect("all removed");
    assert!(fourth.sold_to.is_none() && fourth.update_time.is_some() && fourth.etag != third.etag);
    assert_eq!(gets_account(&bob, &space).await.expect("the account").addresses, None);
}

// R-J1: the journal has no personal detail of an address, and so none to erase.
async fn the_journal_tells_which_address_changed_and_nothing_of_it(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    updates_addresses(&bob, &space, billing_address_only(address("Erika Mustermann")), &[])
        .await
        .expect("set");
    updates_addresses(
        &bob,
        &space,
        billing_address_only(Address { country_code: "AT".into(), ..address("Erika") }),
        &[],
    )
    .await
    .expect("changed");
    let request =
        ListEntriesRequest { parent: space.clone(), service: "billing".into(), ..Default::default() };
    let entries = lists_entries(&bob, Service::Billing, request).await;
    let last = format!("{:?}", entries.last().expect("an entry"));
    assert!(last.contains("UpdateAddresses") && last.contains("\"DE\"") && last.contains("\"AT\""), "{last}");
    let pool = suite.pool(Service::Billing).await;
    let stored = format!("{entries:?} {:?}", pairs(&pool, "SELECT content, personal FROM journal").await);
    for detail in ["Erika", "Heidestra", "Hinterhaus", "Köln", "51147", "DE123456789"] {
        assert!(!stored.contains(detail), "{detail}");
    }
}

// Order of answers, R-B4
async fn every_bad_field_of_an_address_is_told_at_once(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = run_by_bob(&alice, &bob).await;
    let long = "secret".repeat(20);
    let bad = Address {
        recipient: String::new(),
        lines: vec![long.clone(), "x".into(), "a\nb".into()],
        locality: "a\u{202e}".into(),
        administrative_area: long.clone(),
        postal_code: "x".repeat(21),
        country_code: "XK".into(),
        tax_id: "x".repeat(41),
    };
    let addresses = Addresses { billing: Some(bad), sold_to: Some(Address::default()), ..Default::default() };
    let status = updates_addresses(&bob, &space, addresses, &["*"]).await.expect_err("a refusal");
    assert!(!status_with_details(&status).contains("secret"));
    let expected = [
        "billing.recipient",
        "billing.locality",
        "billing.administrative_area",
        "billing.postal_code",
        "billing.tax_id",
        "billing.lines[0]",
        "billing.lines[2]",
        "billing.country_code",
        "sold_to.recipient",
        "sold_to.locality",
        "sold_to.lines",
        "sold_to.country_code",
    ]
    .map(|field| format!("addresses.{field}"));
    assert_eq!(refused(Err::<(), _>(status)).fields, expected);
    let many = Address { lines: vec!["x".into(); 6], ..address("E") };
    assert_eq!(
        refused(updates_addresses(&bob, &space, billing_address_only(many), &[]).await).fields,
        ["addresses.billing.lines"]
    );
    for code in ["de", "DEU", "", "ZZ"] {
        let bad = Address { country_code: code.into(), ..address("E") };
        assert_eq!(
            refused(updates_addresses(&bob, &space, billing_address_only(bad), &[]).await).fields,
            ["addresses.billing.country_code"]
        );
    }
    let mask = refused(updates_addresses(&bob, &space, billing_address_only(address("E")), &["etag"]).await);
    assert_eq!(mask.fields, ["update_mask"]);
    let nothing = UpdateAddressesRequest { request_id: "x".into(), ..Default::default() };
    assert_eq!(
        refused(bob.accounts().update_addresses(nothing).await).fields,
        ["addresses.name", "request_id"]
    );
    let request = GetAddressesRequest { name: space.clone() };
    assert_eq!(refused(bob.accounts().get_addresses(request).await).fields, ["name"]);
}
