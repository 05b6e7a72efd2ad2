//! Who holds which roles in a space, on every plane (R-M13).
mod team;

use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    authz::v1::{Plane, Role},
    membership::v1::{
        ExportRoleBindingsRequest, GrantAppRoleRequest, ListRoleBindingsRequest, Member,
        PreviewDepartureRequest, RemoveMemberRequest, role_binding::Way,
    },
    space::v1::GrantAppGroupRoleRequest,
};
use devspaces_tests::{Persona, Suite, refused, suite::eventually};
use tonic::Code;

use self::team::{Line, Team, asking, console, derived, exports, line, lines, lists, page, team};
use crate::acts::{
    app_groups::{self, grants_app_group_role},
    contributors::DEPLOYER,
    groups::{self, grants_app_role_as_given},
    invitations::{invites, of_user},
    members::{ADMIN, DEVELOPER, VIEWER, adds_members, adds_members_as_given, member, removes_member},
    people::{deactivates, reactivates},
    refusals::{DENIED, INVALID},
};

scenarios! {
    both engines:
        a_plane_whose_owner_is_down_is_named_and_the_rest_is_told,
        pages_skip_and_repeat_no_role_while_others_come_and_go,
        what_ends_within_a_time_is_told,
        an_export_ends_when_its_reader_may_read_no_more;
    everywhere:
        every_role_is_told_with_its_way_its_giver_and_its_end,
        each_plane_is_told_to_whoever_may_list_it,
        a_preview_tells_what_the_removal_then_does,
        bad_input_to_a_review_is_named_by_its_field;
}

// R-M13: whole in pages of any size and as CSV, for a person and for all.
async fn every_role_is_told_with_its_way_its_giver_and_its_end(suite: Suite) {
    let team = team(&suite).await;
    let Team { alice, dora, erin, space, .. } = &team;
    for size in [0, 1, 2, 3, 5, 22] {
        let all = lists(alice, asking(space), size).await.expect("a list");
        assert_eq!(lines(&all), team.all_lines(), "pages of {size}");
    }
    let all = lists(alice, asking(space), 0).await.expect("a list");
    for binding in &all {
        let (told, expected) = (binding.given_by.as_str(), line(binding));
        let giver = match (binding.way(), &binding.user) {
            (Way::Derived, _) => "",
            (Way::Direct, user)
                if binding.resource == team.apps[0] && (*user == erin.name || *user == dora.name) =>
            {
                &dora.name
            }
            _ => &alice.name,
        };
        assert_eq!(told, giver, "{expected:?}");
        assert_eq!(binding.start_time.is_some(), binding.way() != Way::Derived, "{expected:?}");
        assert_eq!(binding.way() == Way::Group, team.groups.contains(&binding.group), "{expected:?}");
        assert_eq!(binding.expire_time, None, "{expected:?}");
    }
    for who in [dora, erin, &team.mia] {
        let request = ListRoleBindingsRequest { user: who.name.clone(), ..asking(space) };
        let own: Vec<_> = team.all_lines().into_iter().filter(|(user, ..)| *user == who.name).collect();
        for size in [1, 2, 3] {
            let told = lists(alice, request.clone(), size).await.expect("a list");
            assert_eq!(lines(&told), own, "{}, pages of {size}", who.name);
        }
    }
    deactivates(&suite, erin).await.expect("deactivated");
    let marked = lists(alice, asking(space), 0).await.expect("a list");
    assert!(marked.iter().all(|binding| binding.deactivated == (binding.user == erin.name)), "R-M12");
    reactivates(&suite, erin).await.expect("reactivated");
    let csv = exports(alice, space).await.expect("whole");
    let mut records = csv.split_terminator("\r\n");
    let header = "user,plane,resource,role,view_all_apps,way,derived_from,start_time,given_by,expire_time,deactivated,emergency,\
         group";
    assert_eq!(records.next(), Some(header));
    let records: Vec<_> = records.map(|record| record.split(',').collect::<Vec<_>>()).collect();
    assert_eq!(records.len(), all.len());
    for (record, binding) in records.iter().zip(&all) {
        assert_eq!(
            (record[0], record[2], record[8], record[12]),
            (&*binding.user, &*binding.resource, &*binding.given_by, &*binding.group)
        );
        assert_eq!(format!("ROLE_{}", record[3]), binding.role().as_str_name());
    }
}

// R-M13, R-P3
async fn each_plane_is_told_to_whoever_may_list_it(suite: Suite) {
    let team = team(&suite).await;
    let Team { bob, dora, erin, mia, victor, space, .. } = &team;
    let console = team.console_lines();
    let cases = [
        (dora, console.clone()),
        (victor, [console.clone(), team.derived_lines(), team.app_lines()].concat()),
        (bob, team.billing_lines()),
        (mia, [console, team.marketplace_lines()].concat()),
    ];
    for (who, expected) in cases {
        for size in [0, 1] {
            let told = lists(who, asking(space), size).await.expect("a list");
            assert_eq!(lines(&told), expected, "{}, pages of {size}", who.name);
        }
        let csv = exports(who, space).await.expect("whole");
        assert_eq!(csv.matches("\r\n").count(), expected.len() + 1, "{}", who.name);
    }
    let nowhere = crate::acts::spaces::NOWHERE;
    for place in [space.as_str(), nowhere] {
        let refusal = refused(page(erin, asking(place)).await);
        assert_eq!(refusal.kind(), DENIED, "an app's contributor is no member: {place}");
        assert_eq!(refused(exports(erin, place).await).message, refusal.message);
    }
}

