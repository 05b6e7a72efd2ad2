//! What happens in a walk. People, spaces and apps are numbers, so that a sequence that fails can be made shorter and
//! still means something.
use devspaces_proto::{membership::v1::ConsoleRole, space::v1::ContributorRole};

/// How many people there are, and how many spaces. The last space comes from a vendor profile.
pub(super) const PEOPLE: usize = 5;
pub(super) const SPACES: usize = 3;
/// How many apps there are at most, deleted ones included until they are purged.
pub(super) const APPS: usize = 5;
/// How many app groups there are at most, apart from those that were deleted.
pub(super) const APP_GROUPS: usize = 4;

/// When a role ends: so many hours from now, or never.
pub(super) type Hours = Option<usize>;

/// What is to become of the end of a role.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Kept,
    To(Hours),
}

/// A call of a method, or time that passes. An app is the so-manieth of those that there are; so are an app group, an
/// invitation and a transfer. Roles on app groups are those of a person, or else of the space's group.
#[derive(Clone, Debug)]
pub(super) enum Op {
    AddMembers { space: usize, people: Vec<(usize, ConsoleRole, bool, Hours)> },
    UpdateMember { space: usize, person: usize, role: Option<ConsoleRole>, add_on: Option<bool>, end: End },
    RemoveMember { space: usize, person: usize, new_owner: Option<usize>, keep_app_roles: bool },
    LeaveSpace { space: usize },
    CreateApp { space: usize },
    ImportApp { owner: usize },
    LinkApp { app: usize, space: usize },
    AddContributors { app: usize, people: Vec<(usize, ContributorRole, Hours)> },
    UpdateContributor { app: usize, person: usize, role: Option<ContributorRole>, end: End },
    RemoveContributor { app: usize, person: usize },
    TransferOwnership { app: usize, new_owner: usize },
    DeleteApp { app: usize },
    UndeleteApp { app: usize },
    SuspendApp { app: usize },
    LiftOfApp { app: usize },
    SuspendSpace { space: usize },
    LiftOfSpace { space: usize },
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
    GrantAppRole { app: usize, space: usize, role: ContributorRole, end: Hours },
    RevokeAppRole { app: usize, space: usize },
    CreateAppGroup { space: usize },
    DeleteAppGroup { app_group: usize },
    AddApp { app_group: usize, app: usize },
    RemoveApp { app_group: usize, app: usize },
    GrantAppGroupRole { app_group: usize, person: Option<usize>, role: ContributorRole, end: Hours },
    RevokeAppGroupRole { app_group: usize, person: Option<usize> },
    PassTime { hours: usize },
    DeactivateUser { person: usize },
    ReactivateUser { person: usize },
    GrantEmergencyAdmin { space: usize, person: usize, hours: usize },
    CreateInvitation { space: usize, person: usize, role: ConsoleRole, view_all_apps: bool, end: Hours },
    AcceptInvitation { invitation: usize },
    DeclineInvitation { invitation: usize },
    RevokeInvitation { invitation: usize },
    InitiateTransfer { app: usize, space: usize },
    AcceptTransfer { transfer: usize },
    DeclineTransfer { transfer: usize },
    CancelTransfer { transfer: usize },
}

/// How many there are of what can be named beside people and spaces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) apps: usize,
    pub(super) app_groups: usize,
    pub(super) invitations: usize,
    pub(super) transfers: usize,
}

