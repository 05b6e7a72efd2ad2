use std::collections::{BTreeMap, HashMap};

use devspaces_authz::{AppRole, Fact, Facts, Permission, Service};
use devspaces_gate::{Context, Viewers};
use devspaces_kit::{
    identity::Caller,
    name::{AppName, UserName},
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_ledger::standing;
use devspaces_proto::space::v1::{
    Contributor as WireContributor, ListContributorsRequest, ListContributorsResponse,
};

use crate::{
    convert::contributor::{derived, through},
    store,
};

/// R-A4, R-M11, R-A11: each person by the highest role, and where that comes from.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListContributorsRequest,
) -> Result<ListContributorsResponse, Fault> {
    let mut fields = Fields::new();
    let app = fields.parse::<AppName>("parent", &request.parent);
    let app = fields.finish_with(app)?;
    let pass = context.gate.require_with_facts(&caller, Permission::AppContributorsList, app).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?;
    let tokens = PageToken::for_arguments::<ListContributorsRequest>(&[&request.parent]);
    let after = tokens.decode_text(&request.page_token)?;
    let limit = page::limit(size);
    // By id, and so in the order of both lists. Each is cut at the limit, so the first of them together are complete.
    let mut merged = BTreeMap::<UserName, WireContributor>::new();
    let (mut grouped, now) = (HashMap::new(), context.clock.now());
    if let Some(space) = pass.space()
        && sees_derived(pass.facts())?
    {
        for holder in context.gate.derived_viewers(space, Viewers::After(&after, limit)).await? {
            merged.insert(holder.user.clone(), derived(app, space, holder));
        }
        let mut db = context.pool.read().await?;
        for (user, roles) in store::app_people::people_on(&mut db, app, &after, limit, now).await? {
            if let Some(highest) = roles.highest_at(now) {
                put(&mut merged, user.clone(), through(app, user.clone(), highest));
            }
            grouped.insert(user, roles);
        }
    }
    let mut db = context.pool.read().await?;
    for own in store::contributor::list_current(&mut db, app, &after, limit, now).await? {
        let others = grouped.remove(&own.name.user).unwrap_or_default();
        if others.highest_at(now).is_none_or(|other| !other.is_higher_than(own.role)) {
            put(&mut merged, own.name.user.clone(), own.into());
        }
    }
    let deactivated = standing::deactivated(&mut db, merged.keys()).await?;
    let merged = merged.into_iter().take(size + 1);
    let marked = |(user, contributor): (UserName, WireContributor)| {
        Some(WireContributor { deactivated: deactivated.contains(&user), ..contributor })
    };
    let (contributors, last) = page::fill(merged, size, |(user, _)| user.id().to_owned(), marked);
    Ok(ListContributorsResponse { contributors, next_page_token: tokens.next(last) })
}

/// Puts what stands above what somebody has by the console role, whose mark stays (R-M14).
fn put(merged: &mut BTreeMap<UserName, WireContributor>, user: UserName, higher: WireContributor) {
    let emergency = merged.get(&user).is_some_and(|derived| derived.emergency);
    merged.insert(user, WireContributor { emergency, ..higher });
}

/// Whether the derived viewers are shown, and those whose roles come through groups, which tells who is in the space (R-M7): to
/// its members, and to those who manage the app's contributors and must know whom they can't remove (R-A4).
///
/// # Errors
/// `UNAVAILABLE` if the owner of console roles did not answer, so that nobody can tell.
fn sees_derived(facts: &Facts) -> Result<bool, Fault> {
    let role = facts.app.known().and_then(|app| app.role);
    match facts.membership {
        Fact::Known(member) => {
            Ok(member.role.is_some() || matches!(role, Some(AppRole::Owner | AppRole::Admin)))
        }
        Fact::Missing => Err(Fault::facts_unavailable(&[Service::Membership.name()])),
    }
}
