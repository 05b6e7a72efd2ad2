use std::time::Duration;

use clap::Args;

/// How prices change.
#[derive(Debug, Args)]
#[command(next_help_heading = "Prices")]
pub(super) struct Pricing {
    /// How many days before it takes effect a new rate card must be made, for people to see it come; prices stand at least 10
    /// minutes before a month begins, also with 0
    #[arg(
        long,
        env = "DEVSPACES_RATE_CARD_NOTICE_DAYS",
        value_name = "DAYS",
        default_value = "90",
        value_parser = clap::value_parser!(u32).range(..=3650)
    )]
    rate_card_notice_days: u32,
}

impl Pricing {
    /// How long before it takes effect a rate card is made.
    pub(super) fn notice(&self) -> Duration {
        Duration::from_hours(24) * self.rate_card_notice_days
    }
}
