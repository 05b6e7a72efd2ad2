use std::collections::HashSet;

use devspaces_authz::{AppRole, ConsoleRole, Role};
use devspaces_gate::HeldRole;
use devspaces_kit::{
    name::{AppName, ContributorName, SpaceName, UserName},
    status::{Fault, Fields},
};
use devspaces_ledger::etag;
use devspaces_proto::space::v1 as proto;

use crate::domain::Contributor;

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
        }
    }
}

/// R-A4: someone whose console role makes them a viewer of the app.
pub(crate) fn derived(
    app: AppName,
    space: SpaceName,
    user: UserName,
    role: ConsoleRole,
) -> proto::Contributor {
    let name = ContributorName { app, user };
    proto::Contributor {
        user: name.user.to_string(),
        name: name.to_string(),
        role: proto::ContributorRole::Viewer.into(),
        derived_from: origin(space, role),
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
pub(crate) fn added(contributors: &[proto::Contributor]) -> Result<Vec<(UserName, AppRole)>, Fault> {
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
        added.extend(user.zip(role));
    }
    fields.finish()?;
    Ok(added)
}

/// The role that an `UpdateContributor` request gives; `None` if it changes nothing.
pub(crate) fn changed_role(request: &proto::UpdateContributorRequest) -> Result<Option<AppRole>, Fault> {
    let mut fields = Fields::new();
    let number = request.contributor.as_ref().map(|contributor| contributor.role).unwrap_or_default();
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &[("role", number != 0)]);
    let role = match masked.as_slice() {
        [] => None,
        _ => fields.check("contributor.role", given_role(number)),
    };
    fields.finish()?;
    Ok(role)
}
