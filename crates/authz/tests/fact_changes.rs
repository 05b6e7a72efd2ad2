//! Every pair of facts before and after a change: what can take a permission away is known to (R-P9).
use std::collections::{HashMap, HashSet};

use devspaces_authz::{
    AppCreation, AppFacts, AppRole, BillingFacts, ConsoleRole, Fact, FactChange, Facts, MarketplaceFacts,
    MembershipFacts, Permission, SpaceFacts, SpaceState, SubjectKind, Suspension, SuspensionReason, decide,
    takes_away,
};

/// The facts of one person, all known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Known {
    space: SpaceFacts,
    member: MembershipFacts,
    billing: bool,
    marketplace: bool,
    app: AppFacts,
    active: bool,
}

const BOTH: [bool; 2] = [false, true];

fn suspended() -> Suspension {
    Suspension::NONE.with(SuspensionReason::Abuse)
}

impl Known {
    fn nothing() -> Self {
        Self {
            space: SpaceFacts::default(),
            member: MembershipFacts::default(),
            billing: false,
            marketplace: false,
            app: AppFacts::default(),
            active: true,
        }
    }

    /// What owners say of the same person, deactivated: nothing but of what is there whoever asks (R-M12).
    fn deactivated(self) -> Self {
        Self {
            space: SpaceFacts { contributes: false, ..self.space },
            member: MembershipFacts { has_admin: self.member.has_admin, ..MembershipFacts::default() },
            billing: false,
            marketplace: false,
            app: AppFacts { role: None, ..self.app },
            active: false,
        }
    }

    fn facts(self) -> Facts {
        Facts {
            space: Fact::Known(self.space),
            membership: Fact::Known(self.member),
            billing: Fact::Known(BillingFacts { admin: self.billing }),
            marketplace: Fact::Known(MarketplaceFacts { admin: self.marketplace }),
            app: Fact::Known(self.app),
            active: Fact::Known(self.active),
            ..Facts::of(SubjectKind::User)
        }
    }

    /// A bit for each permission.
    fn permitted(self) -> u128 {
        let facts = self.facts();
        let bit =
            |permission: Permission| u128::from(decide(permission, &facts).is_allowed()) << permission as u8;
        Permission::ALL.into_iter().map(bit).sum()
    }

    fn with_space(self, other: Self) -> Self {
        Self { app: self.app, ..other }
    }
}

fn spaces() -> Vec<SpaceFacts> {
    let mut all = Vec::new();
    for state in SpaceState::ALL {
        for published in BOTH {
            for app_creation in AppCreation::ALL {
                let space = |contributes| SpaceFacts { state, published, app_creation, contributes };
                all.extend(BOTH.map(space));
            }
        }
    }
    all
}

fn console_roles() -> Vec<(Option<ConsoleRole>, bool)> {
    let held = ConsoleRole::ALL.into_iter().flat_map(|role| BOTH.map(|view| (Some(role), view)));
    held.chain([(None, false)]).collect()
}

fn members() -> Vec<MembershipFacts> {
    let member =
        |(role, view_all_apps)| BOTH.map(|has_admin| MembershipFacts { role, view_all_apps, has_admin });
    console_roles().into_iter().flat_map(member).collect()
}

fn app_roles() -> Vec<Option<AppRole>> {
    AppRole::ALL.into_iter().map(Some).chain([None]).collect()
}

fn apps() -> Vec<AppFacts> {
    let places = [(true, false), (false, false), (false, true)];
    let app = |(linked, deleted)| {
        let of_role = move |role| {
            let app = move |suspension| {
                BOTH.map(|wants_consent| AppFacts { linked, deleted, role, suspension, wants_consent })
            };
            [Suspension::NONE, suspended()]
                .into_iter()
                .flat_map(app)
                .filter(|app| app.linked || !app.wants_consent)
        };
        app_roles().into_iter().flat_map(of_role)
    };
    places.into_iter().flat_map(app).collect()
}

/// Everything that can be known of somebody.
fn world() -> Vec<Known> {
    let mut all = Vec::new();
    for space in spaces() {
        for member in members() {
            for (billing, marketplace) in [(false, false), (false, true), (true, false), (true, true)] {
                let active = true;
                all.extend(apps().into_iter().map(|app| Known {
                    space,
                    member,
                    billing,
                    marketplace,
                    app,
                    active,
                }));
            }
        }
    }
    let deactivated: HashSet<Known> = all.iter().map(|known| known.deactivated()).collect();
    all.extend(deactivated);
    all
}

