//! How the steps of a walk are chosen.
use devspaces_proto::{membership::v1::ConsoleRole, space::v1::ContributorRole};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::op::{APP_GROUPS, APPS, End, Hours, Op, PEOPLE, SPACES, Step, Who};

fn person() -> impl Strategy<Value = usize> {
    0..PEOPLE
}

fn space() -> impl Strategy<Value = usize> {
    0..SPACES
}

fn app() -> impl Strategy<Value = usize> {
    0..APPS
}

fn app_group() -> impl Strategy<Value = usize> {
    0..APP_GROUPS
}

/// An invitation, or a transfer.
fn offer() -> impl Strategy<Value = usize> {
    0..8_usize
}

/// Few hours pass at a time, so few hours are far enough.
fn hours() -> impl Strategy<Value = Hours> {
    prop_oneof![3 => Just(None), 1 => (1..=4_usize).prop_map(Some)]
}

fn console_role() -> impl Strategy<Value = ConsoleRole> {
    select(vec![ConsoleRole::Viewer, ConsoleRole::Developer, ConsoleRole::Admin])
}

/// A console role and the add-on, which does not fit every role.
fn new_member() -> impl Strategy<Value = (ConsoleRole, bool)> {
    use ConsoleRole::{Admin, Developer, Viewer};
    prop_oneof![
        6 => select(vec![(Viewer, false), (Developer, false), (Developer, true), (Admin, false)]),
        1 => (console_role(), Just(true)),
    ]
}

/// Any of the five, of which OWNER can't be given and is rarely asked for.
fn contributor_role() -> impl Strategy<Value = ContributorRole> {
    use ContributorRole::{Admin, Deployer, Developer, Owner, Viewer};
    select(vec![Viewer, Viewer, Developer, Developer, Deployer, Admin, Admin, Admin, Owner])
}

/// What is to change of a role, an add-on and an end: one of them, or all.
fn member_change() -> impl Strategy<Value = (Option<ConsoleRole>, Option<bool>, End)> {
    prop_oneof![
        2 => console_role().prop_map(|role| (Some(role), None, End::Kept)),
        2 => any::<bool>().prop_map(|add_on| (None, Some(add_on), End::Kept)),
        2 => (console_role(), any::<bool>()).prop_map(|(role, add_on)| (Some(role), Some(add_on), End::Kept)),
        1 => hours().prop_map(|end| (None, None, End::To(end))),
        1 => (console_role(), hours()).prop_map(|(role, end)| (Some(role), None, End::To(end))),
    ]
}

fn of_members() -> impl Strategy<Value = Op> {
    let added = (person(), new_member(), hours())
        .prop_map(|(person, (role, add_on), end)| (person, role, add_on, end));
    prop_oneof![
        6 => (space(), vec(added, 1..=2)).prop_map(|(space, people)| Op::AddMembers { space, people }),
        3 => (space(), person(), member_change()).prop_map(|(space, person, (role, add_on, end))| {
            Op::UpdateMember { space, person, role, add_on, end }
        }),
        3 => (space(), person(), option::of(person()), any::<bool>()).prop_map(
            |(space, person, new_owner, keep_app_roles)| {
                Op::RemoveMember { space, person, new_owner, keep_app_roles }
            }
        ),
        1 => space().prop_map(|space| Op::LeaveSpace { space }),
        1 => space().prop_map(|space| Op::ArchiveSpace { space }),
        2 => space().prop_map(|space| Op::RestoreSpace { space }),
    ]
}

