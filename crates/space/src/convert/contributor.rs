use std::collections::HashSet;

use devspaces_authz::{AppRole, ConsoleRole, Role};
use devspaces_gate::{ConsoleHolder, HeldRole};
use devspaces_kit::{
    clock::{Timestamp, end_ahead},
    name::{AppName, ContributorName, SpaceName, UserName},
    status::{Fault, Fields},
};
use devspaces_ledger::etag;
use devspaces_proto::space::v1 as proto;

use crate::domain::{Contributor, GivenRole};

/// R-A3: the most people that one `AddContributors` adds.
const MAX_ADDED: usize = 10;

impl From<Contributor> for proto::Contributor {
    fn from(contributor: Contributor) -> Self {
        Self {
            name: contributor.name.to_string(),
            user: contributor.name.user.to_string(),
            role: wire_role(contributor.role).into(),
            derived_from: String::new(),
            create_time: Some(contributor.create_time.into()),
            update_time: Some(contributor.update_time.into()),
            etag: etag::of(contributor.revision),
            deactivated: false,
            emergency: false,
            expire_time: contributor.expire_time.map(Into::into),
        }
    }
}

/// R-A4: someone whose console role makes them a viewer of the app.
pub(crate) fn derived(app: AppName, space: SpaceName, holder: ConsoleHolder) -> proto::Contributor {
    let ConsoleHolder { user, role, emergency } = holder;
    let name = ContributorName { app, user };
    proto::Contributor {
        user: name.user.to_string(),
        name: name.to_string(),
        role: proto::ContributorRole::Viewer.into(),
        derived_from: origin(space, role),
        emergency,
        ..proto::Contributor::default()
    }
}

/// R-M11, R-A11: someone whose highest role comes through a group or an app group.
pub(crate) fn through(app: AppName, user: UserName, held: &HeldRole) -> proto::Contributor {
    let name = ContributorName { app, user };
    proto::Contributor {
        user: name.user.to_string(),
        name: name.to_string(),
        role: wire_role(held.role).into(),
        derived_from: held.through.clone().unwrap_or_default(),
        expire_time: held.expire_time.map(Into::into),
        ..proto::Contributor::default()
    }
}

/// Where a derived role comes from: "console Admin of spaces/…".
pub(crate) fn origin(space: SpaceName, role: ConsoleRole) -> String {
    format!("{} of {space}", Role::from(role).title())
}

pub(crate) fn wire_role(role: AppRole) -> proto::ContributorRole {
    match role {
        AppRole::Owner => proto::ContributorRole::Owner,
        AppRole::Admin => proto::ContributorRole::Admin,
        AppRole::Deployer => proto::ContributorRole::Deployer,
        AppRole::Developer => proto::ContributorRole::Developer,
        AppRole::Viewer => proto::ContributorRole::Viewer,
    }
}

/// A role that can be given: R-A3 has `OWNER` come by other ways.
pub(crate) fn given_role(number: i32) -> Result<AppRole, &'static str> {
    match proto::ContributorRole::try_from(number) {
        Ok(proto::ContributorRole::Admin) => Ok(AppRole::Admin),
        Ok(proto::ContributorRole::Deployer) => Ok(AppRole::Deployer),
        Ok(proto::ContributorRole::Developer) => Ok(AppRole::Developer),
        Ok(proto::ContributorRole::Viewer) => Ok(AppRole::Viewer),
        Ok(proto::ContributorRole::Owner) => {
            Err("can't be CONTRIBUTOR_ROLE_OWNER: the OWNER passes the app on by TransferOwnership")
        }
        Ok(proto::ContributorRole::Unspecified) | Err(_) => Err("must be given: CONTRIBUTOR_ROLE_ADMIN, \
             CONTRIBUTOR_ROLE_DEPLOYER, CONTRIBUTOR_ROLE_DEVELOPER or CONTRIBUTOR_ROLE_VIEWER"),
    }
}

/// Whom an `AddContributors` request adds.
pub(crate) fn added(
    contributors: &[proto::Contributor],
    now: Timestamp,
) -> Result<Vec<(UserName, GivenRole)>, Fault> {
    let mut fields = Fields::new();
    if contributors.is_empty() || contributors.len() > MAX_ADDED {
        fields.bad("contributors", format!("must hold 1 to {MAX_ADDED} contributors"));
        return fields.finish_with(None);
    }
    let mut seen = HashSet::new();
    let mut added = Vec::with_capacity(contributors.len());
    for (index, contributor) in contributors.iter().enumerate() {
        let path = |field| format!("contributors[{index}].{field}");
        if !seen.insert(&contributor.user) {
            fields.bad(path("user"), "must not be given twice");
        }
        let user = fields.parse::<UserName>(path("user"), &contributor.user);
        let role = fields.check(path("role"), given_role(contributor.role));
        let end = fields.check(path("expire_time"), end_ahead(contributor.expire_time, now));
        let given = role.zip(end).map(|(role, expire_time)| GivenRole { role, expire_time });
        added.extend(user.zip(given));
    }
    fields.finish()?;
    Ok(added)
}

/// What is to change of a role. `None`: stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RolePatch {
    pub(crate) role: Option<AppRole>,
    #[expect(clippy::option_option, reason = "not changed, changed to never, changed to a time")]
    pub(crate) expire_time: Option<Option<Timestamp>>,
}

/// What an `UpdateContributor` request changes.
pub(crate) fn patch(request: &proto::UpdateContributorRequest, now: Timestamp) -> Result<RolePatch, Fault> {
    let mut fields = Fields::new();
    let contributor = request.contributor.clone().unwrap_or_default();
    let populated = [("role", contributor.role != 0), ("expire_time", contributor.expire_time.is_some())];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    let mut patch = RolePatch::default();
    if masked.contains(&"role") {
        patch.role = fields.check("contributor.role", given_role(contributor.role));
    }
    // A client that does not know of ends replaces all of a role without one: then it stays as it is.
    let all = request.update_mask.as_ref().is_some_and(|mask| mask.paths == ["*"]);
    if masked.contains(&"expire_time") && (!all || contributor.expire_time.is_some()) {
        patch.expire_time = fields.check("contributor.expire_time", end_ahead(contributor.expire_time, now));
    }
    fields.finish()?;
    Ok(patch)
}
