use std::{fmt, fmt::Write as _, process::ExitCode};

use clap::Args;
use devspaces_gate::role_from_wire;
use devspaces_kit::{clock::Timestamp, name::Principal};
use devspaces_proto::authz::v1::{
    CheckPermissionRequest, CheckPermissionResponse, RoleGrant, authz_service_client::AuthzServiceClient,
};

use super::{
    Failure,
    calls::{Calls, sentence},
    out::print,
};

/// The exit code of a check that is answered with no.
const NOT_ALLOWED: u8 = 3;

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
    #[command(flatten)]
    calls: Calls,
}

impl Check {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let subject: Principal = self.subject.parse().map_err(|error| format!("the subject {error}"))?;
        let caller = self.calls.caller(Some(&subject))?;
        let request = caller.asks(CheckPermissionRequest {
            subject: subject.to_string(),
            permission: self.permission.clone(),
            resource: self.resource.clone().unwrap_or_default(),
            max_staleness: None,
        });
        let mut authz = AuthzServiceClient::new(self.calls.connect().await?);
        let answer = authz.check_permission(request).await.map_err(|status| sentence(&status))?.into_inner();
        print(Answer { check: &self, answer: &answer })?;
        Ok(if answer.allowed { ExitCode::SUCCESS } else { ExitCode::from(NOT_ALLOWED) })
    }
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
