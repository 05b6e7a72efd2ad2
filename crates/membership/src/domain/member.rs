//! Members.
use std::time::Duration;

use devspaces_authz::ConsoleRole;
use devspaces_gate::ConsoleHolder;
use devspaces_kit::{
    clock::Timestamp,
    name::{MemberName, SpaceName, UserName},
};
use serde_json::{Value, json};

/// What one person is in one space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) role: ConsoleRole,
    pub(crate) view_all_apps: bool,
    pub(crate) expire_time: Option<Timestamp>,
}

impl Membership {
    /// An Admin whose role does not end by itself: what a space must always have one of (R-M4).
    pub(crate) fn is_lasting_admin(&self) -> bool {
        self.role == ConsoleRole::Admin && self.expire_time.is_none()
    }

    /// R-M6: the add-on is for Developers only.
    pub(crate) fn has_fitting_add_on(&self) -> bool {
        !self.view_all_apps || self.role == ConsoleRole::Developer
    }

    /// R-A4: whether it makes its holder a viewer of every app.
    pub(crate) fn views_all_apps(&self) -> bool {
        self.role != ConsoleRole::Developer || self.view_all_apps
    }

    /// R-M10: past its time a role is gone without anyone acting.
    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        self.expire_time.is_none_or(|end| end > now)
    }

    /// What the journal says of it.
    pub(crate) fn to_json(self, person: &UserName) -> Value {
        json!({
            "user": person.to_string(),
            "role": self.role.name(),
            "view_all_apps": self.view_all_apps,
            "expire_time": self.expire_time.map(|end| end.to_string()),
        })
    }
}

/// A member as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: MemberName,
    pub(crate) membership: Membership,
    /// Whether the role was given in an emergency (R-M14). Then it is an Admin's, and ends.
    pub(crate) emergency: bool,
    /// Since when the person has had the role (R-M8).
    pub(crate) role_time: Timestamp,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) revision: i64,
}

impl Member {
    pub(crate) fn new(space: SpaceName, person: UserName, membership: Membership, now: Timestamp) -> Self {
        let name = MemberName { space, user: person };
        Self {
            name,
            membership,
            emergency: false,
            role_time: now,
            create_time: now,
            update_time: now,
            revision: 0,
        }
    }

    /// The same person with another membership from now on, which is an ordinary one.
    pub(crate) fn with(&self, membership: Membership, now: Timestamp) -> Self {
        let role_time = if membership.role == self.membership.role { self.role_time } else { now };
        Self { membership, emergency: false, role_time, update_time: now, ..self.clone() }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut json = self.membership.to_json(&self.name.user);
        if self.emergency {
            json["emergency"] = true.into();
        }
        json
    }
}

impl From<Member> for ConsoleHolder {
    fn from(member: Member) -> Self {
        Self { user: member.name.user, role: member.membership.role, emergency: member.emergency }
    }
}

/// What is to change of a membership. `None`: stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) role: Option<ConsoleRole>,
    pub(crate) view_all_apps: Option<bool>,
    #[expect(clippy::option_option, reason = "not changed, changed to never, changed to a time")]
    pub(crate) expire_time: Option<Option<Timestamp>>,
}

impl Patch {
    /// R-M6: the add-on is dropped when the role changes, unless it is asked for anew.
    pub(crate) fn apply(&self, before: Membership) -> Membership {
        let role = self.role.unwrap_or(before.role);
        let kept = before.view_all_apps && role == before.role;
        let view_all_apps = self.view_all_apps.unwrap_or(kept);
        Membership { role, view_all_apps, expire_time: self.expire_time.unwrap_or(before.expire_time) }
    }
}

/// R-M4: whether a space keeps an Admin whose role does not expire, when `before` becomes `after` and there are others or
/// not.
pub(crate) fn keeps_an_admin(others: bool, before: &Membership, after: Option<&Membership>) -> bool {
    !before.is_lasting_admin() || after.is_some_and(Membership::is_lasting_admin) || others
}

/// R-M14: how long an Admin's role that is given in an emergency lasts at most.
pub(crate) const EMERGENCY_MAX: Duration = Duration::from_hours(24);

