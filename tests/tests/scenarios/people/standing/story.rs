//! What a deactivation takes, what is seen of it, and that a reactivation gives all of it back.
use devspaces::Service;
use devspaces_proto::{
    authz::v1::check_permission_result::Outcome,
    billing::v1::ListBillingAdminsRequest,
    marketplace::v1::ListMarketplaceAdminsRequest,
    membership::v1::{
        DeactivateUserRequest, GetMemberRequest, GetUserStandingRequest, Invitation, LeaveSpacesRequest,
        ListMembersRequest, user_standing::State,
    },
    space::v1::{ListAppsRequest, ListSpacesRequest},
};
use devspaces_tests::{Persona, Suite, refused};
use tonic::Code;

use crate::acts::{
    REQUEST_ID,
    accounts::{account_of, adds_billing_admins, consents_to_invoicing, gets_addresses},
    apps::creates_app,
    authz::{about, all_permissions, all_subjects, checks_batch, permissions_of, subjects_with},
    contributors::{DEPLOYER, adds_contributors, lists_contributors, removes_contributor},
    invitations::{accepts_invitation, declines_invitation, invites, of_user},
    journal::{entries_of, lists_entries, page_of_entries},
    marketplace::{accepts_terms, adds_marketplace_admins, gets_profile},
    members::{ADMIN, VIEWER, adds_members, demotes_member, leaves_space, lists_members},
    people::{deactivates, deactivates_by, deactivation, offboarding, reactivates, standing_of},
    spaces::{NOWHERE, gets_space, lists_spaces},
};

scenarios! {
    everywhere:
        a_deactivated_person_is_denied_everything_by_every_service_until_reactivated,
        roles_stay_listed_with_a_mark,
        a_service_that_its_operator_named_deactivates_and_nobody_else,
        a_deactivation_says_why_and_whom,
        whoever_is_deactivated_already_stays_so,
        nobody_comes_in_by_an_inviter_who_is_deactivated,
        a_deactivation_is_told_in_the_journal_of_each_service;
    both engines:
        the_operators_person_is_denied_too;
}

/// A space with everything, run by alice, in which bob is everything as well.
struct Everything {
    alice: Persona,
    bob: Persona,
    space: String,
    app: String,
    profile: String,
    /// Of bob, to another space.
    invitation: Invitation,
}

/// On what of it somebody may do something.
type On = fn(&Everything) -> &str;

/// What bob may do, and on what.
const HELD: [(&str, On); 7] = [
    ("members.add", |it| &it.space),
    ("space.get", |it| &it.space),
    ("billing.invoices.get", |it| &it.space),
    ("marketplace.profile.update", |it| &it.space),
    ("app.deploy", |it| &it.app),
    ("app.get", |it| &it.app),
    ("space.create", |_| ""),
];

impl Everything {
    async fn new(suite: &Suite) -> Self {
        let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
        let space = alice.creates_space("Team").await;
        adds_members(&alice, &space, &[(&bob, ADMIN)]).await.expect("added");
        consents_to_invoicing(&alice, &space).await.expect("an account");
        adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
        let profile = accepts_terms(&alice, &space).await.expect("a profile").name;
        adds_marketplace_admins(&alice, &profile, &[&bob]).await.expect("added");
        let app = creates_app(&alice, &space).await.expect("an app").name;
        adds_contributors(&alice, &app, &[(&bob, DEPLOYER)]).await.expect("added");
        let other = alice.creates_space("Other").await;
        let invitation = invites(&alice, &other, of_user(&bob, VIEWER)).await.expect("invited");
        Self { alice, bob, space, app, profile, invitation }
    }

    /// Whether bob has all that is held, by what a service says to another.
    async fn bob_may(&self, suite: &Suite, port: Service) -> Vec<bool> {
        let auditor = suite.persona("services/auditor");
        let mut all = Vec::new();
        for (permission, on) in HELD {
            let request = about(&self.bob.name, permission, on(self));
            let answer = auditor.authz_of(port).check_permission(request).await.expect("an answer");
            all.push(answer.into_inner().allowed);
        }
        all
    }
}

