use std::collections::HashSet;

use devspaces_authz::{Permission, Service};
use devspaces_gate::{Context, Peers, Resource};
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::{
    facts::v1::{
        ListStaffedSpacesRequest, membership_records_service_client::MembershipRecordsServiceClient,
    },
    space::v1::{ListOrphanedSpacesRequest, ListOrphanedSpacesResponse},
};
use uuid::Uuid;

use crate::{domain::Space, store};

/// How many spaces membership is asked about at a time.
const PIECE: usize = 500;
/// After how many of these a page ends, whatever it has.
const PIECES: usize = 4;

/// R-M12
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListOrphanedSpacesRequest,
) -> Result<ListOrphanedSpacesResponse, Fault> {
    context.gate.require_read(&caller, Permission::PlatformSpacesList, Resource::Platform).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListOrphanedSpacesRequest>(&[]);
    let after = tokens.decode(&request.page_token)?.map(|key| Uuid::from_slice(&key)).transpose();
    let mut after = after.map_err(|_| Fault::page_token_invalid())?.map_or(SpaceName::NIL, SpaceName);
    let (mut orphaned, mut end) = (Vec::new(), None);
    for _ in 0..PIECES {
        let limit = i64::try_from(PIECE).unwrap_or(i64::MAX);
        let piece = store::space::existing(&mut context.pool.read().await?, after, limit).await?;
        let whole = piece.len() == PIECE;
        after = piece.last().map_or(after, |last| last.name);
        orphaned.extend(without_admin(context, piece).await?);
        end = whole.then_some(after);
        if !whole || orphaned.len() > size {
            break;
        }
    }
    let (spaces, cut) = page::fill(orphaned, size, |it| it.name, |it| Some(it.into()));
    let last = cut.or(end).map(|last| last.0);
    Ok(ListOrphanedSpacesResponse { spaces, next_page_token: tokens.next(last) })
}

/// Those of some spaces that have no active console Admin, by what membership says now.
async fn without_admin(context: &Context, mut spaces: Vec<Space>) -> Result<Vec<Space>, Fault> {
    if spaces.is_empty() {
        return Ok(spaces);
    }
    let request = ListStaffedSpacesRequest { spaces: spaces.iter().map(|it| it.name.to_string()).collect() };
    let asked = context.peers.ask(Service::Membership, request, async |channel, request| {
        MembershipRecordsServiceClient::new(channel).list_staffed_spaces(request).await
    });
    let staffed: Result<HashSet<SpaceName>, _> =
        asked.await?.spaces.iter().map(|space| space.parse()).collect();
    let staffed = staffed.map_err(|_| Peers::unreadable(Service::Membership))?;
    spaces.retain(|space| !staffed.contains(&space.name));
    Ok(spaces)
}
