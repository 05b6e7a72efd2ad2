//! How an app moves, and what moves with it.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    journal::v1::{Entry, ListEntriesRequest},
    space::v1::{ContributorRole, transfer::State},
};
use devspaces_tests::{Persona, Suite, refused};
use prost_types::value::Kind;
use tonic::Code;

use crate::acts::{
    accounts::consents_to_invoicing,
    apps::{apps_seen, gets_app},
    contributors::{DEPLOYER, OWNER, adds_contributors, listed_contributors},
    invoices::previews_invoice,
    journal::{entries_of, lists_entries},
    members::{ADMIN, VIEWER, adds_members, removes_member},
    transfers::{
        TwoSpaces, accepts_transfer, blockers_of, cancels_transfer, declines_transfer, gets_transfer,
        initiates_transfer, lists_transfers,
    },
    usage::{LOGS_GB, lists_usage, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
        an_admin_of_both_spaces_moves_an_app_at_once,
        otherwise_an_admin_of_the_destination_accepts_it,
        both_journals_tell_it_and_name_the_other_space,
        roles_that_moved_along_are_the_destinations_to_take,
        usage_and_its_allowance_follow_by_time,
        who_administers_neither_space_has_no_part_in_a_transfer;
    two replicas:
        an_admin_of_both_spaces_moves_an_app_at_once;
}

/// Whether someone sees an app, by reading it and by asking.
async fn sees(who: &Persona, app: &str) -> bool {
    let read = gets_app(who, app).await;
    assert_eq!(read.is_ok(), who.may("app.get", app).await);
    read.is_ok()
}

// R-A7, R-A8, R-A4: what is one's own moves along, what is derived from a space is the destination's from then on.
async fn an_admin_of_both_spaces_moves_an_app_at_once(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let [victor, vera, erin] = ["victor", "vera", "erin"].map(|id| suite.user(id));
    adds_members(&it.alice, &it.source, &[(&victor, VIEWER)]).await.expect("added");
    adds_members(&it.dan, &it.destination, &[(&it.alice, ADMIN), (&vera, VIEWER)]).await.expect("added");
    adds_contributors(&it.bob, &it.app, &[(&erin, DEPLOYER)]).await.expect("added");
    assert!(sees(&victor, &it.app).await && !sees(&vera, &it.app).await);

    let moved = initiates_transfer(&it.alice, &it.app, &it.destination).await.expect("moved");
    assert_eq!((moved.state(), &moved.app, &moved.initiator), (State::Accepted, &it.app, &it.alice.name));
    assert_eq!((&moved.source, &moved.destination), (&it.source, &it.destination));
    let named: Vec<(&str, ContributorRole)> =
        moved.contributors.iter().map(|it| (it.user.as_str(), it.role())).collect();
    assert_eq!(named, [(it.bob.name.as_str(), OWNER), (&erin.name, DEPLOYER)], "all who move along");

    assert!(!sees(&victor, &it.app).await && sees(&vera, &it.app).await);
    assert_eq!(gets_app(&it.bob, &it.app).await.expect("his own").space, it.destination);
    assert!(it.bob.may("app.delete", &it.app).await && erin.may("app.deploy", &it.app).await);
    assert_eq!(apps_seen(&it.alice, &it.source).await, []);
    assert_eq!(apps_seen(&vera, &it.destination).await, [(it.app.clone(), ContributorRole::Viewer)]);
    let listed = listed_contributors(&it.dan, &it.app).await;
    let derived: Vec<&str> = listed.iter().filter(|it| it.2).map(|it| it.0.as_str()).collect();
    assert_eq!(derived, [it.alice.id(), it.dan.id(), vera.id()]);
    let told = gets_transfer(&it.dan, &moved.name).await.expect("the transfer");
    assert_eq!((told.state(), told.end_time), (State::Accepted, moved.end_time));
}

// R-A7, R-A8
async fn otherwise_an_admin_of_the_destination_accepts_it(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let proposed = initiates_transfer(&it.alice, &it.app, &it.destination).await.expect("proposed");
    assert_eq!((proposed.state(), proposed.end_time), (State::Pending, None));
    let open = proposed.expire_time.expect("a time").seconds - proposed.create_time.expect("a time").seconds;
    assert_eq!(open, 7 * 86_400);
    assert_eq!(gets_app(&it.alice, &it.app).await.expect("the app").space, it.source, "nothing has moved");
    assert!(!sees(&it.dan, &it.app).await);

    let told = gets_transfer(&it.dan, &proposed.name).await.expect("the transfer");
    assert_eq!((told.app_display_name.as_str(), &told.contributors[0].user), ("App", &it.bob.name));
    assert_eq!(blockers_of(&it.dan, &proposed.name).await, Vec::<String>::new());
    for (who, space) in [(&it.alice, &it.source), (&it.dan, &it.destination)] {
        let pending = lists_transfers(who, space, true).await.expect("a list");
        assert_eq!(pending.iter().map(|it| &it.name).collect::<Vec<_>>(), [&proposed.name]);
        assert!(pending[0].contributors.is_empty(), "a list names nobody");
    }

    let accepted = accepts_transfer(&it.dan, &proposed.name).await.expect("accepted");
    assert_eq!((accepted.state(), &accepted.contributors[0].user), (State::Accepted, &it.bob.name));
    assert!(sees(&it.dan, &it.app).await && !sees(&it.alice, &it.app).await);
    assert!(it.bob.may("app.deploy", &it.app).await);
    for (who, space) in [(&it.alice, &it.source), (&it.dan, &it.destination)] {
        assert_eq!(lists_transfers(who, space, true).await.expect("a list"), []);
        let all = lists_transfers(who, space, false).await.expect("a list");
        assert_eq!((all.len(), all[0].state()), (1, State::Accepted));
        let ended = gets_transfer(who, &proposed.name).await.expect("the transfer");
        assert!(ended.contributors.is_empty() && ended.blockers.is_empty(), "they are the destination's now");
    }
}

// R-A8, R-M5, R-A5: who leaves the source keeps the role on what has moved, and who is removed from the destination does not.
async fn roles_that_moved_along_are_the_destinations_to_take(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let transfer = it.proposed().await;
    assert!(it.bob.may("apps.list", &it.source).await && !it.bob.may("apps.list", &it.destination).await);
    accepts_transfer(&it.dan, &transfer).await.expect("accepted");
    assert!(it.bob.may("apps.list", &it.destination).await, "he contributes to an app there");
    let gone = removes_member(&it.alice, &it.source, &it.bob).await.expect("removed");
    assert_eq!(gone.removed_app_roles, [], "he has none there any more");
    assert!(!it.bob.may("apps.list", &it.source).await);
    assert!(it.bob.may("app.deploy", &it.app).await && it.bob.may("app.delete", &it.app).await);
    adds_members(&it.dan, &it.destination, &[(&it.bob, VIEWER)]).await.expect("added");
    removes_member(&it.dan, &it.destination, &it.bob).await.expect("removed");
    assert!(!sees(&it.bob, &it.app).await);
    let owner = (it.dan.id().to_owned(), OWNER, false);
    assert_eq!(listed_contributors(&it.dan, &it.app).await, [owner], "the Admin who removed him");
}

/// The text at a path in what a journal says is after an entry.
fn after<'a>(entry: &'a Entry, path: &[&str]) -> &'a str {
    let mut value = entry.after.as_ref().expect("something");
    for name in path {
        let Some(Kind::StructValue(fields)) = &value.kind else { panic!("no fields: {value:?}") };
        value = &fields.fields[*name];
    }
    let Some(Kind::StringValue(text)) = &value.kind else { panic!("no text: {value:?}") };
    text
}

