//! Groups, and the roles that they have.
use std::collections::HashSet;

use devspaces_authz::AppRole;
use devspaces_gate::{contributor_from_wire, contributor_to_wire};
use devspaces_kit::{
    clock::{Timestamp, end_ahead},
    name::{AppName, UserName},
    status::{Fault, Fields},
    text,
};
use devspaces_ledger::etag;
use devspaces_proto::{facts::v1::RoleOfGroup, membership::v1 as proto};

use crate::domain::Group;

/// The most people that one call puts into a group.
const MAX_ADDED: usize = 100;

impl From<Group> for proto::Group {
    fn from(group: Group) -> Self {
        Self {
            name: group.name.to_string(),
            display_name: group.display_name,
            create_time: Some(group.create_time.into()),
            update_time: Some(group.update_time.into()),
            etag: etag::of(group.revision),
        }
    }
}

/// Somebody in a group.
pub(crate) fn member_to_wire(user: &UserName, since: Timestamp) -> proto::GroupMember {
    proto::GroupMember { user: user.to_string(), create_time: Some(since.into()), deactivated: false }
}

/// A role as the space service tells of it. The numbers of the roles are the same in both areas of the API.
pub(crate) fn role_to_wire(role: RoleOfGroup) -> proto::GroupRole {
    proto::GroupRole { resource: role.resource, role: role.role, expire_time: role.expire_time }
}

/// What a new group is called.
pub(crate) fn display_name(group: Option<proto::Group>) -> Result<String, Fault> {
    let mut fields = Fields::new();
    let name = group.unwrap_or_default().display_name;
    fields.check("group.display_name", text::display_name(&name));
    fields.finish_with(Some(name))
}

/// What an `UpdateGroup` request calls the group; `None` if it changes nothing.
pub(crate) fn changed_name(request: &proto::UpdateGroupRequest) -> Result<Option<String>, Fault> {
    let mut fields = Fields::new();
    let name = request.group.as_ref().map(|group| group.display_name.clone()).unwrap_or_default();
    let populated = [("display_name", !name.is_empty())];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    let name = (!masked.is_empty()).then_some(name);
    if let Some(name) = &name {
        fields.check("group.display_name", text::display_name(name));
    }
    fields.finish()?;
    Ok(name)
}

/// Whom an `AddGroupMembers` request adds.
pub(crate) fn added(users: &[String]) -> Result<Vec<UserName>, Fault> {
    let mut fields = Fields::new();
    if users.is_empty() || users.len() > MAX_ADDED {
        fields.bad("users", format!("must hold 1 to {MAX_ADDED} people"));
        return fields.finish_with(None);
    }
    let mut seen = HashSet::new();
    let mut added = Vec::with_capacity(users.len());
    for (index, user) in users.iter().enumerate() {
        let path = format!("users[{index}]");
        if !seen.insert(user) {
            fields.bad(path.clone(), "must not be given twice");
        }
        added.extend(fields.parse::<UserName>(path, user));
    }
    fields.finish()?;
    Ok(added)
}

/// The role that a `GrantAppRole` request gives, on which app, and until when.
pub(crate) fn granted(
    request: &proto::GrantAppRoleRequest,
    now: Timestamp,
) -> Result<(AppName, AppRole, Option<Timestamp>), Fault> {
    let mut fields = Fields::new();
    let app = fields.parse::<AppName>("app", &request.app);
    let role = fields.check("role", given_role(request.role));
    let end = fields.check("expire_time", end_ahead(request.expire_time, now));
    let ((app, role), end) = fields.finish_with(app.zip(role).zip(end))?;
    Ok((app, role, end))
}

/// R-M11: a role that can be given to a group.
fn given_role(number: i32) -> Result<AppRole, &'static str> {
    match contributor_from_wire(number) {
        Some(AppRole::Owner) => Err("can't be CONTRIBUTOR_ROLE_OWNER: an app has one OWNER, who is a person"),
        Some(role) => Ok(role),
        None => Err("must be given: CONTRIBUTOR_ROLE_ADMIN, CONTRIBUTOR_ROLE_DEPLOYER, \
             CONTRIBUTOR_ROLE_DEVELOPER or CONTRIBUTOR_ROLE_VIEWER"),
    }
}

/// A role on the wire.
pub(crate) fn wire_role(role: AppRole) -> i32 {
    contributor_to_wire(role).into()
}

#[cfg(test)]
mod tests {
    use devspaces_proto::{facts::v1::ContributorRole as Told, space::v1::ContributorRole};

    use super::*;

    #[test]
    fn the_numbers_of_the_roles_are_the_same_wherever_they_are_told() {
        for role in AppRole::ALL {
            let number = wire_role(role);
            let told = Told::try_from(number).unwrap().as_str_name();
            assert_eq!(ContributorRole::try_from(number).unwrap().as_str_name(), told);
        }
        assert!(given_role(Told::Owner.into()).is_err());
        assert!(given_role(0).is_err());
        assert!(given_role(99).is_err());
    }
}
