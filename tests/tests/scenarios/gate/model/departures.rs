//! What the rules say of whoever goes, by a call, by the end of a role or for good from everywhere; and of the time that passes.
use devspaces_proto::space::v1::ContributorRole;

use super::world::{Activity, Given, Member, Target, Told, World};

/// R-M12, R-A10, R-M9: for how many hours there is a way back, and what has ended is listed.
const MONTH: usize = 30 * 24;

/// Which roles on the apps and app groups of a space somebody keeps who goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// None, if there is somebody who receives the apps.
    Nothing,
    /// That of OWNER.
    Owned,
    /// All of them, or that of ADMIN on apps that pass to somebody.
    All,
}

impl World {
    /// R-M8: who has been Admin longest, apart from this person. Of those who came to it by one call it is the first by
    /// name. R-M12, R-M14: nobody who is not active, and nobody who is Admin in an emergency.
    fn longest_admin(&self, space: usize, apart_from: usize) -> Option<usize> {
        let members = self.spaces[space].members.iter().map(|(person, member)| (*person, member));
        let receives = |(person, member): &(usize, &Member)| {
            *person != apart_from && member.is_admin() && !member.emergency && self.is_active(*person)
        };
        let longest = members.filter(receives).min_by_key(|(person, member)| (member.since, *person));
        longest.map(|(person, _)| person)
    }

    /// R-M8: of somebody who goes without naming an heir. Where nobody is there to receive apps, roles on apps stay; of those
    /// who were Admin in an emergency only that of OWNER does (R-M14).
    pub(super) fn depart_unnamed(&mut self, space: usize, person: usize, emergency: bool) -> Told {
        let heir = self.longest_admin(space, person);
        let kept = match heir {
            Some(_) => Kept::Nothing,
            None if emergency => Kept::Owned,
            None => Kept::All,
        };
        self.depart(space, person, heir, kept)
    }

    /// R-M5, R-M9, R-M11, R-A11: what becomes of the roles on the space's apps, of which deleted ones can come back, of those on
    /// its app groups, and of invitations.
    pub(super) fn depart(&mut self, space: usize, person: usize, heir: Option<usize>, kept: Kept) -> Told {
        let mut told = self.leave(space, person);
        let apps = self.apps.iter_mut().enumerate().filter(|(_, app)| app.space == Some(space));
        for (number, app) in apps {
            let Some(&Given { role, .. }) = app.roles.get(&person) else { continue };
            let inherited = heir.filter(|_| role == ContributorRole::Owner);
            let owned = role == ContributorRole::Owner;
            if inherited.is_none() && (kept == Kept::All || owned && kept == Kept::Owned) {
                told.remaining.insert(Target::App(number), role);
                continue;
            }
            told.removed.insert(Target::App(number), (role, inherited));
            app.roles.remove(&person);
            if kept == Kept::All {
                app.roles.insert(person, Given::lasting(ContributorRole::Admin));
                told.remaining.insert(Target::App(number), ContributorRole::Admin);
            }
            if let Some(heir) = inherited {
                app.roles.insert(heir, Given::lasting(ContributorRole::Owner));
            }
        }
        let app_groups = self.app_groups.iter_mut().enumerate().filter(|(_, it)| it.space == space);
        for (number, app_group) in app_groups {
            let Some(&Given { role, .. }) = app_group.roles.get(&person) else { continue };
            if kept == Kept::All {
                told.remaining.insert(Target::AppGroup(number), role);
            } else {
                told.removed.insert(Target::AppGroup(number), (role, None));
                app_group.roles.remove(&person);
            }
        }
        told
    }

    /// What goes whatever becomes of roles on apps, and which planes are left.
    fn leave(&mut self, space: usize, person: usize) -> Told {
        let mut void = self.void_invitations_by(space, person);
        void.extend(self.void_invitations_of(space, person));
        let left = &mut self.spaces[space];
        left.members.remove(&person);
        let left_group = left.group.as_mut().is_some_and(|group| group.remove(&person));
        let planes = [
            (left.billing_admins.contains(&person), "billing"),
            (left.marketplace_admins.contains(&person), "marketplace"),
        ];
        let planes = planes.into_iter().filter(|(held, _)| *held).map(|(_, plane)| plane).collect();
        Told { planes, void, left_group, ..Told::default() }
    }

    /// R-M10: hours go by, and nobody does anything.
    pub(super) fn pass_time(&mut self, hours: usize) -> Told {
        self.hour += hours;
        self.end_contributor_roles();
        self.end_console_roles();
        for person in 0..self.people.len() {
            if matches!(self.people[person], Activity::Deactivated(since) if since + MONTH <= self.hour) {
                self.people[person] = Activity::Removed;
                self.remove_from_everywhere(person);
            }
        }
        self.purge_apps();
        Told::default()
    }

    fn end_contributor_roles(&mut self) {
        let is_over = |given: &Given| given.end.is_some_and(|end| end <= self.hour);
        for app in &mut self.apps {
            app.roles.retain(|_, given| !is_over(given));
            app.of_group = app.of_group.filter(|given| !is_over(given));
        }
        for app_group in &mut self.app_groups {
            app_group.roles.retain(|_, given| !is_over(given));
            app_group.of_group = app_group.of_group.filter(|given| !is_over(given));
        }
    }

    /// R-M8: with the consequences of any departure. Those whose roles end meanwhile receive nothing.
    fn end_console_roles(&mut self) {
        let mut ended = Vec::new();
        for (number, space) in self.spaces.iter_mut().enumerate() {
            space.members.retain(|person, member| {
                let over = member.end.is_some_and(|end| end <= self.hour);
                if over {
                    ended.push((number, *person, member.emergency));
                }
                !over
            });
        }
        for (space, person, emergency) in ended {
            self.depart_unnamed(space, person, emergency);
        }
    }

    /// R-M12: from all that is held in each space, with what it leaves behind. Roles on apps in no space stay.
    fn remove_from_everywhere(&mut self, person: usize) {
        for space in 0..self.spaces.len() {
            if !self.holds_something(space, person) {
                continue;
            }
            self.spaces[space].billing_admins.remove(&person);
            self.spaces[space].marketplace_admins.remove(&person);
            self.depart_unnamed(space, person, false);
        }
    }

    fn holds_something(&self, number: usize, person: usize) -> bool {
        let space = &self.spaces[number];
        let mut apps = self.apps.iter().enumerate().filter(|(_, app)| app.space == Some(number));
        let on_apps =
            apps.any(|(app, it)| it.roles.contains_key(&person) || self.role(person, app).is_some());
        let mut app_groups = self.app_groups.iter().filter(|app_group| app_group.space == number);
        on_apps
            || space.members.contains_key(&person)
            || space.billing_admins.contains(&person)
            || space.marketplace_admins.contains(&person)
            || app_groups.any(|app_group| app_group.roles.contains_key(&person))
            || self.invitations.iter().any(|it| it.space == number && it.person == person && it.is_open())
    }

    /// R-A10
    fn purge_apps(&mut self) {
        for app in &mut self.apps {
            if app.deleted.is_some_and(|since| since + MONTH <= self.hour) {
                app.purged = true;
                app.roles.clear();
            }
        }
    }

    /// R-M9: whether what has ended or expired at an hour is not listed any more.
    pub(super) fn is_long_ago(&self, hour: usize) -> bool {
        hour + MONTH <= self.hour
    }
}
