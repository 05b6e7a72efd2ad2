//! What happens in a walk. People, spaces and apps are numbers, so that a sequence that fails can be made shorter and
//! still means something.
use devspaces_proto::{membership::v1::ConsoleRole, space::v1::ContributorRole};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// How many people there are, and how many spaces. The last space comes from a vendor profile.
pub(super) const PEOPLE: usize = 5;
pub(super) const SPACES: usize = 3;
/// How many apps there are at most, deleted ones included.
pub(super) const APPS: usize = 5;

/// A call of a method. An app is the so-manieth of those that there are.
#[derive(Clone, Debug)]
pub(super) enum Op {
    AddMembers { space: usize, people: Vec<(usize, ConsoleRole, bool)> },
    UpdateMember { space: usize, person: usize, role: Option<ConsoleRole>, view_all_apps: Option<bool> },
    RemoveMember { space: usize, person: usize, new_owner: Option<usize>, keep_app_roles: bool },
    LeaveSpace { space: usize },
    CreateApp { space: usize },
    ImportApp { owner: usize },
    LinkApp { app: usize, space: usize },
    AddContributors { app: usize, people: Vec<(usize, ContributorRole)> },
    UpdateContributor { app: usize, person: usize, role: ContributorRole },
    RemoveContributor { app: usize, person: usize },
    TransferOwnership { app: usize, new_owner: usize },
    DeleteApp { app: usize },
    UndeleteApp { app: usize },
    ArchiveSpace { space: usize },
    RestoreSpace { space: usize },
    UpdateSpace { space: usize, metadata: bool, admins_create: Option<bool> },
    ConsentToInvoicing { space: usize },
    AddBillingAdmin { space: usize, person: usize },
    RemoveBillingAdmin { space: usize, person: usize },
    AcceptTerms { space: usize },
    AddMarketplaceAdmin { space: usize, person: usize },
    RemoveMarketplaceAdmin { space: usize, person: usize },
    SubmitListing { app: usize, space: usize },
    WithdrawListing { app: usize },
    AddToGroup { space: usize, person: usize },
    RemoveFromGroup { space: usize, person: usize },
    GrantAppRole { app: usize, space: usize, role: ContributorRole },
    RevokeAppRole { app: usize, space: usize },
}

impl Op {
    /// The name of the method.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::AddMembers { .. } => "AddMembers",
            Self::UpdateMember { .. } => "UpdateMember",
            Self::RemoveMember { .. } => "RemoveMember",
            Self::LeaveSpace { .. } => "LeaveSpace",
            Self::CreateApp { .. } => "CreateApp",
            Self::ImportApp { .. } => "ImportApp",
            Self::LinkApp { .. } => "LinkApp",
            Self::AddContributors { .. } => "AddContributors",
            Self::UpdateContributor { .. } => "UpdateContributor",
            Self::RemoveContributor { .. } => "RemoveContributor",
            Self::TransferOwnership { .. } => "TransferOwnership",
            Self::DeleteApp { .. } => "DeleteApp",
            Self::UndeleteApp { .. } => "UndeleteApp",
            Self::ArchiveSpace { .. } => "ArchiveSpace",
            Self::RestoreSpace { .. } => "RestoreSpace",
            Self::UpdateSpace { .. } => "UpdateSpace",
            Self::ConsentToInvoicing { .. } => "ConsentToInvoicing",
            Self::AddBillingAdmin { .. } => "AddBillingAdmins",
            Self::RemoveBillingAdmin { .. } => "RemoveBillingAdmin",
            Self::AcceptTerms { .. } => "AcceptTerms",
            Self::AddMarketplaceAdmin { .. } => "AddMarketplaceAdmins",
            Self::RemoveMarketplaceAdmin { .. } => "RemoveMarketplaceAdmin",
            Self::SubmitListing { .. } => "SubmitListing",
            Self::WithdrawListing { .. } => "WithdrawListing",
            Self::AddToGroup { .. } => "AddGroupMembers",
            Self::RemoveFromGroup { .. } => "RemoveGroupMember",
            Self::GrantAppRole { .. } => "GrantAppRole",
            Self::RevokeAppRole { .. } => "RevokeAppRole",
        }
    }

    /// Whether the method takes `validate_only`.
    pub(super) fn has_preview(&self) -> bool {
        matches!(
            self,
            Self::RemoveMember { .. }
                | Self::LeaveSpace { .. }
                | Self::LinkApp { .. }
                | Self::RemoveContributor { .. }
                | Self::TransferOwnership { .. }
                | Self::DeleteApp { .. }
                | Self::ArchiveSpace { .. }
                | Self::RemoveBillingAdmin { .. }
                | Self::RemoveMarketplaceAdmin { .. }
                | Self::WithdrawListing { .. }
                | Self::RemoveFromGroup { .. }
        )
    }

    /// The app that it is about, if it is about one.
    fn app_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::LinkApp { app, .. }
            | Self::AddContributors { app, .. }
            | Self::UpdateContributor { app, .. }
            | Self::RemoveContributor { app, .. }
            | Self::TransferOwnership { app, .. }
            | Self::DeleteApp { app }
            | Self::UndeleteApp { app }
            | Self::SubmitListing { app, .. }
            | Self::WithdrawListing { app }
            | Self::GrantAppRole { app, .. }
            | Self::RevokeAppRole { app, .. } => Some(app),
            _ => None,
        }
    }

    /// The space that it is about, if it is about one.
    fn space_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::AddMembers { space, .. }
            | Self::UpdateMember { space, .. }
            | Self::RemoveMember { space, .. }
            | Self::LeaveSpace { space }
            | Self::CreateApp { space }
            | Self::LinkApp { space, .. }
            | Self::ArchiveSpace { space }
            | Self::RestoreSpace { space }
            | Self::UpdateSpace { space, .. }
            | Self::ConsentToInvoicing { space }
            | Self::AddBillingAdmin { space, .. }
            | Self::RemoveBillingAdmin { space, .. }
            | Self::AcceptTerms { space }
            | Self::AddMarketplaceAdmin { space, .. }
            | Self::RemoveMarketplaceAdmin { space, .. }
            | Self::SubmitListing { space, .. }
            | Self::AddToGroup { space, .. }
            | Self::RemoveFromGroup { space, .. }
            | Self::GrantAppRole { space, .. }
            | Self::RevokeAppRole { space, .. } => Some(space),
            _ => None,
        }
    }

    /// Everybody whom it names.
    fn people_mut(&mut self) -> Vec<&mut usize> {
        match self {
            Self::AddMembers { people, .. } => people.iter_mut().map(|(person, ..)| person).collect(),
            Self::AddContributors { people, .. } => people.iter_mut().map(|(person, _)| person).collect(),
            Self::RemoveMember { person, new_owner, .. } => {
                [Some(person), new_owner.as_mut()].into_iter().flatten().collect()
            }
            Self::UpdateMember { person, .. }
            | Self::UpdateContributor { person, .. }
            | Self::RemoveContributor { person, .. }
            | Self::AddBillingAdmin { person, .. }
            | Self::RemoveBillingAdmin { person, .. }
            | Self::AddMarketplaceAdmin { person, .. }
            | Self::RemoveMarketplaceAdmin { person, .. }
            | Self::AddToGroup { person, .. }
            | Self::RemoveFromGroup { person, .. } => vec![person],
            Self::ImportApp { owner } => vec![owner],
            Self::TransferOwnership { new_owner, .. } => vec![new_owner],
            _ => Vec::new(),
        }
    }

    /// The same with the apps, people and spaces that come so many places later. `None` if it is about an app and there is
    /// none.
    fn shifted(&self, apps: usize, [by_app, by_person, by_space]: [usize; 3]) -> Option<Self> {
        let mut op = self.clone();
        if let Some(app) = op.app_mut() {
            *app = (*app + by_app).checked_rem(apps)?;
        }
        for person in op.people_mut() {
            *person = (*person + by_person) % PEOPLE;
        }
        if let Some(space) = op.space_mut() {
            *space = (*space + by_space) % SPACES;
        }
        Some(op)
    }

    /// What it can be taken for among so many apps, itself first. None if it is about an app and there is none.
    pub(super) fn variants(&self, apps: usize) -> impl Iterator<Item = Self> {
        let shifts = (0..SPACES).flat_map(move |by_space| {
            let by_person =
                move |by_person| (0..apps.max(1)).map(move |by_app| [by_app, by_person, by_space]);
            (0..PEOPLE).flat_map(by_person)
        });
        shifts.filter_map(move |shift| self.shifted(apps, shift))
    }
}

