use std::collections::{BTreeSet, HashMap, HashSet};

use devspaces_authz::{AppRole, Permission, Service};
use devspaces_gate::{Context, views_all_apps};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, SpaceName},
    page::{self, PageToken},
    server::LongWork,
    status::{Fault, Fields},
};
use devspaces_proto::space::v1::{App as WireApp, ListAppsRequest, ListAppsResponse};
use uuid::Uuid;

use crate::{convert, domain::App, store};

/// R-A5, R-A9
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListAppsRequest,
) -> Result<ListAppsResponse, Fault> {
    let mut fields = Fields::new();
    let space = match request.space.as_str() {
        "" => Some(None),
        space => fields.parse::<SpaceName>("space", space).map(Some),
    };
    let space = fields.finish_with(space)?;
    let sight = if let Some(space) = space {
        in_space(context, &caller, space).await?
    } else {
        context.gate.require_active_person(&caller).await?;
        None
    };
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let principal = caller.principal.to_string();
    let tokens = PageToken::for_arguments::<ListAppsRequest>(&[&principal, &request.space]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let after = after.map_err(|_| Fault::page_token_invalid())?.map_or(AppName::NIL, AppName);
    let sight = match sight {
        Some(sight) => sight,
        None => everywhere(context, &caller).await?,
    };
    sight.page(context, after, size, &tokens).await
}

/// What a person sees of apps.
struct Sight {
    /// The person's encoded id; empty for a service, which contributes to nothing.
    person: String,
    /// Spaces whose apps all are seen (R-A4).
    viewed: Vec<SpaceName>,
    /// The space in which own apps are listed. `None`: everywhere.
    space: Option<SpaceName>,
    /// Kept while apps of many spaces are looked for.
    _long: Option<LongWork>,
}

async fn in_space(context: &Context, caller: &Caller, space: SpaceName) -> Result<Option<Sight>, Fault> {
    let pass = context.gate.require_with_facts(caller, Permission::AppsList, space).await?;
    if pass.facts().membership.is_missing() {
        // Contributing suffices to list one's own. Whether all are to be listed, nobody can tell now.
        return Err(Fault::facts_unavailable(&[Service::Membership.name()]));
    }
    let viewed = if views_all_apps(pass.facts()) { vec![space] } else { Vec::new() };
    Ok(Some(Sight { person: caller.principal.person().to_owned(), viewed, space: Some(space), _long: None }))
}

async fn everywhere(context: &Context, caller: &Caller) -> Result<Sight, Fault> {
    let (viewed, long) = context.gate.spaces_of_viewer(&caller.principal).await?;
    Ok(Sight { person: caller.principal.person().to_owned(), viewed, space: None, _long: long })
}

impl Sight {
    async fn page(
        &self,
        context: &Context,
        after: AppName,
        size: usize,
        tokens: &PageToken,
    ) -> Result<ListAppsResponse, Fault> {
        let mut db = context.pool.read().await?;
        let (limit, now) = (page::limit(size), context.clock.now());
        let mut ids: BTreeSet<AppName> =
            store::app::ids_in(&mut db, &self.viewed, after, limit).await?.into_iter().collect();
        let own = store::app::ids_contributed_to(&mut db, &self.person, self.space, after, limit, now);
        ids.extend(own.await?);
        // Each list was cut at the limit, so the first of them together are complete.
        let ids: Vec<AppName> = ids.into_iter().take(size + 1).collect();
        let viewed: HashSet<&SpaceName> = self.viewed.iter().collect();
        let found = store::app::find_all(&mut db, &ids, &self.person, now).await?;
        let mut found: HashMap<AppName, _> =
            found.into_iter().map(|(app, role)| (app.name, (app, role))).collect();
        let (apps, last) = page::fill(
            ids,
            size,
            |name| *name,
            |name| found.remove(&name).and_then(|(app, role)| self.see(app, role, &viewed)),
        );
        let next_page_token = tokens.next(last.map(|last| last.0));
        Ok(ListAppsResponse { apps, next_page_token })
    }

    /// The app, if it is still one that is seen: it may have moved, or the role gone, since its id was read.
    fn see(&self, app: App, role: Option<AppRole>, viewed: &HashSet<&SpaceName>) -> Option<WireApp> {
        if self.space.is_some() && app.space != self.space {
            return None;
        }
        let derived = app.space.is_some_and(|space| viewed.contains(&space)).then_some(AppRole::Viewer);
        Some(convert::app::to_wire(app, role.or(derived)?))
    }
}