fn of_apps() -> impl Strategy<Value = Op> {
    let added = (person(), contributor_role(), hours());
    let change = prop_oneof![
        2 => contributor_role().prop_map(|role| (Some(role), End::Kept)),
        1 => (option::of(contributor_role()), hours()).prop_map(|(role, end)| (role, End::To(end))),
    ];
    prop_oneof![
        3 => space().prop_map(|space| Op::CreateApp { space }),
        2 => person().prop_map(|owner| Op::ImportApp { owner }),
        3 => (app(), space()).prop_map(|(app, space)| Op::LinkApp { app, space }),
        4 => (app(), vec(added, 1..=2)).prop_map(|(app, people)| Op::AddContributors { app, people }),
        3 => (app(), person(), change)
            .prop_map(|(app, person, (role, end))| Op::UpdateContributor { app, person, role, end }),
        3 => (app(), person()).prop_map(|(app, person)| Op::RemoveContributor { app, person }),
        3 => (app(), person()).prop_map(|(app, new_owner)| Op::TransferOwnership { app, new_owner }),
        3 => app().prop_map(|app| Op::DeleteApp { app }),
        2 => app().prop_map(|app| Op::UndeleteApp { app }),
    ]
}

fn of_planes() -> impl Strategy<Value = Op> {
    // The metadata, who creates apps, or both.
    let update = prop_oneof![
        Just((true, None)),
        any::<bool>().prop_map(|admins_create| (false, Some(admins_create))),
        any::<bool>().prop_map(|admins_create| (true, Some(admins_create))),
    ];
    prop_oneof![
        3 => (space(), update).prop_map(|(space, (metadata, admins_create))| {
            Op::UpdateSpace { space, metadata, admins_create }
        }),
        2 => space().prop_map(|space| Op::ConsentToInvoicing { space }),
        2 => (space(), person()).prop_map(|(space, person)| Op::AddBillingAdmin { space, person }),
        2 => (space(), person()).prop_map(|(space, person)| Op::RemoveBillingAdmin { space, person }),
        1 => space().prop_map(|space| Op::AcceptTerms { space }),
        2 => (space(), person()).prop_map(|(space, person)| Op::AddMarketplaceAdmin { space, person }),
        2 => (space(), person()).prop_map(|(space, person)| Op::RemoveMarketplaceAdmin { space, person }),
        3 => (app(), space()).prop_map(|(app, space)| Op::SubmitListing { app, space }),
        2 => app().prop_map(|app| Op::WithdrawListing { app }),
    ]
}

fn of_groups() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (space(), person()).prop_map(|(space, person)| Op::AddToGroup { space, person }),
        2 => (space(), person()).prop_map(|(space, person)| Op::RemoveFromGroup { space, person }),
        4 => (app(), space(), contributor_role(), hours())
            .prop_map(|(app, space, role, end)| Op::GrantAppRole { app, space, role, end }),
        1 => (app(), space()).prop_map(|(app, space)| Op::RevokeAppRole { app, space }),
    ]
}

fn of_app_groups() -> impl Strategy<Value = Op> {
    let holder = || option::of(person());
    prop_oneof![
        3 => space().prop_map(|space| Op::CreateAppGroup { space }),
        1 => app_group().prop_map(|app_group| Op::DeleteAppGroup { app_group }),
        4 => (app_group(), app()).prop_map(|(app_group, app)| Op::AddApp { app_group, app }),
        1 => (app_group(), app()).prop_map(|(app_group, app)| Op::RemoveApp { app_group, app }),
        4 => (app_group(), holder(), contributor_role(), hours()).prop_map(
            |(app_group, person, role, end)| Op::GrantAppGroupRole { app_group, person, role, end }
        ),
        2 => (app_group(), holder())
            .prop_map(|(app_group, person)| Op::RevokeAppGroupRole { app_group, person }),
    ]
}