/// A call and who makes it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The so-manieth person of those that `who` leaves.
    pub(super) actor: usize,
    pub(super) who: Who,
    pub(super) op: Op,
}

/// Who makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Anyone,
    /// Someone who has the permission, if there is anyone.
    Permitted,
    /// Someone for whom the call does what it is asked to, with other people, another app or space where there is nobody
    /// for these: left to chance, most calls would be refused. Of people who go, one who has roles on apps.
    Able,
}

fn person() -> impl Strategy<Value = usize> {
    0..PEOPLE
}

fn space() -> impl Strategy<Value = usize> {
    0..SPACES
}

fn app() -> impl Strategy<Value = usize> {
    0..APPS
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

fn of_members() -> impl Strategy<Value = Op> {
    let added = (person(), new_member()).prop_map(|(person, (role, add_on))| (person, role, add_on));
    // A change of nothing is no change: the role, the add-on or both.
    let change = prop_oneof![
        console_role().prop_map(|role| (Some(role), None)),
        any::<bool>().prop_map(|add_on| (None, Some(add_on))),
        (console_role(), any::<bool>()).prop_map(|(role, add_on)| (Some(role), Some(add_on))),
    ];
    prop_oneof![
        6 => (space(), vec(added, 1..=2)).prop_map(|(space, people)| Op::AddMembers { space, people }),
        3 => (space(), person(), change).prop_map(|(space, person, (role, view_all_apps))| {
            Op::UpdateMember { space, person, role, view_all_apps }
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
    let added = (person(), contributor_role());
    prop_oneof![
        3 => space().prop_map(|space| Op::CreateApp { space }),
        2 => person().prop_map(|owner| Op::ImportApp { owner }),
        3 => (app(), space()).prop_map(|(app, space)| Op::LinkApp { app, space }),
        4 => (app(), vec(added, 1..=2)).prop_map(|(app, people)| Op::AddContributors { app, people }),
        3 => (app(), person(), contributor_role())
            .prop_map(|(app, person, role)| Op::UpdateContributor { app, person, role }),
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
        4 => (app(), space(), contributor_role())
            .prop_map(|(app, space, role)| Op::GrantAppRole { app, space, role }),
        1 => (app(), space()).prop_map(|(app, space)| Op::RevokeAppRole { app, space }),
    ]
}

/// Sequences of some 40 steps.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let op = prop_oneof![2 => of_members(), 3 => of_apps(), 2 => of_planes(), 2 => of_groups()];
    let who = prop_oneof![1 => Just(Who::Anyone), 2 => Just(Who::Permitted), 3 => Just(Who::Able)];
    vec((person(), who, op).prop_map(|(actor, who, op)| Step { actor, who, op }), 1..=80)
}
