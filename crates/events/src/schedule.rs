//! When a message is sent again that was not confirmed, as Standard Webhooks proposes it: over three days.
use std::time::Duration;

/// How long after each failed attempt the next follows.
const AFTER: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// How long after the last of so many attempts the next follows; nothing if none does.
pub(crate) fn next(attempts: i64) -> Option<Duration> {
    let place = usize::try_from(attempts.checked_sub(1)?).ok()?;
    AFTER.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-J6
    #[test]
    fn attempts_end_after_three_days() {
        let all: Duration = (1..).map_while(next).sum();
        assert!(all > Duration::from_hours(72) && all < Duration::from_hours(80), "{all:?}");
        assert_eq!((next(0), next(1), next(10)), (None, Some(Duration::from_secs(5)), None));
    }
}
