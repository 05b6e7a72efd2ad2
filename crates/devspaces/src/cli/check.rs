use std::{env, fmt, fmt::Write as _, fs, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use devspaces_gate::role_from_wire;
use devspaces_kit::{
    clock::{SystemClock, Timestamp},
    identity::{DevIssuer, SigningKey},
    name::Principal,
};
use devspaces_proto::authz::v1::{
    CheckPermissionRequest, CheckPermissionResponse, RoleGrant, authz_service_client::AuthzServiceClient,
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint, Uri},
};
use tonic_types::StatusExt as _;

use super::{Failure, dev::DATA_DIR, out::print};
use crate::keys;

/// The exit code of a check that is answered with no.
const NOT_ALLOWED: u8 = 3;

/// How long the suite may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a token lives that is made for one question.
const LIFETIME: Duration = Duration::from_mins(1);

/// The token of whoever asks, for those who ask about others. Not a flag: arguments are seen by everybody.
const TOKEN: &str = "DEVSPACES_TOKEN";

/// Ask a running suite whether somebody has a permission, and why; exit code 0 if so, 3 if not.
///
/// Without a token of one's own it is the subject who asks, by a token that is made with the key of the data folder.
/// With --token-file, or the token in the environment variable `DEVSPACES_TOKEN`, it is whoever's token that is.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Whom it is about: users/alice or services/metering
    subject: String,
    /// The permission: members.add
    permission: String,
    /// What it is on: spaces/{uuid} or apps/{uuid}; nothing for permissions on no resource
    resource: Option<String>,
    /// Where the suite is, or one of its services
    #[arg(long, env = "DEVSPACES_ADDRESS", default_value = "http://127.0.0.1:7000", value_name = "URL")]
    address: Uri,
    /// The folder with the issuer's key
    #[arg(long, env = "DEVSPACES_DATA_DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
    /// A file with the token of whoever asks
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Check {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let subject: Principal = self.subject.parse().map_err(|error| format!("the subject {error}"))?;
        let token = self.token(&subject)?;
        let mut request = Request::new(CheckPermissionRequest {
            subject: subject.to_string(),
            permission: self.permission.clone(),
            resource: self.resource.clone().unwrap_or_default(),
            max_staleness: None,
        });
        request.metadata_mut().insert("authorization", token);
        let mut authz = AuthzServiceClient::new(self.connect().await?);
        let answer = authz.check_permission(request).await.map_err(|status| sentence(&status))?.into_inner();
        print(Answer { check: &self, answer: &answer })?;
        Ok(if answer.allowed { ExitCode::SUCCESS } else { ExitCode::from(NOT_ALLOWED) })
    }

    /// The `authorization` of the call. No error shows any of it.
    fn token(&self, subject: &Principal) -> Result<MetadataValue<Ascii>, Failure> {
        let (source, token) = match (&self.token_file, env::var(TOKEN)) {
            (Some(file), _) => {
                let token = fs::read_to_string(file)
                    .map_err(|error| format!("--token-file {} can't be read: {error}", file.display()))?;
                ("--token-file", token)
            }
            (None, Ok(token)) => (TOKEN, token),
            (None, Err(_)) => ("--data-dir", self.own_token(subject)?),
        };
        let value = format!("Bearer {}", token.trim()).parse::<MetadataValue<Ascii>>();
        let mut value = value.map_err(|_| format!("{source} does not hold a token"))?;
        value.set_sensitive(true);
        Ok(value)
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

    async fn connect(&self) -> Result<Channel, Failure> {
        if self.address.scheme_str() != Some("http") || self.address.authority().is_none() {
            return Err("--address must have the form http://HOST:PORT".into());
        }
        let endpoint = Endpoint::from(self.address.clone()).connect_timeout(TIMEOUT).timeout(TIMEOUT);
        let channel = endpoint.connect().await;
        Ok(channel.map_err(|_| format!("--address {}: nobody answers there", self.address))?)
    }
}

/// What the suite says of a question that it does not answer, with what machines read of it.
fn sentence(status: &Status) -> Failure {
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

/// An answer as a person reads it.
struct Answer<'a> {
    check: &'a Check,
    answer: &'a CheckPermissionResponse,
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CheckPermissionResponse { allowed, explanation, as_of } = self.answer;
        let Check { subject, permission, resource, .. } = self.check;
        let on = resource.as_ref().map(|resource| format!(" on {resource}")).unwrap_or_default();
        let has = if *allowed { "has" } else { "does not have" };
        writeln!(f, "{subject} {has} {permission}{on}")?;
        let explanation = explanation.clone().unwrap_or_default();
        list(f, "Granted by", explanation.granted_by.iter().map(grant))?;
        list(f, "It would be granted by", explanation.would_be_granted_by.iter().map(grant))?;
        list(f, "Not met", explanation.unmet_conditions)?;
        list(f, "The call itself also checks that", explanation.preconditions)?;
        list(f, "Facts that could not be had, and were not needed, from", explanation.missing_facts)?;
        match as_of.map(Timestamp::try_from) {
            Some(Ok(time)) => writeln!(f, "As of {time}"),
            _ => Ok(()),
        }
    }
}

/// A heading and its lines; nothing if there are none.
fn list(f: &mut fmt::Formatter<'_>, heading: &str, lines: impl IntoIterator<Item = String>) -> fmt::Result {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_some() {
        writeln!(f, "{heading}:")?;
    }
    lines.try_for_each(|line| writeln!(f, "  {line}"))
}

/// "console Admin, on the console plane, if the space is not published".
fn grant(grant: &RoleGrant) -> String {
    let mut text = match role_from_wire(grant.role) {
        Some(role) => format!("{}, on the plane {}", role.title(), role.plane().name()),
        None => "a role that this version does not know".to_owned(),
    };
    if !grant.via.is_empty() {
        let _ = write!(text, ", as {}", grant.via);
    }
    if !grant.condition.is_empty() {
        let _ = write!(text, ", if {}", grant.condition);
    }
    text
}