/// R-M3: the most Admins that a Marketplace admin may add to a space without one (RFC on developer space roles, note 1).
pub(crate) const BOOTSTRAP_MAX: usize = 5;

/// R-M3: while a published space has no console Admin, a Marketplace admin adds one to five, as ADMIN only.
pub(crate) fn is_bootstrap(added: &[(UserName, Membership)]) -> bool {
    (1..=BOOTSTRAP_MAX).contains(&added.len())
        && added.iter().all(|(_, member)| member.role == ConsoleRole::Admin)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LATER: Option<Timestamp> = Some(Timestamp::EPOCH);

    fn user(id: &str) -> UserName {
        UserName::from_stored(id.to_owned())
    }

    fn member(role: ConsoleRole, view_all_apps: bool, expire_time: Option<Timestamp>) -> Membership {
        Membership { role, view_all_apps, expire_time }
    }

    // R-M6
    #[test]
    fn the_add_on_is_dropped_when_the_role_changes() {
        let developer = member(ConsoleRole::Developer, true, None);
        let to = |role| Patch { role: Some(role), ..Patch::default() }.apply(developer);
        assert!(!to(ConsoleRole::Viewer).view_all_apps);
        assert!(to(ConsoleRole::Developer).view_all_apps);
    }

    // R-M6
    #[test]
    fn only_developers_have_the_add_on() {
        let add_on = Patch { view_all_apps: Some(true), ..Patch::default() };
        for role in [ConsoleRole::Viewer, ConsoleRole::Admin] {
            assert!(!add_on.apply(member(role, false, None)).has_fitting_add_on());
        }
        let developer = add_on.apply(member(ConsoleRole::Developer, false, None));
        assert!(developer.view_all_apps && developer.has_fitting_add_on());
    }

    // R-M4: removal, demotion and an expiry each would take the last one away.
    #[test]
    fn the_last_admin_without_an_end_must_stay_one() {
        let admin = member(ConsoleRole::Admin, false, None);
        for after in [
            None,
            Some(member(ConsoleRole::Viewer, false, None)),
            Some(member(ConsoleRole::Admin, false, LATER)),
        ] {
            assert!(!keeps_an_admin(false, &admin, after.as_ref()), "{after:?}");
            assert!(keeps_an_admin(true, &admin, after.as_ref()), "{after:?}");
        }
        assert!(keeps_an_admin(false, &admin, Some(&admin)));
        assert!(keeps_an_admin(false, &member(ConsoleRole::Admin, false, LATER), None));
    }

    // R-M3
    #[test]
    fn a_bootstrap_is_one_to_five_admins() {
        let admin = (user("a"), member(ConsoleRole::Admin, false, None));
        let viewer = (user("v"), member(ConsoleRole::Viewer, false, None));
        assert!(is_bootstrap(&vec![admin.clone(); 1]) && is_bootstrap(&vec![admin.clone(); 5]));
        assert!(
            !is_bootstrap(&[]) && !is_bootstrap(&vec![admin.clone(); 6]) && !is_bootstrap(&[admin, viewer])
        );
    }

    fn any_membership() -> impl Strategy<Value = Membership> {
        (0..3_usize, any::<bool>(), any::<bool>()).prop_map(|(role, add_on, ends)| {
            let role = ConsoleRole::ALL[role];
            member(role, add_on && role == ConsoleRole::Developer, if ends { LATER } else { None })
        })
    }

    proptest! {
        // R-M6, for any change whatever.
        #[test]
        fn the_add_on_comes_only_when_asked_for_and_stays_only_with_the_role(
            before in any_membership(), role in 0..4_usize, add_on: Option<bool>, ends: Option<bool>,
        ) {
            let patch = Patch {
                role: ConsoleRole::ALL.get(role).copied(),
                view_all_apps: add_on,
                expire_time: ends.map(|ends| if ends { LATER } else { None }),
            };
            let after = patch.apply(before);
            // Whoever did not ask for the add-on never gets one that does not fit.
            prop_assert!(after.has_fitting_add_on() || add_on == Some(true));
            prop_assert!(!after.view_all_apps || add_on == Some(true) || before.role == after.role);
        }
    }
}
