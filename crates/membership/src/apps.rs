//! What is asked of the space service, which keeps the roles that groups have on apps (R-M11).
use devspaces_authz::Service;
use devspaces_gate::Context;
use devspaces_kit::{
    name::{AppName, GroupName},
    status::{Blockers, Fault, Reason, SPACE_ARCHIVED, reason_name},
};
use devspaces_ledger::Call;
use devspaces_proto::facts::v1::{
    ListRolesOfGroupRequest, RoleOfGroup, SetGroupRoleRequest,
    space_records_service_client::SpaceRecordsServiceClient,
};

/// Has a group given a role on an app, or has it taken, once for each `request_id` of the call, however often it is asked.
///
/// # Errors
/// `FAILED_PRECONDITION` with all that stands in the way; `NOT_FOUND` if there is no role to be taken; `UNAVAILABLE` if the space
/// service does not answer: it may have done it.
pub(crate) async fn set_role(
    context: &Context,
    call: &Call,
    (group, app): (GroupName, AppName),
    request: SetGroupRoleRequest,
) -> Result<(), Fault> {
    let actor = call.caller.principal.to_string();
    // Of this caller and method: what is one call here is the same method there, whoever calls and for what.
    let request_id = call
        .part(&format!("{} {actor}", call.method))
        .request_id()
        .map(|id| id.to_string())
        .unwrap_or_default();
    let (named, on) = (group.to_string(), app.to_string());
    let request = SetGroupRoleRequest { group: named, app: on, actor, request_id, ..request };
    let answer = context.peers.ask(Service::Space, request, |channel, request| async move {
        SpaceRecordsServiceClient::new(channel).set_group_role(request).await
    });
    let mut blockers = Blockers::new();
    for name in answer.await?.blockers {
        let is = |reason: Reason| name == reason_name(reason);
        if is(Reason::ClockStepped) {
            return Err(Fault::clock_stepped());
        } else if is(Reason::ResourceNotFound) {
            return Err(Fault::not_found(format_args!("a role of {group} on {app}")));
        } else if is(Reason::SpaceArchived) {
            blockers.add(Reason::SpaceArchived, group.space.to_string(), SPACE_ARCHIVED);
        } else if is(Reason::AppNotInSpace) {
            let sentence = "The app is not in the space, or there is no such app";
            blockers.add(Reason::AppNotInSpace, app.to_string(), sentence);
        } else {
            let sentence =
                "A group has roles on at most 10,000 apps, and at most 100 groups have roles on an app";
            blockers.add(Reason::GroupFull, group.to_string(), sentence);
        }
    }
    blockers.finish()
}

/// The roles that a group has after one, in the order of what they are on.
///
/// # Errors
/// `UNAVAILABLE` if the space service does not answer.
pub(crate) async fn roles(
    context: &Context,
    group: GroupName,
    after: String,
    limit: i64,
) -> Result<Vec<RoleOfGroup>, Fault> {
    let limit = i32::try_from(limit).unwrap_or(i32::MAX);
    let request = ListRolesOfGroupRequest { group: group.to_string(), after, limit };
    let answer = context.peers.ask(Service::Space, request, |channel, request| async move {
        SpaceRecordsServiceClient::new(channel).list_roles_of_group(request).await
    });
    Ok(answer.await?.roles)
}
