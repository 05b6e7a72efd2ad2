use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::clock::Timestamp;
use devspaces_kit::{
    identity::Caller,
    name::{AppGroupName, RoleHolder},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::{
    db::{Conn, Error},
    standing,
};
use devspaces_proto::space::v1::{AppGroupRole, ListAppGroupRolesRequest, ListAppGroupRolesResponse};
use uuid::Uuid;

use crate::{convert::app_group::role_to_wire, domain::GivenRole, store};

/// R-A11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListAppGroupRolesRequest,
) -> Result<ListAppGroupRolesResponse, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<AppGroupName>("parent", &request.parent);
    let name = fields.finish_with(name)?;
    context.gate.require_read(&caller, Permission::AppGroupsUpdate, name.space).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListAppGroupRolesRequest>(&[&request.parent]);
    let after = match tokens.decode_text(&request.page_token)?.as_str() {
        "" => None,
        after => Some(after.parse::<RoleHolder>().map_err(|_| Fault::page_token_invalid())?),
    };
    let mut db = context.pool.read().await?;
    store::app_group::find(&mut db, name).await?.ok_or_else(|| Fault::not_found(name))?;
    let found = page(&mut db, name, after, page::limit(size), context.clock.now()).await?;
    let people = found.iter().filter_map(|(holder, _)| match holder {
        RoleHolder::User(user) => Some(user),
        RoleHolder::Group(_) => None,
    });
    let deactivated = standing::deactivated(&mut db, people).await?;
    let marked = |(holder, given): (RoleHolder, GivenRole)| {
        let role = role_to_wire(&holder, given);
        let deactivated = matches!(&holder, RoleHolder::User(user) if deactivated.contains(user));
        Some(AppGroupRole { deactivated, ..role })
    };
    let (roles, last) = page::fill(found, size, |(holder, _)| holder.to_string(), marked);
    Ok(ListAppGroupRolesResponse { roles, next_page_token: tokens.next(last) })
}

/// First the groups, then the people.
async fn page(
    db: &mut Conn,
    name: AppGroupName,
    after: Option<RoleHolder>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(RoleHolder, GivenRole)>, Error> {
    let (group, person) = match &after {
        None => (Some(Uuid::nil()), ""),
        Some(RoleHolder::Group(group)) => (Some(group.id), ""),
        Some(RoleHolder::User(user)) => (None, user.id()),
    };
    let mut found = match group {
        Some(after) => store::app_group_role::groups(db, name, after, limit, now).await?,
        None => Vec::new(),
    };
    let left = limit - i64::try_from(found.len()).unwrap_or(limit);
    if left > 0 {
        found.extend(store::app_group_role::people(db, name, person, left, now).await?);
    }
    Ok(found)
}
