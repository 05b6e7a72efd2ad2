//! States of the suite in which anybody may have anything: made by calls at random, of which many are refused.
use devspaces_authz::{Permission, ResourceType};
use devspaces_proto::{
    membership::v1::{ConsoleRole, Member},
    space::v1::ContributorRole,
};
use devspaces_tests::{Persona, Suite};

use crate::acts::{
    accounts::{adds_billing_admins, consents_to_invoicing},
    apps::{creates_app, deletes_app, imported_app, links_app, undeletes_app},
    contributors::{adds_contributors, removes_contributor, updates_contributor},
    marketplace::{accepts_terms, adds_marketplace_admins, creates_profile},
    members::{adds_members_as_given, member, removes_member, updates_member},
};

/// How many people there are, and how many calls are made.
const PEOPLE: usize = 5;
const CALLS: usize = 60;

/// Numbers from a seed: always the same ones, by `SplitMix64`.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound).expect("a bound");
        usize::try_from((mixed ^ (mixed >> 31)) % bound).expect("below the bound")
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Who and what there is.
pub(super) struct State {
    pub(super) people: Vec<Persona>,
    pub(super) spaces: Vec<String>,
    pub(super) apps: Vec<String>,
    /// The resource of permissions on no resource.
    pub(super) platform: [String; 1],
    /// The space that each app is in, or was in until it was deleted.
    placed: Vec<Option<usize>>,
    profile: String,
}

const CONSOLE: [ConsoleRole; 3] = [ConsoleRole::Admin, ConsoleRole::Developer, ConsoleRole::Viewer];
const ON_APPS: [ContributorRole; 4] =
    [ContributorRole::Admin, ContributorRole::Deployer, ContributorRole::Developer, ContributorRole::Viewer];

impl State {
    pub(super) async fn random(suite: &Suite, seed: u64) -> Self {
        let people: Vec<_> = (0..PEOPLE).map(|number| suite.user(&format!("p{number}-{seed}"))).collect();
        let profile = creates_profile(&people[2], "Vendor").await.expect("a profile");
        let mut state = Self {
            spaces: vec![
                people[0].creates_space("One").await,
                people[1].creates_space("Two").await,
                profile.space,
            ],
            people,
            apps: Vec::new(),
            platform: [String::new()],
            placed: Vec::new(),
            profile: profile.name,
        };
        let mut numbers = Numbers(seed);
        for _ in 0..CALLS {
            match numbers.below(10) {
                0..3 => state.changes_apps(suite, &mut numbers).await,
                3..5 => state.changes_contributors(&mut numbers).await,
                5..8 => state.changes_members(&mut numbers).await,
                _ => state.changes_planes(&mut numbers).await,
            }
        }
        state
    }

    /// The resources of a permission, in the order in which they are listed.
    pub(super) fn in_order(&self, permission: Permission) -> Vec<&String> {
        if permission.resource_type() == ResourceType::App {
            let place = |app: usize| self.placed[app].map(|space| self.spaces[space].clone());
            let mut apps: Vec<usize> = (0..self.apps.len()).collect();
            apps.sort_by_key(|app| (place(*app), self.apps[*app].clone()));
            return apps.into_iter().map(|app| &self.apps[app]).collect();
        }
        let mut spaces: Vec<_> = self.spaces.iter().collect();
        spaces.sort();
        spaces
    }

    async fn changes_apps(&mut self, suite: &Suite, numbers: &mut Numbers) {
        let (who, space) = (numbers.of(&self.people).clone(), numbers.below(self.spaces.len()));
        let app = if self.apps.is_empty() { 0 } else { numbers.below(self.apps.len()) };
        match numbers.below(6) {
            0..2 if self.apps.len() < 9 => {
                if let Ok(app) = creates_app(&who, &self.spaces[space]).await {
                    self.apps.push(app.name);
                    self.placed.push(Some(space));
                }
            }
            2 if self.apps.len() < 9 => {
                self.apps.push(imported_app(suite, &who).await);
                self.placed.push(None);
            }
            _ if self.apps.is_empty() => {}
            3 => {
                if links_app(&who, &self.apps[app], &self.spaces[space]).await.is_ok() {
                    self.placed[app] = Some(space);
                }
            }
            4 => {
                for who in &self.people {
                    // By whoever owns it.
                    let _ = deletes_app(who, &self.apps[app]).await;
                }
            }
            _ => {
                let _ = undeletes_app(&who, &self.apps[app]).await;
            }
        }
    }

    /// Whoever may does it, if anybody may.
    async fn changes_contributors(&self, numbers: &mut Numbers) {
        if self.apps.is_empty() {
            return;
        }
        let (app, whom, role) = (numbers.of(&self.apps), numbers.of(&self.people), *numbers.of(&ON_APPS));
        let act = numbers.below(4);
        for who in &self.people {
            let done = match act {
                0..2 => adds_contributors(who, app, &[(whom, role)]).await.is_ok(),
                2 => updates_contributor(who, app, whom, role).await.is_ok(),
                _ => removes_contributor(who, app, whom).await.is_ok(),
            };
            if done {
                return;
            }
        }
    }

    async fn changes_members(&self, numbers: &mut Numbers) {
        let (space, whom, role) = (numbers.of(&self.spaces), numbers.of(&self.people), *numbers.of(&CONSOLE));
        let view_all_apps = role == ConsoleRole::Developer && numbers.below(2) == 0;
        let changed = Member { view_all_apps, name: whom.member_of(space), ..member(whom, role) };
        let act = numbers.below(5);
        for who in &self.people {
            let done = match act {
                0..3 => adds_members_as_given(who, space, vec![changed.clone()]).await.is_ok(),
                3 => updates_member(who, changed.clone(), &["role", "view_all_apps"]).await.is_ok(),
                _ => removes_member(who, space, whom).await.is_ok(),
            };
            if done {
                return;
            }
        }
    }

    async fn changes_planes(&self, numbers: &mut Numbers) {
        let (space, whom) = (numbers.of(&self.spaces), numbers.of(&self.people));
        let act = numbers.below(4);
        for who in &self.people {
            let done = match act {
                0 => consents_to_invoicing(who, space).await.is_ok(),
                1 => adds_billing_admins(who, space, &[whom]).await.is_ok(),
                2 => accepts_terms(who, space).await.is_ok(),
                _ => adds_marketplace_admins(who, &self.profile, &[whom]).await.is_ok(),
            };
            if done {
                return;
            }
        }
    }
}
