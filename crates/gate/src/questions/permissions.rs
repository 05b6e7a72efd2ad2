//! `ListPermissions`: what a subject may do on a resource.
use std::time::Duration;

use devspaces_authz::{Permission, Plane, ResourceType};
use devspaces_kit::{identity::Caller, name::Principal, page::PageToken, status::Fault};
use devspaces_proto::authz::v1::{
    Explanation, HeldPermission, ListPermissionsRequest, ListPermissionsResponse,
};

use super::{
    asker,
    decide::Question,
    parse::{self, Parser, Place},
    walk::{self, Candidates, Listing},
};
use crate::{gate::Gate, resource::Resource, verdict::is_allowed};

/// Answers a page.
///
/// # Errors
/// As the method's comment has them.
pub(crate) async fn answer(
    gate: &Gate,
    caller: &Caller,
    request: ListPermissionsRequest,
) -> Result<ListPermissionsResponse, Fault> {
    let asker = &caller.principal;
    let mut parser = Parser::new(Place::Request);
    let subject = parser.subject(asker, &request.subject);
    let resource = parser.any_resource(&request.resource);
    let (subject, resource) = parser.finish_with(subject.zip(resource))?;
    let shown = shown(gate, asker, &subject, resource).await?;
    let tokens = PageToken::for_arguments::<ListPermissionsRequest>(&[
        &asker.to_string(),
        &subject.to_string(),
        &request.resource,
    ]);
    let (size, after) = parse::page(request.page_size, &request.page_token, &tokens)?;
    let after = after.map(|key| key_of(&key).ok_or_else(Fault::page_token_invalid)).transpose()?;
    let list = Permissions { subject, resource, shown };
    let page = walk::page(gate, &list, after, size, request.explain).await?;
    Ok(ListPermissionsResponse {
        permissions: page.entries,
        next_page_token: tokens.next(page.next.map(Permission::name)),
        as_of: Some(page.as_of.into()),
    })
}

fn key_of(key: &[u8]) -> Option<Permission> {
    std::str::from_utf8(key).ok().and_then(Permission::parse)
}

/// The permissions on this resource that the caller may see of the subject: all of one's own, and to a service that may
/// ask about others; to anybody else those of the planes that they administer there (R-P6).
async fn shown(
    gate: &Gate,
    asker: &Principal,
    subject: &Principal,
    resource: Resource,
) -> Result<Vec<Permission>, Fault> {
    let kind = match resource {
        Resource::Space(_) => ResourceType::Space,
        Resource::App(_) => ResourceType::App,
        _ => ResourceType::Platform,
    };
    let of_kind = Permission::ALL.into_iter().filter(|permission| permission.resource_type() == kind);
    if subject == asker {
        return Ok(of_kind.collect());
    }
    if let Principal::Service(_) = asker {
        asker::may_ask_anything(gate, asker, resource).await?;
        return Ok(of_kind.collect());
    }
    let mut administered = Vec::new();
    for plane in Plane::ALL {
        let administration = plane.administration().filter(|needed| needed.resource_type() == kind);
        if let Some(needed) = administration {
            let checked = gate.check(asker, needed, resource, Duration::ZERO).await?;
            administered.extend(is_allowed(&checked.decision, resource)?.then_some(plane));
        }
    }
    let seen: Vec<_> = of_kind.filter(|permission| administered.contains(&permission.plane())).collect();
    if seen.is_empty() { Err(asker::denied(resource)) } else { Ok(seen) }
}

/// What a subject has of some permissions on a resource.
struct Permissions {
    subject: Principal,
    resource: Resource,
    /// In the order of the table.
    shown: Vec<Permission>,
}

impl Listing for Permissions {
    type Key = Permission;
    type Entry = HeldPermission;

    async fn candidates(
        &self,
        after: Option<&Permission>,
        _: usize,
    ) -> Result<Candidates<Permission>, Fault> {
        let following = self.shown.iter().filter(|permission| after.is_none_or(|after| *permission > after));
        // They are few, and all of them are known.
        Ok(Candidates { keys: following.copied().collect(), through: None })
    }

    fn question(&self, permission: &Permission) -> Question {
        Question::strict(self.subject.clone(), *permission, self.resource)
    }

    fn entry(&self, permission: &Permission, explanation: Option<Explanation>) -> HeldPermission {
        HeldPermission { permission: permission.name().to_owned(), explanation }
    }
}
