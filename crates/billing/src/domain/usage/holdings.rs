use std::collections::HashMap;

use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, SpaceName},
};

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

    /// By which space an app was held at a time. Nothing: it was in none.
    pub(crate) fn at(&self, app: AppName, time: Timestamp) -> Option<&Held> {
        let holds = |held: &&Held| held.from <= time && held.until.is_none_or(|until| time < until);
        self.0.get(&app)?.iter().find(holds)
    }
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
        let at =
            |micros| holdings.at(app, time(micros)).map(|held| (held.space.0.as_u128(), held.from.micros()));
        assert_eq!((at(9), at(10), at(19)), (None, Some((1, 10)), Some((1, 10))));
        assert_eq!((at(20), at(29), at(30)), (Some((2, 20)), Some((2, 20)), None));
        assert_eq!((at(39), at(40), at(1000)), (None, Some((1, 40)), Some((1, 40))));
        assert_eq!(holdings.at(AppName::NIL, time(10)), None);
    }
}
