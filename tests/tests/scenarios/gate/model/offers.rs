//! What is seen of app groups, of invitations, of transfers and of how people stand, by the rules and by the API.
use std::collections::BTreeMap;

use devspaces_proto::{
    membership::v1::{
        GetUserStandingRequest, InvitationState, ListInvitationsRequest, user_standing::State as Standing,
    },
    space::v1::{ContributorRole, transfer::State as TransferState},
};
use futures::future::{try_join, try_join_all};
use tonic::Status;

use super::{
    op::{PEOPLE, SPACES},
    stage::Stage,
    views::same,
    world::{Activity, Member, No, On, State, World},
};
use crate::{
    acts::{
        app_groups::{lists_app_group_apps, lists_app_group_roles, lists_app_groups},
        transfers::lists_transfers,
    },
    gate::oracle,
};

/// What somebody is told: of things by their numbers.
type Seen<T> = Result<BTreeMap<usize, T>, No>;

impl World {
    /// R-M9
    fn invitations_of(&self, person: usize, space: usize) -> Seen<State> {
        self.require_permission(person, "invitations.update", space)?;
        let invitations = self.invitations.iter().enumerate();
        let seen = invitations.filter(|(number, it)| it.space == space && !self.is_old(*number));
        Ok(seen.map(|(number, it)| (number, it.state_at(self.hour))).collect())
    }

    /// R-A7
    fn transfers_of(&self, person: usize, space: usize) -> Seen<State> {
        self.require_permission(person, "transfer.accept", space)?;
        let seen =
            self.transfers.iter().enumerate().filter(|(_, it)| {
                (it.source == space || it.destination == space) && !self.apps[it.app].purged
            });
        Ok(seen.map(|(number, it)| (number, it.state_at(self.hour))).collect())
    }

    /// R-A11, R-A5: the app groups that somebody sees, and the apps in each that they see.
    fn app_groups_of(&self, person: usize, space: usize) -> Seen<Vec<usize>> {
        self.require_permission(person, "apps.list", space)?;
        let sees_all = self.spaces[space].members.get(&person).is_some_and(Member::views_all_apps);
        let mut seen = BTreeMap::new();
        for (number, it) in self.app_groups.iter().enumerate() {
            let apps = it.apps.iter().copied().filter(|app| sees_all || self.role(person, *app).is_some());
            let apps: Vec<_> = apps.collect();
            if it.space == space && !it.deleted && (sees_all || !apps.is_empty()) {
                seen.insert(number, apps);
            }
        }
        Ok(seen)
    }

    /// R-A11: who has which role on an app group: the group, and people.
    fn app_group_roles(
        &self,
        person: usize,
        number: usize,
    ) -> Result<Vec<(Option<usize>, ContributorRole)>, No> {
        let it = &self.app_groups[number];
        self.require_permission(person, "app_groups.update", it.space)?;
        if it.deleted {
            return Err(No::not_found());
        }
        let of_group = it.of_group.into_iter().map(|given| (None, given.role));
        Ok(of_group.chain(it.roles.iter().map(|(person, given)| (Some(*person), given.role))).collect())
    }

    fn require_permission(&self, person: usize, permission: &str, space: usize) -> Result<(), No> {
        let may = self.may(person, oracle::row(permission), On::Space(space));
        may.then_some(()).ok_or_else(No::denied)
    }

    /// R-M12
    fn standing_of(&self, person: usize) -> (Standing, bool) {
        match self.people[person] {
            Activity::Active => (Standing::Active, false),
            Activity::Deactivated(_) => (Standing::Deactivated, true),
            Activity::Removed => (Standing::Removed, false),
        }
    }
}

/// Refusals are a part of what is compared, and what is not understood is an error.
fn seen<T>(answer: Result<T, Status>) -> Result<T, No> {
    answer.map_err(|status| No::from(&status))
}

