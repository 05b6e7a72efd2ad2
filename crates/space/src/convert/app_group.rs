//! App groups, and roles on them.
use devspaces_kit::{
    clock::{Timestamp, end_ahead},
    name::{AppGroupName, AppName, RoleHolder},
    status::{Fault, Fields},
    text,
};
use devspaces_ledger::etag;
use devspaces_proto::space::v1 as proto;

use super::contributor::{given_role, wire_role};
use crate::domain::{AppGroup, GivenRole};

/// The most apps that one call puts into an app group, or takes out.
const MAX_APPS: usize = 100;

impl From<AppGroup> for proto::AppGroup {
    fn from(group: AppGroup) -> Self {
        Self {
            name: group.name.to_string(),
            display_name: group.display_name,
            create_time: Some(group.create_time.into()),
            update_time: Some(group.update_time.into()),
            etag: etag::of(group.revision),
        }
    }
}

/// A role on an app group.
pub(crate) fn role_to_wire(holder: &RoleHolder, given: GivenRole) -> proto::AppGroupRole {
    proto::AppGroupRole {
        member: holder.to_string(),
        role: wire_role(given.role).into(),
        expire_time: given.expire_time.map(Into::into),
        deactivated: false,
    }
}

/// What a new app group is called.
pub(crate) fn display_name(group: Option<proto::AppGroup>) -> Result<String, Fault> {
    let mut fields = Fields::new();
    let name = group.unwrap_or_default().display_name;
    fields.check("app_group.display_name", text::display_name(&name));
    fields.finish_with(Some(name))
}

/// What an `UpdateAppGroup` request calls the app group; `None` if it changes nothing.
pub(crate) fn changed_name(request: &proto::UpdateAppGroupRequest) -> Result<Option<String>, Fault> {
    let mut fields = Fields::new();
    let name = request.app_group.as_ref().map(|group| group.display_name.clone()).unwrap_or_default();
    let populated = [("display_name", !name.is_empty())];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    let name = (!masked.is_empty()).then_some(name);
    if let Some(name) = &name {
        fields.check("app_group.display_name", text::display_name(name));
    }
    fields.finish()?;
    Ok(name)
}

/// The apps that a request names.
pub(crate) fn apps(names: &[String]) -> Result<Vec<AppName>, Fault> {
    let mut fields = Fields::new();
    if names.is_empty() || names.len() > MAX_APPS {
        fields.bad("apps", format!("must hold 1 to {MAX_APPS} apps"));
        return fields.finish_with(None);
    }
    let parse = |(index, name): (usize, &String)| fields.parse::<AppName>(format!("apps[{index}]"), name);
    let apps: Vec<AppName> = names.iter().enumerate().filter_map(parse).collect();
    fields.finish()?;
    Ok(apps)
}

/// Who has a role on an app group, or is to have one.
pub(crate) fn holder(fields: &mut Fields, name: AppGroupName, member: &str) -> Option<RoleHolder> {
    let holder = fields.parse::<RoleHolder>("member", member);
    if let Some(RoleHolder::Group(group)) = &holder
        && group.space != name.space
    {
        fields.bad("member", "must be a group of the app group's own space");
    }
    holder
}

/// Who is given which role on an app group.
pub(crate) fn given(
    name: AppGroupName,
    request: &proto::GrantAppGroupRoleRequest,
    now: Timestamp,
) -> Result<(RoleHolder, GivenRole), Fault> {
    let mut fields = Fields::new();
    let holder = holder(&mut fields, name, &request.member);
    let role = fields.check("role", given_role(request.role));
    let end = fields.check("expire_time", end_ahead(request.expire_time, now));
    let ((holder, role), expire_time) = fields.finish_with(holder.zip(role).zip(end))?;
    Ok((holder, GivenRole { role, expire_time }))
}
