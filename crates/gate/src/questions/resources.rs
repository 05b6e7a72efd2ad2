//! `ListResources`: where a subject has a permission.
use devspaces_authz::{Permission, Plane, ResourceType};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, Principal, SpaceName},
    page::PageToken,
    status::Fault,
};
use devspaces_proto::authz::v1::{
    Explanation, ListResourcesRequest, ListResourcesResponse, PermittedResource,
};
use uuid::Uuid;

use super::{
    asker,
    decide::Question,
    parse::{self, Parser, Place},
    placed_apps::PlacedApps,
    reach::Reach,
    walk::{self, Candidates, Listing, Page},
};
use crate::{gate::Gate, owner::PlacedApp, resource::Resource};

/// How long an id is, in bytes.
const ID: usize = 16;

/// Answers a page.
///
/// # Errors
/// As the method's comment has them.
pub(crate) async fn answer(
    gate: &Gate,
    caller: &Caller,
    request: ListResourcesRequest,
) -> Result<ListResourcesResponse, Fault> {
    let asker = &caller.principal;
    let mut parser = Parser::new(Place::Request);
    let subject = parser.subject(asker, &request.subject);
    let permission = parser.permission(&request.permission);
    if permission.is_some_and(|permission| permission.resource_type() == ResourceType::Platform) {
        parser.bad("permission", "must be a permission on spaces or apps: this one is on no resource");
    }
    let of_service = matches!(subject, Some(Principal::Service(_)));
    if of_service && permission.is_some_and(is_of_every_resource) {
        let sentence = "must be one that comes with roles: a service to which this one is given has it on every app that runs";
        parser.bad("permission", sentence);
    }
    let (subject, permission) = parser.finish_with(subject.zip(permission))?;
    if subject != *asker {
        asker::may_ask_anything(gate, asker, Resource::Platform).await?;
    }
    let tokens = PageToken::for_arguments::<ListResourcesRequest>(&[
        &asker.to_string(),
        &subject.to_string(),
        &request.permission,
    ]);
    let (size, after) = parse::page(request.page_size, &request.page_token, &tokens)?;
    let wanted = Wanted { subject, permission, size, explain: request.explain };
    if permission.resource_type() == ResourceType::App {
        let after = after.map(|key| app_of(&key).ok_or_else(Fault::page_token_invalid)).transpose()?;
        wanted.apps(gate, after, &tokens).await
    } else {
        let after = after.map(|key| space_of(&key).ok_or_else(Fault::page_token_invalid)).transpose()?;
        wanted.spaces(gate, after, &tokens).await
    }
}

/// Whether a service to which it is given has it on whatever resource there is, as that stands.
fn is_of_every_resource(permission: Permission) -> bool {
    permission.resource_type() != ResourceType::Platform && permission.plane() == Plane::Service
}

/// What is asked, apart from where the page begins.
struct Wanted {
    subject: Principal,
    permission: Permission,
    size: usize,
    explain: bool,
}

impl Wanted {
    async fn spaces(
        self,
        gate: &Gate,
        after: Option<SpaceName>,
        tokens: &PageToken,
    ) -> Result<ListResourcesResponse, Fault> {
        let Self { subject, permission, size, explain } = self;
        let list = Spaces { gate, subject, permission, reach: Reach::of(permission) };
        let page = walk::page(gate, &list, after, size, explain).await?;
        let next = page.next.map(|space| *space.0.as_bytes());
        Ok(response(page, tokens.next(next)))
    }

    async fn apps(
        self,
        gate: &Gate,
        after: Option<PlacedApp>,
        tokens: &PageToken,
    ) -> Result<ListResourcesResponse, Fault> {
        let Self { subject, permission, size, explain } = self;
        let reach = Reach::of(permission);
        let list = Apps { permission, apps: PlacedApps { gate, subject, reach } };
        let page = walk::page(gate, &list, after, size, explain).await?;
        let next = page.next.map(|app| {
            let space = app.space.unwrap_or(SpaceName::NIL);
            [*space.0.as_bytes(), *app.app.0.as_bytes()].concat()
        });
        Ok(response(page, tokens.next(next)))
    }
}

fn response<L: Listing<Entry = PermittedResource>>(
    page: Page<L>,
    next_page_token: String,
) -> ListResourcesResponse {
    ListResourcesResponse { resources: page.entries, next_page_token, as_of: Some(page.as_of.into()) }
}

fn space_of(key: &[u8]) -> Option<SpaceName> {
    Uuid::from_slice(key).ok().map(SpaceName)
}

/// The app at a place, which has nil in place of a space that there is not.
fn app_of(key: &[u8]) -> Option<PlacedApp> {
    let (space, app) = key.split_at_checked(ID)?;
    let space = space_of(space).map(|space| Some(space).filter(|space| *space != SpaceName::NIL))?;
    Some(PlacedApp { space, app: AppName(Uuid::from_slice(app).ok()?) })
}

/// The spaces on which a subject has a permission.
struct Spaces<'a> {
    gate: &'a Gate,
    subject: Principal,
    permission: Permission,
    reach: Reach,
}

impl Listing for Spaces<'_> {
    type Key = SpaceName;
    type Entry = PermittedResource;

    async fn candidates(
        &self,
        after: Option<&SpaceName>,
        limit: usize,
    ) -> Result<Candidates<SpaceName>, Fault> {
        let owners = self.reach.owners_in_spaces();
        let spaces = self.gate.subject_spaces_by(&owners, &self.subject, after.copied(), limit).await?;
        let through = if spaces.len() >= limit { spaces.last().map(|(space, _)| *space) } else { None };
        let covered = spaces.into_iter().filter(|(_, facts)| self.reach.covers(facts));
        Ok(Candidates { keys: covered.map(|(space, _)| space).collect(), through })
    }

    fn question(&self, space: &SpaceName) -> Question {
        Question::strict(self.subject.clone(), self.permission, (*space).into())
    }

    fn entry(&self, space: &SpaceName, explanation: Option<Explanation>) -> PermittedResource {
        PermittedResource { resource: space.to_string(), explanation }
    }
}

/// The apps on which a subject has a permission.
struct Apps<'a> {
    permission: Permission,
    apps: PlacedApps<'a>,
}

impl Listing for Apps<'_> {
    type Key = PlacedApp;
    type Entry = PermittedResource;

    async fn candidates(
        &self,
        after: Option<&PlacedApp>,
        limit: usize,
    ) -> Result<Candidates<PlacedApp>, Fault> {
        self.apps.candidates(after.copied(), limit).await
    }

    fn question(&self, placed: &PlacedApp) -> Question {
        Question::strict(self.apps.subject.clone(), self.permission, placed.app.into())
    }

    fn entry(&self, placed: &PlacedApp, explanation: Option<Explanation>) -> PermittedResource {
        PermittedResource { resource: placed.app.to_string(), explanation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::space;

    #[test]
    fn a_place_is_read_back_from_its_key() {
        let app = AppName(Uuid::from_u128(7));
        for space in [None, Some(space(3))] {
            let id = space.unwrap_or(SpaceName::NIL);
            let key = [*id.0.as_bytes(), *app.0.as_bytes()].concat();
            assert_eq!(app_of(&key), Some(PlacedApp { space, app }));
            assert_eq!(app_of(&key[1..]), None);
        }
        assert_eq!((app_of(b""), space_of(b"x")), (None, None));
    }
}
