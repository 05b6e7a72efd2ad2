//! `ListSubjects`: who has a permission on a resource.
use std::{collections::BTreeSet, time::Duration};

use devspaces_authz::{OwnerSet, Permission, Role, Service, SubjectKind, grants, owners};
use devspaces_kit::{
    identity::Caller,
    name::{Principal, Scope, SpaceName, UserName},
    page::PageToken,
    status::Fault,
};
use devspaces_proto::authz::v1::{Explanation, ListSubjectsRequest, ListSubjectsResponse, PermittedSubject};
use futures::future::try_join_all;

use super::{
    asker,
    decide::Question,
    parse::{self, Parser, Place},
    reach::Reach,
    walk::{self, Candidates, Listing},
};
use crate::{
    gate::Gate,
    owner::{Roles, Viewers},
    resource::Resource,
    source::Source,
    verdict::{is_allowed, unavailable},
};

/// Answers a page.
///
/// # Errors
/// As the method's comment has them.
pub(crate) async fn answer(
    gate: &Gate,
    caller: &Caller,
    request: ListSubjectsRequest,
) -> Result<ListSubjectsResponse, Fault> {
    let asker = &caller.principal;
    let mut parser = Parser::new(Place::Request);
    let permission = parser.permission(&request.permission);
    let resource = permission.and_then(|permission| parser.resource(permission, &request.resource));
    let (permission, resource) = parser.finish_with(permission.zip(resource))?;
    asker::may_ask(gate, asker, permission, resource).await?;
    let tokens = PageToken::for_arguments::<ListSubjectsRequest>(&[
        &asker.to_string(),
        &request.permission,
        &request.resource,
    ]);
    let (size, after) = parse::page(request.page_size, &request.page_token, &tokens)?;
    let after = after.map(|key| key_of(key).ok_or_else(Fault::page_token_invalid)).transpose()?;
    if has_grant(permission, Role::SignedIn) {
        let as_of = Some(gate.now().into());
        return Ok(ListSubjectsResponse { everyone_signed_in: true, as_of, ..Default::default() });
    }
    let list = Subjects { gate, permission, resource, place: place(gate, asker, resource).await? };
    let page = walk::page(gate, &list, after, size, request.explain).await?;
    let every_service = gate.services().every_service_has(permission) && list.may(asker).await?;
    Ok(ListSubjectsResponse {
        subjects: page.entries,
        next_page_token: tokens.next(page.next.map(|subject| subject.to_string())),
        as_of: Some(page.as_of.into()),
        everyone_signed_in: false,
        every_service,
    })
}

fn key_of(key: Vec<u8>) -> Option<Principal> {
    String::from_utf8(key).ok()?.parse().ok()
}

fn has_grant(permission: Permission, role: Role) -> bool {
    grants(permission).any(|grant| grant.role == role)
}

/// The space in which roles count on the resource, by what its owner says now.
async fn place(gate: &Gate, asker: &Principal, resource: Resource) -> Result<Option<SpaceName>, Fault> {
    match resource {
        Resource::Space(space) => Ok(Some(space)),
        Resource::App(app) => gate.space_of(asker, app).await,
        _ => Ok(None),
    }
}

/// Who has a permission on a resource.
struct Subjects<'a> {
    gate: &'a Gate,
    permission: Permission,
    resource: Resource,
    /// The space of the resource.
    place: Option<SpaceName>,
}

impl Subjects<'_> {
    /// Whether services that have the permission by name have it on this resource, as it stands (R-A12): as the one that asks.
    async fn may(&self, asker: &Principal) -> Result<bool, Fault> {
        if owners(SubjectKind::Service, self.permission).is_empty() {
            return Ok(true);
        }
        let checked = self.gate.check(asker, self.permission, self.resource, Duration::ZERO).await?;
        is_allowed(&checked.decision, self.resource)
    }
}

impl Listing for Subjects<'_> {
    type Key = Principal;
    type Entry = PermittedSubject;

    async fn candidates(
        &self,
        after: Option<&Principal>,
        limit: usize,
    ) -> Result<Candidates<Principal>, Fault> {
        if has_grant(self.permission, Role::Service) {
            let mut named = self.gate.services().given(self.permission);
            named.retain(|name| after.is_none_or(|after| name > after));
            return Ok(Candidates { keys: named, through: None });
        }
        let after = after.map_or("", Principal::id);
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let listing = self.asked().into_iter().map(|(source, wanted)| wanted.of(source, after, most));
        let listed: Vec<Vec<UserName>> = try_join_all(listing).await?;
        let full = listed.iter().any(|people| people.len() >= limit);
        let people: BTreeSet<UserName> = listed.into_iter().flatten().collect();
        let cut = full || people.len() > limit;
        // Each list was cut at the limit, so the first of them together are complete.
        let keys: Vec<_> = people.into_iter().take(limit).map(Principal::from).collect();
        let through = if cut { keys.last().cloned() } else { None };
        Ok(Candidates { keys, through })
    }

    fn question(&self, subject: &Principal) -> Question {
        Question::strict(subject.clone(), self.permission, self.resource)
    }

    fn entry(&self, subject: &Principal, explanation: Option<Explanation>) -> PermittedSubject {
        PermittedSubject { subject: subject.to_string(), explanation }
    }
}

/// Whom an owner is to list.
enum Wanted {
    /// The holders of some roles.
    Holders(Roles),
    /// Whose console role makes them viewers of every app in the space.
    Viewers(SpaceName),
}

impl Wanted {
    async fn of(self, source: &Source, after: &str, limit: i64) -> Result<Vec<UserName>, Fault> {
        let people = match self {
            Self::Holders(roles) => source.role_holders(&roles, after, limit).await,
            Self::Viewers(space) => source
                .derived_viewers(space, Viewers::After(after, limit))
                .await
                .map(|viewers| viewers.into_iter().map(|viewer| viewer.user).collect()),
        };
        people.ok_or_else(|| unavailable(OwnerSet::of(source.owner())))
    }
}

impl Subjects<'_> {
    /// The owners who know of roles that can grant the permission, and whom each is to list.
    fn asked(&self) -> Vec<(&Source, Wanted)> {
        let reach = Reach::of(self.permission);
        let mut asked = Vec::new();
        if let Resource::App(app) = self.resource
            && !reach.contributor.is_empty()
        {
            asked.push((Service::Space, holders(app, &reach)));
        }
        if let Some(space) = self.place {
            let of_owner = |owner| match owner {
                Service::Membership if reach.takes_add_on() => (owner, Wanted::Viewers(space)),
                _ => (owner, holders(space, &reach)),
            };
            asked.extend(reach.owners_in_spaces().into_iter().map(of_owner));
        }
        let sources = self.gate.sources();
        asked.into_iter().filter_map(|(owner, wanted)| Some((sources.of(owner)?, wanted))).collect()
    }
}

fn holders(scope: impl Into<Scope>, reach: &Reach) -> Wanted {
    let scope = scope.into();
    Wanted::Holders(Roles { scope, console: reach.console_roles(), contributor: reach.contributor.clone() })
}
