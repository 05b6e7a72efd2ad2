//! Members.
use std::collections::HashSet;

use devspaces_authz::ConsoleRole;
use devspaces_kit::{
    clock::{Timestamp, end_ahead},
    name::UserName,
    status::{Fault, Fields},
};
use devspaces_ledger::etag;
use devspaces_proto::membership::v1 as proto;

use crate::domain::{Member, Membership, Patch};

/// The most people that one `AddMembers` adds.
const MAX_ADDED: usize = 100;

impl From<Member> for proto::Member {
    fn from(member: Member) -> Self {
        Self {
            name: member.name.to_string(),
            user: member.name.user.to_string(),
            role: wire_role(member.membership.role).into(),
            view_all_apps: member.membership.view_all_apps,
            expire_time: member.membership.expire_time.map(Into::into),
            create_time: Some(member.create_time.into()),
            update_time: Some(member.update_time.into()),
            etag: etag::of(member.revision),
            deactivated: false,
            emergency: member.emergency,
        }
    }
}

/// A member as lists tell of them: with a mark, if deactivated (R-M12).
pub(crate) fn marked(member: Member, deactivated: &HashSet<UserName>) -> proto::Member {
    let deactivated = deactivated.contains(&member.name.user);
    proto::Member { deactivated, ..member.into() }
}

pub(super) fn wire_role(role: ConsoleRole) -> proto::ConsoleRole {
    match role {
        ConsoleRole::Admin => proto::ConsoleRole::Admin,
        ConsoleRole::Developer => proto::ConsoleRole::Developer,
        ConsoleRole::Viewer => proto::ConsoleRole::Viewer,
    }
}

/// A role of the API; `None` for `CONSOLE_ROLE_UNSPECIFIED`.
pub(crate) fn role(number: i32) -> Result<Option<ConsoleRole>, &'static str> {
    match proto::ConsoleRole::try_from(number) {
        Ok(proto::ConsoleRole::Unspecified) => Ok(None),
        Ok(proto::ConsoleRole::Admin) => Ok(Some(ConsoleRole::Admin)),
        Ok(proto::ConsoleRole::Developer) => Ok(Some(ConsoleRole::Developer)),
        Ok(proto::ConsoleRole::Viewer) => Ok(Some(ConsoleRole::Viewer)),
        Err(_) => Err("must be CONSOLE_ROLE_ADMIN, CONSOLE_ROLE_DEVELOPER or CONSOLE_ROLE_VIEWER"),
    }
}

pub(super) fn required_role(number: i32) -> Result<ConsoleRole, &'static str> {
    role(number)?.ok_or("must be given: CONSOLE_ROLE_ADMIN, CONSOLE_ROLE_DEVELOPER or CONSOLE_ROLE_VIEWER")
}

pub(super) const DEVELOPERS_ONLY: &str = "can be set for CONSOLE_ROLE_DEVELOPER only (R-M6)";

/// Whom an `AddMembers` request adds.
pub(crate) fn added(members: &[proto::Member], now: Timestamp) -> Result<Vec<(UserName, Membership)>, Fault> {
    let mut fields = Fields::new();
    if members.is_empty() || members.len() > MAX_ADDED {
        // Not one by one as well: a thousand members would have a thousand sentences.
        fields.bad("members", format!("must hold 1 to {MAX_ADDED} members"));
        return fields.finish_with(None);
    }
    let mut seen = HashSet::new();
    let mut added = Vec::with_capacity(members.len());
    for (index, member) in members.iter().enumerate() {
        let path = |field| format!("members[{index}].{field}");
        if !seen.insert(&member.user) {
            fields.bad(path("user"), "must not be given twice");
        }
        let user = fields.parse::<UserName>(path("user"), &member.user);
        let role = fields.check(path("role"), required_role(member.role));
        let end = fields.check(path("expire_time"), end_ahead(member.expire_time, now));
        if member.view_all_apps && role.is_some_and(|role| role != ConsoleRole::Developer) {
            fields.bad(path("view_all_apps"), DEVELOPERS_ONLY);
        }
        if let (Some(user), Some(role), Some(expire_time)) = (user, role, end) {
            added.push((user, Membership { role, view_all_apps: member.view_all_apps, expire_time }));
        }
    }
    fields.finish()?;
    Ok(added)
}

/// What an `UpdateMember` request changes: the fields of its mask, or those that are populated.
pub(crate) fn patch(request: &proto::UpdateMemberRequest, now: Timestamp) -> Result<Patch, Fault> {
    let mut fields = Fields::new();
    let member = request.member.clone().unwrap_or_default();
    let populated = [
        ("role", member.role != 0),
        ("view_all_apps", member.view_all_apps),
        ("expire_time", member.expire_time.is_some()),
    ];
    let masked = fields.mask("update_mask", request.update_mask.as_ref(), &populated);
    let mut patch = Patch::default();
    if masked.contains(&"role") {
        patch.role = fields.check("member.role", required_role(member.role));
    }
    if masked.contains(&"view_all_apps") {
        patch.view_all_apps = Some(member.view_all_apps);
    }
    if masked.contains(&"expire_time") {
        patch.expire_time = fields.check("member.expire_time", end_ahead(member.expire_time, now));
    }
    if patch.view_all_apps == Some(true) && patch.role.is_some_and(|role| role != ConsoleRole::Developer) {
        fields.bad("member.view_all_apps", DEVELOPERS_ONLY);
    }
    fields.finish()?;
    Ok(patch)
}
