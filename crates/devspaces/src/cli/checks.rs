use std::time::Duration;

use clap::Args;
use devspaces_gate::WINDOW;

/// How permissions are checked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Checks")]
pub(super) struct Checks {
    /// How many milliseconds before a check the facts may have been confirmed by which it allows; 0 has every check ask. What
    /// takes a permission away is acknowledged 25 ms later than it is made, so that no more than 22 are safe
    #[arg(long, env = "DEVSPACES_STRICT_WINDOW", value_name = "MILLISECONDS", default_value = "22", value_parser = window)]
    strict_window: Duration,
}

fn window(text: &str) -> Result<Duration, String> {
    let window = text.parse().ok().map(Duration::from_millis).filter(|window| *window <= WINDOW);
    window.ok_or_else(|| format!("must be whole milliseconds, from 0 to {}", WINDOW.as_millis()))
}

impl Checks {
    pub(super) fn window(&self) -> Duration {
        self.strict_window
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        checks: Checks,
    }

    // R-P9
    #[test]
    fn a_window_is_none_or_as_long_as_changes_rest_and_by_default_as_long_as_is_safe() {
        assert_eq!(Command::parse_from(["devspaces"]).checks.window(), WINDOW);
        for (good, millis) in [("0", 0), ("5", 5), ("22", 22)] {
            assert_eq!(window(good), Ok(Duration::from_millis(millis)));
        }
        for bad in ["", "-1", "23", "5ms", "1.5", "18446744073709551616"] {
            assert!(window(bad).is_err(), "{bad}");
        }
    }
}
