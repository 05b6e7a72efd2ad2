use devspaces_authz::Service;
use devspaces_gate::{AskedBindings, Context, admit, contributor_to_wire};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{RoleTarget, Scope, SpaceName},
    status::Fault,
};
use devspaces_ledger::journal::{Changed, actors};
use devspaces_proto::facts::v1::{
    Binding, ListGroupBindingsRequest, ListGroupBindingsResponse, list_group_bindings_request::Way as WireWay,
};
use uuid::Uuid;

use crate::store::group_binding::{self, Held, Page, Place, Way};

/// R-M13. A key is the encoded id of a person, the group's id and that of what the role is on.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListGroupBindingsRequest,
) -> Result<ListGroupBindingsResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Membership])?;
    let way = match request.way() {
        WireWay::Unspecified => return Err(Fault::message_malformed()),
        WireWay::AppGroup => Way::AppGroup,
        WireWay::Group => Way::Group,
        WireWay::GroupAndAppGroup => Way::GroupAndAppGroup,
    };
    let AskedBindings { space, user, after, limit } = AskedBindings::read(request.question)?;
    let after = place(&after).ok_or_else(Fault::message_malformed)?;
    let ends_before = request.ends_before.map(Timestamp::try_from).transpose();
    let ends_before = ends_before.map_err(|_| Fault::message_malformed())?;
    let page = Page { space, user: user.as_ref(), after: &after, ends_before, limit };
    let mut db = context.pool.read().await?;
    let found = group_binding::list(&mut db, way, &page).await?;
    let given: Vec<_> = found.iter().map(|held| given(space, held)).collect();
    let by = actors(&mut db, &given).await?;
    let now = context.clock.now();
    let bindings = found.iter().zip(by).map(|(held, by)| to_wire(held, by, now)).collect();
    Ok(ListGroupBindingsResponse { bindings })
}

/// The role of a key.
fn place(key: &str) -> Option<Place> {
    if key.is_empty() {
        return Some(Place { person: String::new(), group: Uuid::nil(), target: Uuid::nil() });
    }
    let mut parts = key.split(' ');
    let (person, group, target) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Place { person: person.to_owned(), group: group.parse().ok()?, target: target.parse().ok()? })
}

/// The change by which the role was given. Of one that was given before the table told when, the journal finds none.
fn given(space: SpaceName, held: &Held) -> Changed {
    let scope: Scope = match held.target {
        RoleTarget::App(app) => app.into(),
        RoleTarget::AppGroup(_) => space.into(),
    };
    let time = held.update_time.unwrap_or(Timestamp::EPOCH);
    Changed { scope, time, resource: held.target.to_string() }
}

fn to_wire(held: &Held, given_by: String, now: Timestamp) -> Binding {
    let target = match held.target {
        RoleTarget::App(app) => app.0,
        RoleTarget::AppGroup(group) => group.id,
    };
    Binding {
        key: format!("{} {} {target}", held.user.id(), held.group.map(|group| group.id).unwrap_or_default()),
        user: held.user.to_string(),
        app: held.target.to_string(),
        role: contributor_to_wire(held.given.role).into(),
        start_time: held.update_time.map(Into::into),
        given_by,
        expire_time: held.given.expire_time.map(Into::into),
        ended: held.given.expire_time.is_some_and(|end| end <= now),
        group: held.group.map(|group| group.to_string()).unwrap_or_default(),
    }
}
