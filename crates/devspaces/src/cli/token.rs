use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use devspaces_kit::{
    clock::SystemClock,
    identity::{DevIssuer, SigningKey},
    name::Principal,
};

use super::{Failure, out::print_line};
use crate::keys;

/// Print a token for a user or a service.
#[derive(Debug, Args)]
pub(super) struct Token {
    /// For whom: users/alice or services/metering
    principal: String,
    /// The user's verified e-mail address
    #[arg(long)]
    email: Option<String>,
    /// The folder with the issuer's key
    #[arg(long, env = "DEVSPACES_DATA_DIR", default_value = "./.devspaces")]
    data_dir: PathBuf,
    /// How long the token is valid, in seconds
    #[arg(long, default_value_t = 24 * 60 * 60, value_parser = clap::value_parser!(u64).range(1..))]
    lifetime: u64,
}

impl Token {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let principal: Principal =
            self.principal.parse().map_err(|error| format!("the principal {error}"))?;
        if !DevIssuer::could_name(&principal) {
            return Err(format!(
                "the principal {principal} has the prefix of an --issuer: only that one names it"
            )
            .into());
        }
        match (&principal, self.email.as_deref()) {
            (Principal::Service(_), Some(_)) => return Err("--email: a service has no e-mail address".into()),
            (_, Some("")) => return Err("--email is empty".into()),
            _ => {}
        }
        // Not made here: a token that no running suite knows the key of would be a riddle.
        let key = SigningKey::load(&self.data_dir.join(keys::ISSUER))
            .map_err(|error| format!("{error}; `devspaces dev` makes it when it first starts"))?;
        let issuer = DevIssuer::new(key, SystemClock::shared());
        let token = issuer.token(&principal, self.email.as_deref(), Duration::from_secs(self.lifetime));
        print_line(token.as_str())?;
        Ok(ExitCode::SUCCESS)
    }
}