// R-M13, R-P2: what an owner that is down says nothing about is no reason to tell nothing.
async fn a_plane_whose_owner_is_down_is_named_and_the_rest_is_told(suite: Suite) {
    let mut suite = suite;
    let team = team(&suite).await;
    let (alice, space) = (team.alice.clone(), team.space.clone());
    let down = [
        (Service::Billing, "billing", Plane::Billing, "billing"),
        (Service::Space, "app", Plane::App, "space"),
    ];
    for (service, plane, missing, owner) in down {
        suite.stop(service).await;
        let told = page(&alice, asking(&space)).await.expect("the rest");
        assert_eq!(told.unknown_planes, [plane]);
        let expected = team.all_lines().into_iter();
        let expected: Vec<_> =
            expected.filter(|(_, on, _, _, way)| *on != missing || *way == Way::Derived).collect();
        assert_eq!(lines(&told.bindings), expected, "{plane}");
        let cut = refused(exports(&alice, &space).await);
        assert_eq!(cut.kind(), (Code::Unavailable, "FACTS_UNAVAILABLE"), "a file can't say what is missing");
        assert_eq!(cut.metadata, [("missing".to_owned(), owner.to_owned())]);
        suite.restart(service).await;
        eventually(async || {
            lists(&alice, asking(&space), 0).await.ok().filter(|all| lines(all) == team.all_lines())
        })
        .await;
    }
}

// R-M13: complete for whoever is there throughout.
async fn pages_skip_and_repeat_no_role_while_others_come_and_go(suite: Suite) {
    let team = team(&suite).await;
    let (alice, space) = (&team.alice, &team.space);
    let mut request = ListRoleBindingsRequest { page_size: 1, ..asking(space) };
    let (mut seen, mut number) = (Vec::new(), 0);
    loop {
        let [early, late] = ["aaron", "zoe"].map(|id| suite.user(&format!("{id}{number}")));
        adds_members(alice, space, &[(&early, VIEWER), (&late, DEVELOPER)]).await.expect("added");
        let page = page(alice, request.clone()).await.expect("a page");
        removes_member(alice, space, &early).await.expect("removed");
        removes_member(alice, space, &late).await.expect("removed");
        seen.extend(lines(&page.bindings));
        number += 1;
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let lasting = team.all_lines();
    seen.retain(|line| lasting.contains(line));
    assert_eq!(seen, lasting);
}

// R-M10, R-M13
async fn what_ends_within_a_time_is_told(suite: Suite) {
    let team = team(&suite).await;
    let (alice, space) = (&team.alice, &team.space);
    let [soon, later] = ["soon", "later"].map(|id| suite.user(id));
    let start = suite.clock_in(0);
    let at = |seconds| prost_types::Timestamp { seconds: start.seconds + seconds, nanos: 0 };
    let until = |who: &Persona, seconds| Member { expire_time: Some(at(seconds)), ..member(who, VIEWER) };
    adds_members_as_given(alice, space, vec![until(&soon, 3600), until(&later, 7200)]).await.expect("added");
    let own = app_groups::grant(&team.app_groups[0], &team.erin.name, DEPLOYER);
    let own = GrantAppGroupRoleRequest { expire_time: Some(at(1800)), ..own };
    grants_app_group_role(alice, own).await.expect("a role");
    let of_group = groups::grant(&team.groups[0], &team.apps[0], DEPLOYER);
    let of_group = GrantAppRoleRequest { expire_time: Some(at(1200)), ..of_group };
    grants_app_role_as_given(alice, of_group).await.expect("a role");
    let within = |seconds| ListRoleBindingsRequest { expires_before: Some(at(seconds)), ..asking(space) };
    let of = |who| vec![console(who, space, Role::ConsoleViewer), derived(who, space)];
    let told = async |seconds| lines(&lists(alice, within(seconds), 1).await.expect("a list"));
    assert_eq!(told(1200).await, Vec::<Line>::new(), "it ends at that time and not before");
    let ending: Vec<_> = told(1801).await.into_iter().map(|(user, _, on, _, way)| (user, on, way)).collect();
    let [app, app_group] = [&team.apps[0], &team.app_groups[0]].map(Clone::clone);
    let named = |who: &Persona| who.name.clone();
    let expected = [
        (named(&team.erin), app_group, Way::Direct),
        (named(&team.dora), app.clone(), Way::Group),
        (named(&team.victor), app, Way::Group),
    ];
    assert_eq!(ending, expected);
    suite.clock.advance(Duration::from_secs(1801));
    assert_eq!(told(3601).await, of(&soon), "the others are gone by themselves");
    let both = told(7201).await;
    assert_eq!(both.len(), 4);
    assert!(of(&soon).into_iter().chain(of(&later)).all(|line| both.contains(&line)));
    let ends = lists(alice, within(3601), 0).await.expect("a list").into_iter().map(|it| it.expire_time);
    assert!(ends.into_iter().all(|end| end == Some(at(3600))));
    suite.clock.advance(Duration::from_mins(30));
    let mut left = told(7201).await;
    left.sort_by_key(|(_, plane, ..)| *plane as i32);
    assert_eq!(left, of(&later), "the other is gone by itself");
}

// R-P9: a stream asks again before it goes on.
async fn an_export_ends_when_its_reader_may_read_no_more(suite: Suite) {
    let team = team(&suite).await;
    let (alice, victor, space) = (&team.alice, &team.victor, &team.space);
    let people: Vec<_> = (0..600).map(|number| suite.user(&format!("many{number:03}"))).collect();
    for some in people.chunks(100) {
        let added: Vec<_> = some.iter().map(|who| (who, VIEWER)).collect();
        adds_members(alice, space, &added).await.expect("added");
    }
    let request = ExportRoleBindingsRequest { parent: space.clone(), ..Default::default() };
    let mut pieces = victor.reviews().export_role_bindings(request).await.expect("begun").into_inner();
    pieces.message().await.expect("a piece").expect("the first");
    removes_member(alice, space, victor).await.expect("removed");
    let end = loop {
        match pieces.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it went on to its end"),
            Err(status) => break status,
        }
    };
    assert_eq!(refused::<()>(Err(end)).kind(), DENIED);
}

