//! Contributor roles by all the ways in which one person can have them on one app: in their own right, through groups, and
//! through app groups (R-A3, R-M11, R-A11). The highest that has not ended counts.
use std::cmp::Reverse;

use devspaces_authz::AppRole;
use devspaces_kit::clock::Timestamp;

/// A contributor role that somebody has by one way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeldRole {
    /// The role.
    pub role: AppRole,
    /// When it ends (R-M10). `None`: it does not.
    pub expire_time: Option<Timestamp>,
    /// The way, for people: "group Mobile". `None`: it is the person's own.
    pub through: Option<String>,
}

impl HeldRole {
    /// A person's own role, which does not end.
    #[must_use]
    pub fn own(role: AppRole) -> Self {
        Self { role, expire_time: None, through: None }
    }

    /// Whether this role is higher than another.
    #[must_use]
    pub fn is_higher_than(&self, other: AppRole) -> bool {
        rank(self.role) < rank(other)
    }

    fn lasts_longer_than(&self, other: &Self) -> bool {
        match (self.expire_time, other.expire_time) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(end), Some(other)) => end > other,
        }
    }
}

/// The roles that somebody has on an app, as far as they can ever be the highest: each lasts longer than all higher ones, so
/// that there are at most as many as there are roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HeldRoles(Vec<HeldRole>);

impl FromIterator<HeldRole> for HeldRoles {
    fn from_iter<I: IntoIterator<Item = HeldRole>>(roles: I) -> Self {
        let mut all: Vec<HeldRole> = roles.into_iter().collect();
        // The highest first; of one role what lasts longest, and of that the person's own.
        let end = |held: &HeldRole| (held.expire_time.is_some(), Reverse(held.expire_time));
        all.sort_by(|a, b| {
            let keys = |held: &HeldRole| (rank(held.role), end(held));
            keys(a).cmp(&keys(b)).then_with(|| a.through.cmp(&b.through))
        });
        let mut kept: Vec<HeldRole> = Vec::new();
        for held in all {
            if kept.last().is_none_or(|higher| held.lasts_longer_than(higher)) {
                kept.push(held);
            }
        }
        Self(kept)
    }
}

impl HeldRoles {
    /// The highest role at a time, and the way by which it is held.
    #[must_use]
    pub fn highest_at(&self, time: Timestamp) -> Option<&HeldRole> {
        self.0.iter().find(|held| held.expire_time.is_none_or(|end| time < end))
    }

    /// All of them, the highest first.
    pub fn iter(&self) -> impl Iterator<Item = &HeldRole> {
        self.0.iter()
    }
}

/// The highest role has the lowest rank.
fn rank(role: AppRole) -> usize {
    AppRole::ALL.iter().position(|known| *known == role).unwrap_or(AppRole::ALL.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn held(role: AppRole, end: Option<i64>, through: Option<&str>) -> HeldRole {
        HeldRole { role, expire_time: end.map(at), through: through.map(str::to_owned) }
    }

    fn highest(all: &[HeldRole], time: i64) -> Option<AppRole> {
        let holding = all.iter().filter(|held| held.expire_time.is_none_or(|end| at(time) < end));
        holding.map(|held| held.role).min_by_key(|role| rank(*role))
    }

    #[test]
    fn roles_are_listed_from_the_highest_on() {
        assert_eq!(rank(AppRole::Owner), 0);
        assert!(AppRole::ALL.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])));
    }

    // R-M11: whatever ways there are, at each time the highest counts of those that have not ended.
    #[test]
    fn what_is_kept_of_any_ways_has_the_same_highest_role_at_every_time() {
        let ends = [None, Some(1), Some(2), Some(3)];
        let one = || AppRole::ALL.into_iter().flat_map(|role| ends.map(|end| held(role, end, None)));
        for a in one() {
            for b in one() {
                for c in one() {
                    let all = [a.clone(), b.clone(), c];
                    let kept: HeldRoles = all.iter().cloned().collect();
                    for time in 0..4 {
                        let found = kept.highest_at(at(time)).map(|held| held.role);
                        assert_eq!(found, highest(&all, time), "{all:?} at {time}");
                    }
                    assert_eq!(kept.iter().cloned().collect::<HeldRoles>(), kept);
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_ways_does_not_matter() {
        let all = [
            held(AppRole::Viewer, None, None),
            held(AppRole::Admin, Some(2), Some("group b")),
            held(AppRole::Admin, Some(2), Some("group a")),
            held(AppRole::Deployer, Some(1), None),
        ];
        let kept: HeldRoles = all.iter().cloned().collect();
        assert_eq!(kept, all.iter().rev().cloned().collect());
        assert_eq!(kept.iter().count(), 2);
        assert_eq!(kept.highest_at(at(1)).unwrap().through.as_deref(), Some("group a"));
    }

    #[test]
    fn of_the_same_role_the_way_that_is_the_persons_own_is_told() {
        let all = [held(AppRole::Admin, None, Some("group a")), held(AppRole::Admin, None, None)];
        let kept: HeldRoles = all.into_iter().collect();
        assert_eq!(kept.highest_at(at(0)), Some(&HeldRole::own(AppRole::Admin)));
    }
}
