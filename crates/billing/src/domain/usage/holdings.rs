use std::{collections::HashMap, time::Duration};

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};

/// By how much the clock of who measures may differ from those of the suite.
pub(crate) const LEEWAY: Duration = Duration::from_mins(5);

const HOUR: i64 = 3_600_000_000;

/// A time in which a space held an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) space: SpaceName,
    /// From when on, inclusive.
    pub(crate) from: Timestamp,
    /// Until when, exclusive; nothing: until now.
    pub(crate) until: Option<Timestamp>,
}

/// Which spaces held apps, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holdings(HashMap<AppName, Vec<Held>>);

impl Holdings {
    pub(crate) fn add(&mut self, app: AppName, held: Held) {
        self.0.entry(app).or_default().push(held);
    }

    /// Takes what another answer says of its apps in place of what is known of them.
    pub(crate) fn replace(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether one space held an app all the while from one time to another.
    pub(crate) fn is_held_through(&self, app: AppName, first: Timestamp, last: Timestamp) -> bool {
        let holds = |held: &Held| held.from <= first && held.until.is_none_or(|until| last < until);
        self.0.get(&app).is_some_and(|all| all.iter().any(holds))
    }

    /// Which space an app's use at a time belongs to: the one that held the app. Where none did, the one that had held it
    /// until just before, or else the one that held it just after: clocks differ, and meters stamp the beginning of what
    /// they measured. `now` is the clock's time. Nothing: it belongs to none.
    pub(crate) fn of(&self, app: AppName, time: Timestamp, now: Timestamp) -> Option<&Held> {
        let all = self.0.get(&app)?;
        let holds = |held: &&Held| held.from <= time && held.until.is_none_or(|until| time < until);
        let held_before =
            |held: &&Held| held.until.is_some_and(|until| until <= time && time < until + LEEWAY);
        let next = || {
            let later = all.iter().filter(|held| held.from > time).min_by_key(|held| held.from);
            later.filter(|held| held.begins_by_then(time, now))
        };
        all.iter().find(holds).or_else(|| all.iter().rfind(held_before)).or_else(next)
    }
}

impl Held {
    /// Whether a holding that begins later counts as begun at a time.
    fn begins_by_then(&self, time: Timestamp, now: Timestamp) -> bool {
        // What begins later than now was noted by a clock that was ahead. The app was made by now, and by nobody else.
        let was_ahead = self.from > now + LEEWAY && self.until.is_none_or(|until| time < until + LEEWAY);
        is_near(self.from, time) || was_ahead
    }
}

/// Whether a time counts as that from which on an app is held, if it lies before that: within the leeway, or as the head of its hour.
pub(crate) fn is_near(from: Timestamp, time: Timestamp) -> bool {
    from <= time + LEEWAY || time.micros() == from.micros() / HOUR * HOUR
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_holding_has_its_first_moment_and_not_its_last() {
        let (app, time) = (AppName(Uuid::from_u128(1)), Timestamp::from_micros);
        let held = |space, from, until: Option<i64>| Held {
            space: SpaceName(Uuid::from_u128(space)),
            from: time(from),
            until: until.map(time),
        };
        let mut holdings = Holdings::default();
        for held in [held(1, 10, Some(20)), held(2, 20, Some(30)), held(1, 40, None)] {
            holdings.add(app, held);
        }
        let at = |micros| {
            let held = holdings.of(app, time(micros), time(1000));
            held.map(|held| (held.space.0.as_u128(), held.from.micros()))
        };
        assert_eq!((at(10), at(19)), (Some((1, 10)), Some((1, 10))));
        assert_eq!((at(20), at(29)), (Some((2, 20)), Some((2, 20))));
        assert_eq!((at(40), at(1000)), (Some((1, 40)), Some((1, 40))));
        let through = |first, last| holdings.is_held_through(app, time(first), time(last));
        assert!(
            through(10, 19) && through(40, 1000) && !through(10, 20) && !through(9, 19) && !through(15, 45)
        );
        assert_eq!(holdings.of(AppName::NIL, time(10), time(1000)), None);
    }

    /// Whose it is what an app used at a time of that day, if spaces held it then from and until.
    fn of(held: &[(u128, &str, Option<&str>)], at: &str) -> Option<u128> {
        let time = |text: &str| format!("2026-11-29T{text}Z").parse::<Timestamp>().unwrap();
        let (app, mut holdings) = (AppName(Uuid::from_u128(1)), Holdings::default());
        for (space, from, until) in held {
            let (space, until) = (SpaceName(Uuid::from_u128(*space)), until.map(time));
            holdings.add(app, Held { space, from: time(from), until });
        }
        holdings.of(app, time(at), time("12:00:00")).map(|held| held.space.0.as_u128())
    }

    // R-B5
    #[test]
    fn the_first_minutes_and_the_head_of_the_hour_belong_to_the_first_space() {
        let made = [(1, "10:23:45.6", None)];
        for (at, whose) in [
            ("10:23:45.6", Some(1)),
            ("10:23:45", Some(1)),
            ("10:23:00", Some(1)),
            ("10:18:45.6", Some(1)),
            ("10:18:45.599999", None),
            ("10:00:00", Some(1)),
            ("10:00:00.000001", None),
            ("09:59:59", None),
            ("09:00:00", None),
        ] {
            assert_eq!(of(&made, at), whose, "{at}");
        }
    }

    // R-B5
    #[test]
    fn the_minutes_after_the_end_belong_to_the_last_space() {
        let deleted = [(1, "10:23:45", Some("11:00:10"))];
        for (at, whose) in
            [("11:00:10", Some(1)), ("11:05:09.999999", Some(1)), ("11:05:10", None), ("12:00:00", None)]
        {
            assert_eq!(of(&deleted, at), whose, "{at}");
        }
    }

    // R-B5: what one space used is never another's.
    #[test]
    fn there_is_no_leeway_where_another_space_held_the_app() {
        let moved = [(1, "09:10:00", Some("10:23:45")), (2, "10:23:45", None)];
        for (at, whose) in
            [("10:00:00", 1), ("10:23:44.999999", 1), ("10:23:45", 2), ("10:25:00", 2), ("09:08:00", 1)]
        {
            assert_eq!(of(&moved, at), Some(whose), "{at}");
        }
        let apart = [(1, "09:10:00", Some("10:10:00")), (2, "10:23:45", None)];
        for (at, whose) in [
            ("10:00:00", Some(1)),
            ("10:14:59", Some(1)),
            ("10:15:00", None),
            ("10:18:44", None),
            ("10:18:45", Some(2)),
        ] {
            assert_eq!(of(&apart, at), whose, "{at}");
        }
    }

    // A clock that was ahead when the app was made leaves no gap behind.
    #[test]
    fn a_holding_that_begins_later_than_now_has_begun() {
        let ahead = [(1, "18:30:00", None)];
        assert_eq!((of(&ahead, "09:00:01"), of(&ahead, "12:00:00")), (Some(1), Some(1)));
        let deleted = [(1, "18:30:00", Some("10:00:00"))];
        assert_eq!((of(&deleted, "10:04:59"), of(&deleted, "10:05:00")), (Some(1), None));
        let moved = [(1, "09:00:00", Some("10:00:00")), (2, "18:30:00", None)];
        assert_eq!((of(&moved, "09:30:00"), of(&moved, "10:06:00")), (Some(1), Some(2)));
    }
}
