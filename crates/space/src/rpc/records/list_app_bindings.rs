use devspaces_authz::Service;
use devspaces_gate::{AskedBindings, Context, admit, contributor_to_wire};
use devspaces_kit::{clock::Timestamp, identity::Caller, name::AppName, status::Fault};
use devspaces_ledger::journal::{Changed, actors};
use devspaces_proto::facts::v1::{Binding, ListAppBindingsRequest, ListAppBindingsResponse};

use crate::{domain::Contributor, store};

/// R-M13. A key is the encoded id of a person and the app.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListAppBindingsRequest,
) -> Result<ListAppBindingsResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Membership])?;
    let AskedBindings { space, user, after, limit } = AskedBindings::read(request.question)?;
    let after = place(&after).ok_or_else(Fault::message_malformed)?;
    let ends_before = request.ends_before.map(Timestamp::try_from).transpose();
    let ends_before = ends_before.map_err(|_| Fault::message_malformed())?;
    let mut db = context.pool.read().await?;
    let found = match &user {
        Some(user) if user.id() < after.0.as_str() => Vec::new(),
        Some(user) => {
            let app = if user.id() == after.0 { after.1 } else { AppName::NIL };
            store::contributor::list_in_space(&mut db, space, user, app, limit, Timestamp::EPOCH).await?
        }
        None => {
            let after = (after.0.as_str(), after.1);
            store::contributor::list_of_space(&mut db, space, ends_before, after, limit).await?
        }
    };
    let given: Vec<_> = found.iter().map(given).collect();
    let by = actors(&mut db, &given).await?;
    let now = context.clock.now();
    let bindings = found.into_iter().zip(by).map(|(held, by)| to_wire(&held, by, ends_before, now)).collect();
    Ok(ListAppBindingsResponse { bindings })
}

/// The person and the app of a key.
fn place(key: &str) -> Option<(String, AppName)> {
    if key.is_empty() {
        return Some((String::new(), AppName::NIL));
    }
    let (person, app) = key.split_once(' ')?;
    Some((person.to_owned(), app.parse().ok()?))
}

/// The change by which somebody has the role.
fn given(held: &Contributor) -> Changed {
    Changed { scope: held.name.app.into(), time: held.update_time, resource: held.name.to_string() }
}

/// Whether a role is one that is asked for, and has not ended.
fn is_told(held: &Contributor, ends_before: Option<Timestamp>, now: Timestamp) -> bool {
    let ends = |before| held.expire_time.is_some_and(|end| end < before);
    held.is_current(now) && ends_before.is_none_or(ends)
}

fn to_wire(held: &Contributor, given_by: String, ends_before: Option<Timestamp>, now: Timestamp) -> Binding {
    let (user, app) = (&held.name.user, held.name.app.to_string());
    Binding {
        key: format!("{} {app}", user.id()),
        user: user.to_string(),
        app,
        role: contributor_to_wire(held.role).into(),
        start_time: Some(held.update_time.into()),
        given_by,
        expire_time: held.expire_time.map(Into::into),
        ended: !is_told(held, ends_before, now),
        group: String::new(),
    }
}
