//! What the rules say of people as a whole: they are deactivated, reactivated, and made Admins in an emergency.
use devspaces_proto::membership::v1::ConsoleRole;
use tonic::Code;

use super::world::{Activity, Actor, Answer, Member, No, Told, World};

impl World {
    /// R-M12: no rule keeps anybody from being deactivated. Whoever is so already stays so.
    pub(super) fn deactivate(&mut self, actor: Actor, person: usize) -> Answer {
        if actor != Actor::Offboarding {
            return Err(No::denied());
        }
        if self.is_active(person) {
            self.people[person] = Activity::Deactivated(self.hour);
        }
        Ok(Told::default())
    }

    /// R-M12: with all that was held, or with nothing once that is removed.
    pub(super) fn reactivate(&mut self, actor: Actor, person: usize) -> Answer {
        if actor != Actor::Offboarding {
            return Err(No::denied());
        }
        self.people[person] = Activity::Active;
        Ok(Told::default())
    }

    /// R-M14, R-P8: whatever the state of the space and of the person.
    pub(super) fn grant_emergency(
        &mut self,
        actor: Actor,
        space: usize,
        person: usize,
        hours: usize,
    ) -> Answer {
        if actor != Actor::Operator {
            return Err(No::denied());
        }
        if hours > 24 {
            return Err(No::invalid());
        }
        let (now, end) = (self.now, self.end(Some(hours)));
        let members = &mut self.spaces[space].members;
        let before = members.get(&person);
        if before.is_some_and(|before| !before.emergency) {
            return Err(No::because(Code::AlreadyExists, "MEMBER_EXISTS"));
        }
        let since = before.map_or(now, |before| before.since);
        let role = ConsoleRole::Admin;
        members.insert(person, Member { role, view_all_apps: false, since, end, emergency: true });
        Ok(Told::default())
    }
}