// R-A7, R-J1
async fn both_journals_tell_it_and_name_the_other_space(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let transfer = it.proposed().await;
    accepts_transfer(&it.dan, &transfer).await.expect("accepted");
    for (who, space) in [(&it.alice, &it.source), (&it.dan, &it.destination)] {
        let of_transfer = ListEntriesRequest { resource: transfer.clone(), ..entries_of(space) };
        let entries = lists_entries(who, Service::Space, of_transfer).await;
        let [proposed, accepted] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((proposed.actor.as_str(), accepted.actor.as_str()), (&*it.alice.name, &*it.dan.name));
        assert!(
            proposed.method.ends_with("/InitiateTransfer") && accepted.method.ends_with("/AcceptTransfer")
        );
        for name in [&it.app, &transfer] {
            assert!(proposed.resources.contains(name) && accepted.resources.contains(name));
        }
        assert_eq!((after(proposed, &["state"]), proposed.facts), ("PENDING", false));
        assert_eq!((after(accepted, &["transfer", "state"]), accepted.facts), ("ACCEPTED", true));
        for (path, space) in [("source", &it.source), ("destination", &it.destination)] {
            assert_eq!(after(proposed, &[path]), space);
            assert_eq!(after(accepted, &["transfer", path]), space);
        }
        assert_eq!(after(accepted, &["app", "space"]), it.destination);
    }
    let of_app = lists_entries(&it.dan, Service::Space, entries_of(&it.app)).await;
    assert_eq!(of_app.len(), 3, "it was created, proposed and accepted: the app's journal moves along");
}