// R-M12, R-P3: on every plane, by what each service says and by what each does; and all of it is back afterwards.
async fn a_deactivated_person_is_denied_everything_by_every_service_until_reactivated(suite: Suite) {
    let it = Everything::new(&suite).await;
    let bob = &it.bob;
    for port in Service::ALL {
        assert_eq!(it.bob_may(&suite, port).await, [true; HELD.len()], "{port}");
    }
    let standing = deactivates(&suite, bob).await.expect("deactivated");
    assert_eq!((standing.state(), standing.reason.as_str()), (State::Deactivated, "Has left the company"));
    assert!(standing.remove_time.map(|time| time.seconds) > standing.update_time.map(|time| time.seconds));
    for port in Service::ALL {
        assert_eq!(it.bob_may(&suite, port).await, [false; HELD.len()], "{port}");
        let answer = bob.checks_at(port, "space.get", &it.space).await.expect("an answer");
        assert!(!answer.allowed, "{port}");
    }
    let of_space = refused(gets_space(bob, &it.space).await);
    let of_nothing = refused(gets_space(bob, NOWHERE).await);
    assert_eq!(of_space.message.replace(&it.space, NOWHERE), of_nothing.message);
    for refusal in [
        of_space,
        refused(lists_members(bob, &it.space).await),
        refused(gets_addresses(bob, &it.space).await),
        refused(gets_profile(bob, &it.profile).await),
        refused(adds_contributors(bob, &it.app, &[(&it.alice, DEPLOYER)]).await),
        refused(demotes_member(bob, &it.space, &it.alice).await),
    ] {
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
    let permissions = all_permissions(bob, permissions_of("", &it.space), 10).await;
    let batch =
        checks_batch(bob, vec![about("", "space.get", &it.space), about("", "space.create", "")]).await;
    for result in batch.expect("answers") {
        assert!(matches!(result.outcome, Some(Outcome::Response(answer)) if !answer.allowed));
    }
    let spaces = LeaveSpacesRequest { names: vec![it.space.clone()], ..Default::default() };
    for refusal in [
        refused(permissions),
        refused(bob.spaces().list_spaces(ListSpacesRequest::default()).await),
        refused(bob.apps().list_apps(ListAppsRequest::default()).await),
        refused(bob.members().leave_spaces(spaces).await),
        refused(accepts_invitation(bob, &it.invitation.name, &it.invitation.token).await),
        refused(declines_invitation(bob, &it.invitation.name, &it.invitation.token).await),
        refused(removes_contributor(bob, &it.app, bob).await),
        refused(leaves_space(bob, &it.space).await),
    ] {
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERSON_DEACTIVATED"));
    }
    let holders = all_subjects(&it.alice, subjects_with("members.list", &it.space), 10).await;
    assert_eq!(holders.expect("a list"), [it.alice.name.as_str()]);

    let standing = reactivates(&suite, bob).await.expect("reactivated");
    assert_eq!((standing.state(), standing.remove_time), (State::Active, None));
    for port in Service::ALL {
        assert_eq!(it.bob_may(&suite, port).await, [true; HELD.len()], "{port}");
    }
    assert_eq!(lists_spaces(bob).await.len(), 1);
    leaves_space(bob, &it.space).await.expect("left");
}

// R-M12
async fn roles_stay_listed_with_a_mark(suite: Suite) {
    let it = Everything::new(&suite).await;
    let alice = &it.alice;
    for deactivated in [true, false] {
        if deactivated {
            deactivates(&suite, &it.bob).await.expect("deactivated");
        } else {
            reactivates(&suite, &it.bob).await.expect("reactivated");
        }
        let request = ListMembersRequest { parent: it.space.clone(), ..Default::default() };
        let members = alice.members().list_members(request).await.expect("a list").into_inner().members;
        let request = GetMemberRequest { name: it.bob.member_of(&it.space) };
        let member = alice.members().get_member(request).await.expect("bob").into_inner();
        assert_eq!((member.role(), member.deactivated), (ADMIN, deactivated));
        let request = ListBillingAdminsRequest { parent: account_of(&it.space), ..Default::default() };
        let admins = alice.accounts().list_billing_admins(request).await.expect("a list").into_inner();
        let request = ListMarketplaceAdminsRequest { parent: it.profile.clone(), ..Default::default() };
        let runners = alice.profiles().list_marketplace_admins(request).await.expect("a list").into_inner();
        let contributors = lists_contributors(alice, &it.app, 10).await.expect("a list");
        let marks = [
            members.into_iter().map(|it| (it.user, it.deactivated)).collect::<Vec<_>>(),
            admins.admins.into_iter().map(|it| (it.user, it.deactivated)).collect(),
            runners.admins.into_iter().map(|it| (it.user, it.deactivated)).collect(),
            contributors.into_iter().map(|it| (it.user, it.deactivated)).collect(),
        ];
        for marks in marks {
            assert_eq!(marks, [(it.alice.name.clone(), false), (it.bob.name.clone(), deactivated)]);
        }
    }
}

// R-M12, R-P7
async fn a_service_that_its_operator_named_deactivates_and_nobody_else(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&bob, VIEWER)]).await.expect("added");
    for who in [&alice, &bob, &suite.persona("services/auditor")] {
        let request = GetUserStandingRequest { name: bob.name.clone() };
        for refusal in
            [refused(deactivates_by(who, &bob).await), refused(who.people().get_user_standing(request).await)]
        {
            assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
        }
    }
    assert!(bob.may("space.get", &space).await);
    assert_eq!(standing_of(&suite, &bob).await.expect("a standing").state(), State::Active);
}

