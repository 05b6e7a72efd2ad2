use std::time::Duration;

use clap::{Args, ValueEnum};
use devspaces_gate::{self as gate, PaymentRetries};

/// How the suite deals with invoices: the billing service, and the space service for what consent is required for. Others take no notice
/// of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Invoices")]
pub(super) struct Invoicing {
    /// After how many days from the first failed attempt payment of an invoice is tried again, up to 10 times and for up to
    /// 365 days. When the last retry has failed as well the invoice is past due, and the apps on it are suspended
    #[arg(long, env = "DEVSPACES_PAYMENT_RETRY_DAYS", value_name = "DAYS", default_value = "1,3,7,14,21", value_parser = retries)]
    payment_retry_days: PaymentRetries,
    /// How many days before it takes effect a new rate card must be made, for people to see it come; prices stand at least 10
    /// minutes before a month begins, also with 0
    #[arg(long, env = "DEVSPACES_RATE_CARD_NOTICE_DAYS", value_name = "DAYS", default_value = "90", value_parser = clap::value_parser!(u32).range(..=3650))]
    rate_card_notice_days: u32,
    /// For what somebody of a space must have consented to app invoicing: overage, for using more than an allowance, so that an app
    /// that has reached one is suspended for the rest of the month otherwise; deploy, for deploying as well, so that nobody deploys in a
    /// space without a billing account; or never, and what spaces without an account use is free. The space service and the billing
    /// service need the same
    #[arg(long, env = "DEVSPACES_CONSENT_REQUIRED_FOR", value_name = "WHAT", default_value = "overage")]
    consent_required_for: ConsentRequiredFor,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ConsentRequiredFor {
    Overage,
    Deploy,
    Never,
}

fn retries(text: &str) -> Result<PaymentRetries, String> {
    let days: Option<Vec<u16>> = text.split(',').map(|day| day.trim().parse().ok()).collect();
    days.and_then(|days| PaymentRetries::after_days(&days)).ok_or_else(|| {
        let (most, last) = (PaymentRetries::MOST, PaymentRetries::LAST_DAY);
        format!("must be 1 to {most} whole numbers of days from 1 to {last}, each above the one before, separated by commas")
    })
}

impl Invoicing {
    /// What the services are given.
    pub(super) fn invoicing(&self) -> gate::Invoicing {
        gate::Invoicing {
            payment_retries: self.payment_retry_days.clone(),
            rate_card_notice: Duration::from_hours(24) * self.rate_card_notice_days,
            consent_required_for: match self.consent_required_for {
                ConsentRequiredFor::Overage => gate::ConsentRequiredFor::Overage,
                ConsentRequiredFor::Deploy => gate::ConsentRequiredFor::Deploy,
                ConsentRequiredFor::Never => gate::ConsentRequiredFor::Never,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        invoicing: Invoicing,
    }

    // R-B10
    #[test]
    fn retries_are_days_that_come_one_after_another() {
        let default = Command::parse_from(["devspaces"]).invoicing.invoicing();
        assert_eq!(default, gate::Invoicing::default());
        assert_eq!(retries("2, 30"), Ok(PaymentRetries::after_days(&[2, 30]).expect("retries")));
        for bad in ["", ",", "1,", "0", "3,1", "1,1", "366", "-1", "1.5", "1;3", "1,2,3,4,5,6,7,8,9,10,11"] {
            let refused = Command::try_parse_from(["devspaces", &format!("--payment-retry-days={bad}")]);
            let told = refused.expect_err(bad).to_string();
            assert!(told.contains("--payment-retry-days"), "{told}");
        }
    }
}