// R-B5, R-B6: an app has one allowance for a month, whichever spaces held it.
async fn usage_and_its_allowance_follow_by_time(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    adds_members(&it.dan, &it.destination, &[(&it.alice, ADMIN)]).await.expect("added");
    consents_to_invoicing(&it.alice, &it.source).await.expect("an account");
    consents_to_invoicing(&it.dan, &it.destination).await.expect("an account");
    let before = new_usage_event(&suite, &it.app, LOGS_GB, "1");
    reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "0.5")).await;
    suite.clock.advance(Duration::from_hours(1));
    initiates_transfer(&it.alice, &it.app, &it.destination).await.expect("moved");
    suite.clock.advance(Duration::from_hours(1));
    reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "2")).await;
    // It was used before the app moved, and is told afterwards.
    reports_accepted(&suite, before).await;
    let used =
        |quantity: &str, events| vec![(it.app.clone(), LOGS_GB.to_owned(), quantity.to_owned(), events)];
    assert_eq!(lists_usage(&it.alice, &it.source).await.expect("usage"), used("1.5", 2));
    assert_eq!(lists_usage(&it.dan, &it.destination).await.expect("usage"), used("2", 1));
    let mut free = Vec::new();
    for (who, space) in [(&it.alice, &it.source), (&it.dan, &it.destination)] {
        let next = previews_invoice(who, space).await.expect("the next bill");
        free.extend(next.lines.iter().map(|line| line.free_quantity.parse::<f64>().expect("a number")));
    }
    assert!((free.iter().sum::<f64>() - 1.0).abs() < 1e-9, "of both together 1 GB is free: {free:?}");
}

// R-A7, R-P3: contributors, Developers and Viewers of either space, and strangers.
async fn who_administers_neither_space_has_no_part_in_a_transfer(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let [victor, vera, mallory] = ["victor", "vera", "mallory"].map(|id| suite.user(id));
    adds_members(&it.alice, &it.source, &[(&victor, VIEWER)]).await.expect("added");
    adds_members(&it.dan, &it.destination, &[(&vera, VIEWER)]).await.expect("added");
    let transfer = it.proposed().await;
    let denied = (Code::PermissionDenied, "PERMISSION_DENIED");
    let missing = "transfers/0190a8d0-7b1c-7def-8000-000000000001";
    for who in [&it.bob, &victor, &vera, &mallory] {
        let refusal = refused(initiates_transfer(who, &it.app, &it.destination).await);
        assert_eq!((refusal.kind(), refusal.metadata[0].1.as_str()), (denied, "app.transfer"));
        let hidden = refused(gets_transfer(who, &transfer).await);
        assert_eq!(hidden.kind(), denied);
        let other = refused(gets_transfer(who, missing).await);
        assert_eq!(other.message.replace(missing, &transfer), hidden.message, "{}: R-P3", who.name);
        assert_eq!(refused(accepts_transfer(who, &transfer).await).metadata[0].1, "transfer.accept");
        let declined = declines_transfer(who, &transfer).await;
        assert_eq!(refused(declined).metadata[0].1, "transfer.accept");
        let cancelled = cancels_transfer(who, &transfer).await;
        assert_eq!(refused(cancelled).metadata[0].1, "app.transfer");
        for space in [&it.source, &it.destination] {
            assert_eq!(refused(lists_transfers(who, space, false).await).kind(), denied);
        }
    }
    // Neither side acts for the other.
    assert_eq!(refused(accepts_transfer(&it.alice, &transfer).await).kind(), denied);
    assert_eq!(refused(cancels_transfer(&it.dan, &transfer).await).kind(), denied);
    assert_eq!(gets_transfer(&it.dan, &transfer).await.expect("the transfer").state(), State::Pending);
}