/// What the facts can be after a change. None: it can't happen to these.
fn after(change: FactChange, before: Known, world: &[Known]) -> Vec<Known> {
    let Known { space, member, billing, marketplace, app, active } = before;
    let with_app = |app| Known { app, ..before };
    let with_member = |member| Known { member, ..before };
    match change {
        FactChange::PersonReactivated if !active => {
            world.iter().copied().filter(|after| after.active && after.deactivated() == before).collect()
        }
        FactChange::PersonDeactivated if active => vec![before.deactivated()],
        _ if !active => Vec::new(),
        FactChange::SpaceCreated if before == Known::nothing() => {
            world.iter().copied().filter(|after| after.active && !after.app.deleted).collect()
        }
        FactChange::SpaceStateChanged => {
            SpaceState::ALL.map(|state| Known { space: SpaceFacts { state, ..space }, ..before }).into()
        }
        FactChange::SpacePublished if !space.published => {
            vec![Known { space: SpaceFacts { published: true, ..space }, ..before }]
        }
        FactChange::AppCreationNarrowed => vec![with_app_creation(before, AppCreation::Admins)],
        FactChange::AppCreationWidened => vec![with_app_creation(before, AppCreation::Members)],
        FactChange::ConsoleRoleGiven if member.role.is_none() => roles_of(member).map(with_member).collect(),
        FactChange::ConsoleRoleChanged if member.role.is_some() => {
            roles_of(member).map(with_member).collect()
        }
        FactChange::LastingAdminGiven if !member.has_admin => {
            vec![with_member(MembershipFacts { has_admin: true, ..member })]
        }
        FactChange::LastingAdminTaken if member.has_admin => {
            vec![with_member(MembershipFacts { has_admin: false, ..member })]
        }
        FactChange::BillingAdminGiven if !billing => vec![Known { billing: true, ..before }],
        FactChange::BillingAdminTaken if billing => vec![Known { billing: false, ..before }],
        FactChange::MarketplaceAdminGiven if !marketplace => vec![Known { marketplace: true, ..before }],
        FactChange::MarketplaceAdminTaken if marketplace => vec![Known { marketplace: false, ..before }],
        FactChange::AppLinked if !app.linked => linked(before, world),
        FactChange::AppUnlinked if app.linked => {
            let nowhere = AppFacts { linked: false, wants_consent: false, ..app };
            let unlinked = BOTH.map(|deleted| with_app(AppFacts { deleted, ..nowhere }));
            // Of an app in no space, all that is known of spaces is empty.
            unlinked.into_iter().flat_map(|after| [after, after.with_space(Known::nothing())]).collect()
        }
        FactChange::ContributorRoleGiven if app.role.is_none() => {
            contributing(before, &[space.contributes, true])
        }
        FactChange::ContributorRoleAdded => {
            let lower = |role: Option<AppRole>| AppRole::ALL.iter().position(|known| Some(*known) == role);
            let lower = |role| lower(role).unwrap_or(AppRole::ALL.len());
            let added = contributing(before, &[space.contributes, true]);
            added.into_iter().filter(|after| lower(after.app.role) <= lower(app.role)).collect()
        }
        FactChange::ContributorRoleChanged if app.role.is_some() => contributing(before, &BOTH),
        FactChange::Suspended => vec![with_app(AppFacts { suspension: suspended(), ..app })],
        FactChange::SuspensionLifted => vec![with_app(AppFacts { suspension: Suspension::NONE, ..app })],
        FactChange::ConsentGiven => vec![with_app(AppFacts { wants_consent: false, ..app })],
        _ => Vec::new(),
    }
}

fn with_app_creation(before: Known, app_creation: AppCreation) -> Known {
    Known { space: SpaceFacts { app_creation, ..before.space }, ..before }
}

fn roles_of(member: MembershipFacts) -> impl Iterator<Item = MembershipFacts> {
    console_roles().into_iter().map(move |(role, view_all_apps)| MembershipFacts {
        role,
        view_all_apps,
        ..member
    })
}

