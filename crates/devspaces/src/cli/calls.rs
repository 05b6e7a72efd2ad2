//! Calls of a running suite, by whoever has a token, or the key of the data folder.
use std::{env, fmt::Write as _, fs, path::PathBuf, time::Duration};

use clap::Args;
use devspaces_kit::{
    clock::SystemClock,
    identity::{DevIssuer, SigningKey},
    name::Principal,
    server,
    tls::{connect_lazy, reason},
};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint, Uri},
};
use tonic_types::StatusExt as _;

use super::{
    Failure,
    dev::DATA_DIR,
    plaintext::{Part, Plaintext},
    tls::{self, CallTls},
};
use crate::keys;

/// How long the suite may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a token lives that is made for one command.
const LIFETIME: Duration = Duration::from_mins(5);

/// The token of whoever asks, for those who ask about others. Not a flag: arguments are seen by everybody.
const TOKEN: &str = "DEVSPACES_TOKEN";

/// Where the suite is, and who calls it.
#[derive(Debug, Args)]
pub(super) struct Calls {
    /// Where the suite is, or one of its services
    #[arg(long, env = "DEVSPACES_ADDRESS", default_value = "http://127.0.0.1:7000", value_name = "URL", value_parser = tls::address)]
    address: Uri,
    /// The folder with the issuer's key
    #[arg(long, env = "DEVSPACES_DATA_DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
    /// A file with the token of whoever asks
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    tls: CallTls,
    #[command(flatten)]
    plaintext: Plaintext,
}

/// Whoever calls.
pub(super) struct Caller(MetadataValue<Ascii>);

impl Caller {
    /// A request of theirs.
    pub(super) fn asks<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.0.clone());
        request
    }
}

impl Calls {
    /// Whose token is given, or else this principal, by a token that is made with the key of the data folder. No error shows any
    /// of a token.
    pub(super) fn caller(&self, own: Option<&Principal>) -> Result<Caller, Failure> {
        let (source, token) = match (&self.token_file, env::var(TOKEN), own) {
            (Some(file), ..) => {
                let token = fs::read_to_string(file)
                    .map_err(|error| format!("--token-file {} can't be read: {error}", file.display()))?;
                ("--token-file", token)
            }
            (None, Ok(token), _) => (TOKEN, token),
            (None, Err(_), Some(own)) => ("--data-dir", self.own_token(own)?),
            (None, Err(_), None) => {
                return Err(format!("say who asks: by --user, --token-file or {TOKEN}").into());
            }
        };
        let value = format!("Bearer {}", token.trim()).parse::<MetadataValue<Ascii>>();
        let mut value = value.map_err(|_| format!("{source} does not hold a token"))?;
        value.set_sensitive(true);
        Ok(Caller(value))
    }

    fn own_token(&self, subject: &Principal) -> Result<String, Failure> {
        if !DevIssuer::could_name(subject) {
            let ask = format!("give your token by --token-file or {TOKEN}");
            return Err(
                format!("{subject} has the prefix of an --issuer, which alone names it: {ask}").into()
            );
        }
        let key = SigningKey::load(&self.data_dir.join(keys::ISSUER)).map_err(|error| {
            format!("{error}; `devspaces dev` makes it, or give your token by --token-file or {TOKEN}")
        })?;
        let issuer = DevIssuer::new(key, SystemClock::shared());
        Ok(issuer.token(subject, None, LIFETIME).as_str().to_owned())
    }

    /// A connection to the suite, over which a token may go.
    pub(super) async fn connect(&self) -> Result<Channel, Failure> {
        self.plaintext.calling(Part::Calls, "--address", &self.address)?;
        let tls = self.tls.open()?;
        let endpoint = Endpoint::from(self.address.clone()).connect_timeout(TIMEOUT).timeout(TIMEOUT);
        let channel = connect_lazy(&endpoint, &tls);
        // Asked first, since no call tells as well why it got no answer.
        match server::health(channel.clone()).await {
            Err(status) if status.code() != Code::Unimplemented => {
                let reason = reason(&status, tls.flags());
                Err(format!("--address {}: nobody answers there: {reason}", self.address).into())
            }
            _ => Ok(channel),
        }
    }
}

/// What the suite says of a question that it does not answer, with what machines read of it.
pub(super) fn sentence(status: &Status) -> Failure {
    let details = status.get_error_details();
    let mut text = status.message().to_owned();
    let fields = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    // One bad field is in the sentence.
    if fields.len() > 1 {
        let each: Vec<_> =
            fields.iter().map(|field| format!("{} {}", field.field, field.description)).collect();
        let _ = write!(text, ": {}", each.join("; "));
    }
    let reason = details.error_info().map(|info| format!(", {}", info.reason)).unwrap_or_default();
    format!("{text} ({:?}{reason})", status.code()).into()
}
