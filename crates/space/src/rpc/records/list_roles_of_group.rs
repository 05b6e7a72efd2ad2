use devspaces_authz::Service;
use devspaces_gate::{Context, admit, contributor_to_wire};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, GroupName, RoleHolder, RoleTarget},
    page,
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{ListRolesOfGroupRequest, ListRolesOfGroupResponse, RoleOfGroup};
use uuid::Uuid;

use crate::{domain::GivenRole, store};

/// R-M11, R-A11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListRolesOfGroupRequest,
) -> Result<ListRolesOfGroupResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Membership])?;
    let mut fields = Fields::new();
    let group = fields.parse::<GroupName>("group", &request.group);
    let after = match request.after.as_str() {
        "" => Some(RoleTarget::FIRST),
        after => fields.parse::<RoleTarget>("after", after),
    };
    let limit = fields.check("limit", page::asked(request.limit));
    let ((group, after), limit) = fields.finish_with(group.zip(after).zip(limit))?;
    let now = context.clock.now();
    let mut db = context.pool.read().await?;
    let (app, app_group) = match after {
        RoleTarget::App(app) => (Some(app), Uuid::nil()),
        RoleTarget::AppGroup(app_group) => (None::<AppName>, app_group.id),
    };
    let mut roles = Vec::new();
    if let Some(after) = app {
        let on_apps = store::group_role::list(&mut db, group, after, limit, now).await?;
        roles.extend(on_apps.into_iter().map(|(app, given)| to_wire(RoleTarget::App(app), given)));
    }
    let left = limit - i64::try_from(roles.len()).unwrap_or(limit);
    if left > 0 {
        let holder = RoleHolder::Group(group);
        let on_app_groups =
            store::app_group_role::of_holder(&mut db, group.space, &holder, app_group, left, now).await?;
        roles.extend(on_app_groups.into_iter().map(|(on, given)| to_wire(RoleTarget::AppGroup(on), given)));
    }
    Ok(ListRolesOfGroupResponse { roles })
}

fn to_wire(on: RoleTarget, given: GivenRole) -> RoleOfGroup {
    RoleOfGroup {
        resource: on.to_string(),
        role: contributor_to_wire(given.role).into(),
        expire_time: given.expire_time.map(Into::into),
    }
}