/// The app comes into a space of which nothing was known, or into one that is told of already: that it is to be linked to.
fn linked(before: Known, world: &[Known]) -> Vec<Known> {
    let of_nowhere = before.with_space(Known::nothing()) == before;
    let into = world.iter().filter(|_| of_nowhere).filter(|it| it.active && it.app == AppFacts::default());
    let places: Vec<Known> = into.copied().chain([before]).collect();
    let app = |wants_consent| AppFacts { linked: true, deleted: false, wants_consent, ..before.app };
    let with = |place: Known| BOTH.map(|wants_consent| Known { app: app(wants_consent), ..place });
    places.into_iter().flat_map(with).collect()
}

fn contributing(before: Known, contributes: &[bool]) -> Vec<Known> {
    let with = |role, contributes| Known {
        space: SpaceFacts { contributes, ..before.space },
        app: AppFacts { role, ..before.app },
        ..before
    };
    app_roles()
        .into_iter()
        .flat_map(|role| contributes.iter().map(move |&contributes| with(role, contributes)))
        .collect()
}

// R-P9
#[test]
fn what_can_take_a_permission_away_is_known_to() {
    let world = world();
    let permitted: HashMap<Known, u128> = world.iter().map(|&known| (known, known.permitted())).collect();
    for change in FactChange::ALL {
        let lost = |before: &Known| {
            let had = permitted[before];
            after(change, *before, &world).iter().any(|after| had & !permitted[after] != 0)
        };
        let lossy = world.iter().any(lost);
        assert_eq!(change.takes_away(), lossy, "{change:?}");
        assert_eq!(takes_away(&[change]), lossy);
    }
    assert!(!takes_away(&[]));
}

/// The facts that differ from these in one respect.
fn neighbours(known: Known) -> Vec<Known> {
    let mut all: Vec<Known> = spaces().into_iter().map(|space| Known { space, ..known }).collect();
    all.extend(members().into_iter().map(|member| Known { member, ..known }));
    all.extend(BOTH.map(|billing| Known { billing, ..known }));
    all.extend(BOTH.map(|marketplace| Known { marketplace, ..known }));
    all.extend(apps().into_iter().map(|app| Known { app, ..known }));
    all.push(known.deactivated());
    all
}

/// Whether a change that is known to take away leads from the one to the other, perhaps with others beside it.
fn is_known(before: Known, after_it: Known) -> bool {
    let (had, has) = (before, after_it);
    let app_changes = had.app.role.is_some() && had.app.role != has.app.role;
    let known = [
        (FactChange::SpacePublished, !had.space.published && has.space.published),
        (FactChange::AppCreationNarrowed, had.space.app_creation != has.space.app_creation),
        (FactChange::ConsoleRoleChanged, had.member.role.is_some() && roles(had) != roles(has)),
        (FactChange::LastingAdminGiven, !had.member.has_admin && has.member.has_admin),
        (FactChange::BillingAdminTaken, had.billing && !has.billing),
        (FactChange::MarketplaceAdminTaken, had.marketplace && !has.marketplace),
        (FactChange::AppUnlinked, had.app.linked && !has.app.linked),
        (FactChange::Suspended, had.app.suspension.is_none() && !has.app.suspension.is_none()),
        (FactChange::PersonDeactivated, had.active && !has.active),
        (FactChange::ContributorRoleChanged, app_changes || had.space.contributes && !has.space.contributes),
    ];
    known.into_iter().any(|(change, happens)| happens && change.takes_away())
}

fn roles(known: Known) -> (Option<ConsoleRole>, bool) {
    (known.member.role, known.member.view_all_apps)
}

/// What never happens: a space is published for good (R-K1), and what was deleted so long ago that it is gone was not
/// permitted to anybody but to have it back.
fn never_happens(before: Known, after: Known) -> bool {
    // An account is for good, and what the operator wants of spaces changes with a restart (R-E3).
    let loses_its_account = before.app.linked && !before.app.wants_consent && after.app.wants_consent;
    loses_its_account
        || before.space.published && !after.space.published
        || before.app.deleted && !after.app.deleted && !after.app.linked
}

// R-P9
#[test]
fn nothing_else_takes_a_permission_away() {
    for before in world().into_iter().filter(|known| known.active) {
        let had = before.permitted();
        for after in neighbours(before) {
            let lost = had & !after.permitted() != 0;
            assert!(
                !lost || is_known(before, after) || never_happens(before, after),
                "{before:?} to {after:?}"
            );
        }
    }
}
