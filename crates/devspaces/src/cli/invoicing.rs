use clap::Args;
use devspaces_gate::PaymentRetries;

/// How the billing service deals with invoices. Other services take no notice of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Invoices")]
pub(super) struct Invoicing {
    /// After how many days from the first failed attempt payment of an invoice is tried again, up to 10 times and for up to
    /// 365 days. When the last retry has failed as well the invoice is past due, and the apps on it are suspended
    #[arg(long, env = "DEVSPACES_PAYMENT_RETRY_DAYS", value_name = "DAYS", default_value = "1,3,7,14,21", value_parser = retries)]
    payment_retry_days: PaymentRetries,
}

fn retries(text: &str) -> Result<PaymentRetries, String> {
    let days: Option<Vec<u16>> = text.split(',').map(|day| day.trim().parse().ok()).collect();
    days.and_then(|days| PaymentRetries::after_days(&days)).ok_or_else(|| {
        let (most, last) = (PaymentRetries::MOST, PaymentRetries::LAST_DAY);
        format!("must be 1 to {most} whole numbers of days from 1 to {last}, each above the one before, separated by commas")
    })
}

impl Invoicing {
    pub(super) fn payment_retries(&self) -> PaymentRetries {
        self.payment_retry_days.clone()
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
        let default = Command::parse_from(["devspaces"]).invoicing.payment_retries();
        assert_eq!(default, PaymentRetries::default());
        assert_eq!(retries("2, 30"), Ok(PaymentRetries::after_days(&[2, 30]).expect("retries")));
        for bad in ["", ",", "1,", "0", "3,1", "1,1", "366", "-1", "1.5", "1;3", "1,2,3,4,5,6,7,8,9,10,11"] {
            let refused = Command::try_parse_from(["devspaces", &format!("--payment-retry-days={bad}")]);
            let told = refused.expect_err(bad).to_string();
            assert!(told.contains("--payment-retry-days"), "{told}");
        }
    }
}