impl Op {
    /// What it is called.
    pub(super) fn method(&self) -> String {
        let told = format!("{self:?}");
        told.split(' ').next().unwrap_or_default().to_owned()
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
                | Self::DeleteAppGroup { .. }
                | Self::RemoveApp { .. }
                | Self::InitiateTransfer { .. }
                | Self::AcceptTransfer { .. }
        )
    }

    /// Whether it takes a suite of the walk's own: one whose clock can be moved, and that knows the operator's people.
    pub(super) fn needs_own_suite(&self) -> bool {
        matches!(
            self,
            Self::PassTime { .. }
                | Self::GrantEmergencyAdmin { .. }
                | Self::SuspendApp { .. }
                | Self::LiftOfApp { .. }
                | Self::SuspendSpace { .. }
                | Self::LiftOfSpace { .. }
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
            | Self::SuspendApp { app }
            | Self::LiftOfApp { app }
            | Self::SubmitListing { app, .. }
            | Self::WithdrawListing { app }
            | Self::GrantAppRole { app, .. }
            | Self::RevokeAppRole { app, .. }
            | Self::AddApp { app, .. }
            | Self::RemoveApp { app, .. }
            | Self::InitiateTransfer { app, .. } => Some(app),
            _ => None,
        }
    }

    /// What else it is about by its number, and how many there are of that.
    fn other_mut(&mut self, counts: Counts) -> Option<(&mut usize, usize)> {
        match self {
            Self::DeleteAppGroup { app_group }
            | Self::AddApp { app_group, .. }
            | Self::RemoveApp { app_group, .. }
            | Self::GrantAppGroupRole { app_group, .. }
            | Self::RevokeAppGroupRole { app_group, .. } => Some((app_group, counts.app_groups)),
            Self::AcceptInvitation { invitation }
            | Self::DeclineInvitation { invitation }
            | Self::RevokeInvitation { invitation } => Some((invitation, counts.invitations)),
            Self::AcceptTransfer { transfer }
            | Self::DeclineTransfer { transfer }
            | Self::CancelTransfer { transfer } => Some((transfer, counts.transfers)),
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
            | Self::SuspendSpace { space }
            | Self::LiftOfSpace { space }
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
            | Self::RevokeAppRole { space, .. }
            | Self::CreateAppGroup { space }
            | Self::GrantEmergencyAdmin { space, .. }
            | Self::CreateInvitation { space, .. }
            | Self::InitiateTransfer { space, .. } => Some(space),
            _ => None,
        }
    }

    /// Everybody whom it names.
    fn people_mut(&mut self) -> Vec<&mut usize> {
        match self {
            Self::AddMembers { people, .. } => people.iter_mut().map(|(person, ..)| person).collect(),
            Self::AddContributors { people, .. } => people.iter_mut().map(|(person, ..)| person).collect(),
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
            | Self::RemoveFromGroup { person, .. }
            | Self::DeactivateUser { person }
            | Self::ReactivateUser { person }
            | Self::GrantEmergencyAdmin { person, .. }
            | Self::CreateInvitation { person, .. }
            | Self::ImportApp { owner: person }
            | Self::TransferOwnership { new_owner: person, .. } => vec![person],
            Self::GrantAppGroupRole { person, .. } | Self::RevokeAppGroupRole { person, .. } => {
                person.as_mut().into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The same with what it names so many places later. `None` if it is about an app, or the like, and there is none.
    fn shifted(&self, counts: Counts, [by_app, by_other, by_person, by_space]: [usize; 4]) -> Option<Self> {
        let mut op = self.clone();
        if let Some(app) = op.app_mut() {
            *app = (*app + by_app).checked_rem(counts.apps)?;
        }
        if let Some((other, count)) = op.other_mut(counts) {
            *other = (*other + by_other).checked_rem(count)?;
        }
        for person in op.people_mut() {
            *person = (*person + by_person) % PEOPLE;
        }
        if let Some(space) = op.space_mut() {
            *space = (*space + by_space) % SPACES;
        }
        Some(op)
    }

    /// What it can be taken for among so many, itself first. None if it is about an app, or the like, and there is none.
    pub(super) fn variants(&self, counts: Counts) -> impl Iterator<Item = Self> {
        let mut probe = self.clone();
        let apps = probe.app_mut().map_or(1, |_| counts.apps.max(1));
        let others = probe.other_mut(counts).map_or(1, |(_, count)| count.max(1));
        let people = if probe.people_mut().is_empty() { 1 } else { PEOPLE };
        let spaces = probe.space_mut().map_or(1, |_| SPACES);
        let shifts = (0..spaces * people * others * apps).map(move |number| {
            let (number, by_app) = (number / apps, number % apps);
            let (number, by_other) = (number / others, number % others);
            [by_app, by_other, number % people, number / people]
        });
        shifts.filter_map(move |shift| self.shifted(counts, shift))
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