// R-M13, R-M5, R-M9: equal by construction, and tried all the same.
async fn a_preview_tells_what_the_removal_then_does(suite: Suite) {
    let team = team(&suite).await;
    let Team { alice, bob, dora, mia, space, apps, .. } = &team;
    adds_members(alice, space, &[(mia, ADMIN)]).await.expect("added");
    let sent = invites(mia, space, of_user(&suite.user("nina"), VIEWER)).await.expect("invited");
    let preview = async |who: &Persona, whom: &Persona| {
        let request = PreviewDepartureRequest { space: space.clone(), user: whom.name.clone() };
        who.reviews().preview_departure(request).await.map(|reply| reply.into_inner().removal.expect("told"))
    };
    for whom in [dora, mia] {
        let told = preview(alice, whom).await.expect("a preview");
        assert_eq!(told, preview(alice, whom).await.expect("a preview"), "it changes nothing");
        let request = RemoveMemberRequest { name: whom.member_of(space), ..RemoveMemberRequest::default() };
        let done = alice.members().remove_member(request).await.expect("removed").into_inner();
        assert_eq!(told, done, "{}", whom.name);
        if whom.name == mia.name {
            assert_eq!(done.void_invitations, std::slice::from_ref(&sent.name));
            assert_eq!(done.remaining_roles.len(), 1, "she is Marketplace admin still");
        } else {
            let [owned] = done.removed_app_roles.as_slice() else { panic!("{done:?}") };
            assert_eq!((&owned.app, &owned.new_owner), (&apps[0], &alice.name));
        }
    }
    let last = refused(preview(alice, alice).await);
    assert_eq!(last.blocked(), (Code::FailedPrecondition, "LAST_ADMIN", vec!["LAST_ADMIN"]));
    assert_eq!(refused(preview(bob, alice).await).kind(), DENIED);
    assert_eq!(refused(preview(alice, dora).await).code, Code::NotFound);
}

// Order of answers, R-M13
async fn bad_input_to_a_review_is_named_by_its_field(suite: Suite) {
    let team = team(&suite).await;
    let (alice, space) = (&team.alice, &team.space);
    let first = page(alice, ListRoleBindingsRequest { page_size: 1, ..asking(space) }).await.expect("a page");
    let token = first.next_page_token;
    let no_time = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    let dora = team.dora.name.clone();
    for (request, field) in [
        (asking("team"), "parent"),
        (ListRoleBindingsRequest { page_size: -1, ..asking(space) }, "page_size"),
        (ListRoleBindingsRequest { user: "dora".to_owned(), ..asking(space) }, "user"),
        (ListRoleBindingsRequest { expires_before: no_time, ..asking(space) }, "expires_before"),
    ] {
        let refusal = refused(page(alice, request).await);
        assert_eq!(refusal.kind(), INVALID, "{field}");
        assert_eq!(refusal.fields, [field]);
    }
    for request in [
        ListRoleBindingsRequest { page_token: "x".to_owned(), ..asking(space) },
        ListRoleBindingsRequest { page_token: token, user: dora, ..asking(space) },
    ] {
        assert_eq!(refused(page(alice, request).await).fields, ["page_token"]);
    }
    for (space, field) in [("team", "space"), (space.as_str(), "user")] {
        let nobody = PreviewDepartureRequest { space: space.to_owned(), user: "dora".to_owned() };
        assert_eq!(refused(alice.reviews().preview_departure(nobody).await).fields, [field]);
    }
}