impl Stage<'_> {
    async fn invitations_of(
        &self,
        world: &World,
        person: usize,
        space: usize,
    ) -> Result<Seen<State>, String> {
        let parent = self.spaces[space].clone();
        let request = ListInvitationsRequest { parent, page_size: 1000, ..Default::default() };
        let listed = match seen(self.people[person].invitations().list_invitations(request).await) {
            Ok(listed) => listed.into_inner().invitations,
            Err(no) => return Ok(Err(no)),
        };
        let mut all = BTreeMap::new();
        for it in listed {
            let state = match it.state() {
                InvitationState::Pending => State::Pending,
                InvitationState::Accepted => State::Accepted,
                InvitationState::Declined => State::Declined,
                InvitationState::Revoked => State::Revoked,
                InvitationState::Expired => State::Expired,
                InvitationState::Void => State::Void,
                InvitationState::Unspecified => return Err(format!("no state: {it:?}")),
            };
            let number = self.invitation(&it.name)?;
            if !world.is_old(number) {
                all.insert(number, state);
            }
        }
        Ok(Ok(all))
    }

    async fn transfers_of(&self, person: usize, space: usize) -> Result<Seen<State>, String> {
        let listed = match seen(lists_transfers(&self.people[person], &self.spaces[space], false).await) {
            Ok(listed) => listed,
            Err(no) => return Ok(Err(no)),
        };
        let mut all = BTreeMap::new();
        for it in listed {
            let state = match it.state() {
                TransferState::Pending => State::Pending,
                TransferState::Accepted => State::Accepted,
                TransferState::Declined => State::Declined,
                TransferState::Cancelled => State::Revoked,
                TransferState::Expired => State::Expired,
                TransferState::Unspecified => return Err(format!("no state: {it:?}")),
            };
            let number = self.transfers.iter().position(|name| *name == it.name);
            all.insert(number.ok_or_else(|| format!("{} is no transfer here", it.name))?, state);
        }
        Ok(Ok(all))
    }

    async fn app_groups_of(&self, person: usize, space: usize) -> Result<Seen<Vec<usize>>, String> {
        let who = &self.people[person];
        let listed = match seen(lists_app_groups(who, &self.spaces[space]).await) {
            Ok(listed) => listed,
            Err(no) => return Ok(Err(no)),
        };
        let mut all = BTreeMap::new();
        for name in listed {
            let number = self.app_groups.iter().position(|it| *it == name);
            let number = number.ok_or_else(|| format!("{name} is no app group here"))?;
            let apps = lists_app_group_apps(who, &name).await;
            let apps = apps.map_err(|status| format!("the apps of {name} for p{person}: {status:?}"))?;
            let apps = apps.iter().map(|app| self.app(app)).collect::<Result<_, _>>()?;
            all.insert(number, apps);
        }
        Ok(Ok(all))
    }

    async fn app_group_roles(
        &self,
        person: usize,
        number: usize,
    ) -> Result<Result<Vec<(Option<usize>, ContributorRole)>, No>, String> {
        let listed = lists_app_group_roles(&self.people[person], &self.app_groups[number]).await;
        let listed = match seen(listed) {
            Ok(listed) => listed,
            Err(no) => return Ok(Err(no)),
        };
        let group = self.holder(number, None);
        let held = listed.into_iter().map(|(holder, role)| {
            let holder = if holder == group { None } else { Some(self.person(&holder)?) };
            Ok((holder, role))
        });
        held.collect::<Result<_, String>>().map(Ok)
    }

    /// What one person sees of it all.
    async fn compare_offers_of(&self, world: &World, person: usize) -> Result<(), String> {
        let who = format!("p{person}");
        let spaces = try_join_all((0..SPACES).map(async |space| {
            let api = self.invitations_of(world, person, space).await?;
            let rules = world.invitations_of(person, space);
            same(|| format!("ListInvitations of s{space} by {who}"), &rules, &api)?;
            let api = self.transfers_of(person, space).await?;
            let rules = world.transfers_of(person, space);
            same(|| format!("ListTransfers of s{space} by {who}"), &rules, &api)?;
            let api = self.app_groups_of(person, space).await?;
            same(|| format!("ListAppGroups of s{space} by {who}"), &world.app_groups_of(person, space), &api)
        }));
        let roles = try_join_all((0..world.app_groups.len()).map(async |number| {
            let api = self.app_group_roles(person, number).await?;
            let rules = world.app_group_roles(person, number);
            same(|| format!("ListAppGroupRoles of g{number} by {who}"), &rules, &api)
        }));
        try_join(spaces, roles).await.map(drop)
    }

    async fn compare_standing_of(&self, world: &World, person: usize) -> Result<(), String> {
        let request = GetUserStandingRequest { name: self.user(person) };
        let standing = self.offboarding.people().get_user_standing(request).await;
        let standing = standing.map_err(|status| format!("GetUserStanding: {status:?}"))?.into_inner();
        let api = (standing.state(), standing.remove_time.is_some());
        same(|| format!("GetUserStanding of p{person}"), &world.standing_of(person), &api)
    }

    /// For everybody, or for one person who is another after each step.
    pub(super) async fn compare_offers(&self, world: &World, few: Option<usize>) -> Result<(), String> {
        let people = match few {
            None => (0..PEOPLE).collect(),
            Some(step) => vec![step % PEOPLE],
        };
        let offers = try_join_all(people.iter().map(|person| self.compare_offers_of(world, *person)));
        let standings = try_join_all(people.iter().map(|person| self.compare_standing_of(world, *person)));
        try_join(offers, standings).await.map(drop)
    }
}