// R-M12
async fn a_deactivation_says_why_and_whom(suite: Suite) {
    let mut people = offboarding(&suite).people();
    for name in ["", "alice", "services/billing-run", "users/", "spaces/x/members/y"] {
        let request = DeactivateUserRequest { name: name.to_owned(), ..Default::default() };
        let refusal = refused(people.deactivate_user(request).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["name"]), "{name}");
    }
    let whom = suite.user("bob");
    for reason in ["", " ", &"x".repeat(1001)] {
        let request = DeactivateUserRequest { reason: reason.to_owned(), ..deactivation(&whom) };
        let refusal = refused(people.deactivate_user(request).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["reason"]));
    }
    assert_eq!(standing_of(&suite, &whom).await.expect("a standing").state(), State::Active);
}

// R-M12, R-J5: a repetition has the first result, and whoever repeats without an id changes nothing.
async fn whoever_is_deactivated_already_stays_so(suite: Suite) {
    let bob = suite.user("bob");
    let mut people = offboarding(&suite).people();
    let request = DeactivateUserRequest { request_id: REQUEST_ID.to_owned(), ..deactivation(&bob) };
    let first = people.deactivate_user(request.clone()).await.expect("deactivated").into_inner();
    let again = people.deactivate_user(request.clone()).await.expect("the first result").into_inner();
    let other = DeactivateUserRequest { reason: "Twice".to_owned(), ..deactivation(&bob) };
    let twice = people.deactivate_user(other).await.expect("no change").into_inner();
    assert_eq!((&again, &twice), (&first, &first));
    reactivates(&suite, &bob).await.expect("reactivated");
    let first_again = people.deactivate_user(request).await.expect("the first result").into_inner();
    assert_eq!(first_again, first, "it is not done again");
    assert_eq!(standing_of(&suite, &bob).await.expect("a standing").state(), State::Active);
    let twice = reactivates(&suite, &bob).await.expect("no change");
    assert_eq!(twice.state(), State::Active);
}

// R-M9, R-M12
async fn nobody_comes_in_by_an_inviter_who_is_deactivated(suite: Suite) {
    let it = Everything::new(&suite).await;
    let carol = suite.user("carol");
    let invitation = invites(&it.bob, &it.space, of_user(&carol, VIEWER)).await.expect("invited");
    deactivates(&suite, &it.bob).await.expect("deactivated");
    let refusal = refused(accepts_invitation(&carol, &invitation.name, &invitation.token).await);
    assert_eq!(refusal.code, Code::FailedPrecondition, "{refusal:?}");
    reactivates(&suite, &it.bob).await.expect("reactivated");
    accepts_invitation(&carol, &invitation.name, &invitation.token).await.expect("accepted");
}

// R-J1, R-J3: one entry for each change at each service, for those who may make them.
async fn a_deactivation_is_told_in_the_journal_of_each_service(suite: Suite) {
    let [alice, bob] = ["alice", "bob"].map(|id| suite.user(id));
    alice.creates_space("Team").await;
    deactivates(&suite, &bob).await.expect("deactivated");
    reactivates(&suite, &bob).await.expect("reactivated");
    for port in Service::ALL {
        let mut request = entries_of("people");
        request.resource.clone_from(&bob.name);
        let entries = lists_entries(&offboarding(&suite), port, request.clone()).await;
        let methods: Vec<_> = entries.iter().map(|entry| entry.method.rsplit('/').next()).collect();
        assert_eq!(methods, [Some("DeactivateUser"), Some("ReactivateUser")], "{port}");
        let caller = "services/offboarding";
        assert!(entries.iter().all(|it| it.actor == caller || it.on_behalf_of == caller), "{port}");
        let refusal = refused(page_of_entries(&alice, port, request).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
}

// R-P8, R-M12: what the operator gave by name is explained so, and goes as all else.
async fn the_operators_person_is_denied_too(suite: Suite) {
    let [alice, operator] = ["alice", "operator"].map(|id| suite.user(id));
    for port in Service::ALL {
        let answer = operator.checks_at(port, "platform.spaces.list", "").await.expect("an answer");
        let granted = answer.explanation.expect("an explanation").granted_by;
        assert!(answer.allowed && granted.len() == 1, "{port}");
        assert_eq!(granted[0].role(), devspaces_proto::authz::v1::Role::NamedPerson);
        assert!(!alice.checks_at(port, "platform.spaces.list", "").await.expect("an answer").allowed);
        assert!(!operator.checks_at(port, "people.deactivate", "").await.expect("an answer").allowed);
    }
    let auditor = suite.persona("services/auditor");
    let named = all_subjects(&auditor, subjects_with("platform.spaces.list", ""), 10).await;
    assert_eq!(named.expect("a list"), [operator.name.as_str()]);
    deactivates(&suite, &operator).await.expect("deactivated");
    for port in Service::ALL {
        let request = about(&operator.name, "platform.spaces.list", "");
        let answer = auditor.authz_of(port).check_permission(request).await.expect("an answer");
        assert!(!answer.into_inner().allowed, "{port}");
    }
    let named = all_subjects(&auditor, subjects_with("platform.spaces.list", ""), 10).await;
    assert_eq!(named.expect("a list"), Vec::<String>::new());
}
