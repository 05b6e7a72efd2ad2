//! Every combination of facts: there are few enough to try them all.

use devspaces_authz::{
    AppCreation, AppFacts, AppRole, BillingFacts, ConsoleRole, Fact, Facts, MarketplaceFacts,
    MembershipFacts, PermissionSet, SpaceFacts, SpaceState, SubjectKind, Suspension, SuspensionReason,
};

const BOOLS: [bool; 2] = [false, true];

/// Active users, others, and services, each with no permission configured by name and with all of them.
pub(crate) fn subjects() -> Vec<Facts> {
    let mut subjects = Vec::new();
    for named_permissions in [PermissionSet::EMPTY, PermissionSet::all()] {
        let users = BOOLS.map(|active| Facts {
            named_permissions,
            active: Fact::Known(active),
            ..Facts::of(SubjectKind::User)
        });
        subjects.extend(users);
        subjects.push(Facts { named_permissions, ..Facts::of(SubjectKind::Service) });
    }
    subjects
}

/// Spaces in use. In which state a space is decides nothing: see `the_state_of_the_space_decides_nothing`, which
/// spares all the others three quarters of the combinations.
pub(crate) fn spaces() -> Vec<SpaceFacts> {
    let mut spaces = Vec::new();
    for published in BOOLS {
        let state = SpaceState::Active;
        for app_creation in AppCreation::ALL {
            let space = |contributes| SpaceFacts { state, published, app_creation, contributes };
            spaces.extend(BOOLS.map(space));
        }
    }
    spaces
}

pub(crate) fn memberships() -> Vec<MembershipFacts> {
    let mut memberships = Vec::new();
    for role in optional(&ConsoleRole::ALL) {
        for view_all_apps in BOOLS {
            memberships.extend(BOOLS.map(|has_admin| MembershipFacts { role, view_all_apps, has_admin }));
        }
    }
    memberships
}

pub(crate) fn apps() -> Vec<AppFacts> {
    // What is deleted is linked to nothing. Which reason it is suspended for decides nothing.
    let suspended = Suspension::NONE.with(SuspensionReason::Legal);
    let none = Suspension::NONE;
    let states =
        [(false, false, none), (true, false, none), (true, false, suspended), (false, true, suspended)];
    let of = |role| {
        let app = move |wants_consent| {
            states.map(|(linked, deleted, suspension)| AppFacts {
                linked,
                deleted,
                role,
                suspension,
                wants_consent,
            })
        };
        // What is in no space wants the consent of none.
        app(false).into_iter().chain(app(true).into_iter().filter(|app| app.linked))
    };
    optional(&AppRole::ALL).flat_map(of).collect()
}

pub(crate) fn billing() -> Vec<BillingFacts> {
    BOOLS.map(|admin| BillingFacts { admin }).to_vec()
}

pub(crate) fn marketplace() -> Vec<MarketplaceFacts> {
    BOOLS.map(|admin| MarketplaceFacts { admin }).to_vec()
}

/// Every combination of these subjects with every fact there can be, all of them known.
pub(crate) fn every(subjects: &[Facts]) -> Vec<Facts> {
    let all = subjects.to_vec();
    let all = each(&all, &spaces(), |facts, space| Facts { space: Fact::Known(space), ..facts });
    let all = each(&all, &memberships(), |facts, membership| Facts {
        membership: Fact::Known(membership),
        ..facts
    });
    let all = each(&all, &billing(), |facts, billing| Facts { billing: Fact::Known(billing), ..facts });
    let all = each(&all, &marketplace(), |facts, market| Facts { marketplace: Fact::Known(market), ..facts });
    each(&all, &apps(), |facts, app| Facts { app: Fact::Known(app), ..facts })
}

/// Every combination of facts about a user with nothing configured.
pub(crate) fn every_user() -> Vec<Facts> {
    every(&[Facts::of(SubjectKind::User)])
}

fn each<T: Copy>(all: &[Facts], values: &[T], with: impl Fn(Facts, T) -> Facts + Copy) -> Vec<Facts> {
    all.iter().flat_map(|&facts| values.iter().map(move |&value| with(facts, value))).collect()
}

fn optional<T: Copy>(values: &[T]) -> impl Iterator<Item = Option<T>> {
    std::iter::once(None).chain(values.iter().copied().map(Some))
}