/// Hours, and now and then what is longer than an invitation or a transfer lasts, or than what was deleted is kept. People are
/// reactivated more often than they go, so that there are some who do something.
fn of_standing() -> impl Strategy<Value = Op> {
    let hours = prop_oneof![10 => 1..=3_usize, 2 => Just(200), 1 => Just(744)];
    prop_oneof![
        3 => hours.prop_map(|hours| Op::PassTime { hours }),
        2 => person().prop_map(|person| Op::DeactivateUser { person }),
        5 => person().prop_map(|person| Op::ReactivateUser { person }),
        2 => app().prop_map(|app| Op::SuspendApp { app }),
        2 => app().prop_map(|app| Op::LiftOfApp { app }),
        1 => space().prop_map(|space| Op::SuspendSpace { space }),
        2 => space().prop_map(|space| Op::LiftOfSpace { space }),
        3 => (space(), person(), select(vec![1, 2, 3, 24, 25]))
            .prop_map(|(space, person, hours)| Op::GrantEmergencyAdmin { space, person, hours }),
    ]
}

fn of_invitations() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (space(), person(), new_member(), hours()).prop_map(
            |(space, person, (role, view_all_apps), end)| {
                Op::CreateInvitation { space, person, role, view_all_apps, end }
            }
        ),
        3 => offer().prop_map(|invitation| Op::AcceptInvitation { invitation }),
        1 => offer().prop_map(|invitation| Op::DeclineInvitation { invitation }),
        1 => offer().prop_map(|invitation| Op::RevokeInvitation { invitation }),
    ]
}

fn of_transfers() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (app(), space()).prop_map(|(app, space)| Op::InitiateTransfer { app, space }),
        3 => offer().prop_map(|transfer| Op::AcceptTransfer { transfer }),
        1 => offer().prop_map(|transfer| Op::DeclineTransfer { transfer }),
        1 => offer().prop_map(|transfer| Op::CancelTransfer { transfer }),
    ]
}

/// What a world needs in which anything can happen.
fn of_beginnings() -> impl Strategy<Value = Op> {
    let member = (person(), new_member()).prop_map(|(person, (role, add_on))| (person, role, add_on, None));
    let of_app_group = (app_group(), option::of(person()), contributor_role());
    prop_oneof![
        3 => (space(), vec(member, 2)).prop_map(|(space, people)| Op::AddMembers { space, people }),
        4 => space().prop_map(|space| Op::CreateApp { space }),
        1 => person().prop_map(|owner| Op::ImportApp { owner }),
        2 => space().prop_map(|space| Op::CreateAppGroup { space }),
        3 => (app_group(), app()).prop_map(|(app_group, app)| Op::AddApp { app_group, app }),
        2 => (space(), person()).prop_map(|(space, person)| Op::AddToGroup { space, person }),
        2 => of_app_group.prop_map(|(app_group, person, role)| {
            Op::GrantAppGroupRole { app_group, person, role, end: None }
        }),
        2 => space().prop_map(|space| Op::ConsentToInvoicing { space }),
        2 => (space(), person()).prop_map(|(space, person)| Op::AddBillingAdmin { space, person }),
        2 => space().prop_map(|space| Op::AcceptTerms { space }),
        2 => (app(), space()).prop_map(|(app, space)| Op::SubmitListing { app, space }),
        1 => app().prop_map(|app| Op::SuspendApp { app }),
        1 => space().prop_map(|space| Op::SuspendSpace { space }),
    ]
}

/// Sequences of some 40 steps. The first of them are such that there is something to do for the others.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let op = prop_oneof![
        5 => of_members(),
        6 => of_apps(),
        4 => of_planes(),
        3 => of_groups(),
        4 => of_app_groups(),
        4 => of_standing(),
        3 => of_invitations(),
        4 => of_transfers(),
    ];
    let who = prop_oneof![1 => Just(Who::Anyone), 2 => Just(Who::Permitted), 5 => Just(Who::Able)];
    let first = (person(), of_beginnings()).prop_map(|(actor, op)| Step { actor, who: Who::Able, op });
    let next = (person(), who, op).prop_map(|(actor, who, op)| Step { actor, who, op });
    (vec(first, 0..=30), vec(next, 1..=60)).prop_map(|(first, next)| [first, next].concat())
}
