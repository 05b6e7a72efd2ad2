use devspaces_authz::Permission;
use devspaces_gate::{Context, Pass, Resource};
use devspaces_kit::{
    db::{Change, Tx},
    identity::Caller,
    mutation::{Abort, Call},
    name::{MemberName, UserName},
    status::{Fault, Fields, Reason},
    text,
};
use devspaces_proto::membership::v1::{RemoveMemberRequest, RemoveMemberResponse};
use serde_json::Value;

use super::{Remaining, last_admin, remaining};
use crate::{
    convert, domain,
    store,
};

const METHOD: &str = "devspaces.membership.v1.MembershipService/RemoveMember";

/// R-M2, R-M4, R-M5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: RemoveMemberRequest,
) -> Result<RemoveMemberResponse, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<MemberName>("name", &request.name);
    let request_id = fields.check("request_id", text::request_id(&request.request_id));
    let (name, request_id) = fields.finish_with(name.zip(request_id))?;
    let call = Call::new(caller, METHOD, &request, request_id).preview(request.validate_only);
    if let Some(first) = context.mutations.replayed(&call).await? {
        return Ok(first);
    }
    let pass = context.gate.require(&call.caller, Permission::MembersRemove, Resource::Space(name.space)).await?;
    let new_owner = new_owner(&request, &name)?;
    let remaining = remaining(context, &name).await;
    let removal = Removal { name, etag: request.etag, new_owner, remaining };
    let scopes = vec![removal.name.space.into()];
    let once = move |tx: &mut Tx| {
        let (pass, removal) = (pass.clone(), removal.clone());
        Box::pin(async move { remove_once(tx, &pass, removal).await }) as _
    };
    context.mutations.run(call, scopes, once).await
}

#[derive(Clone, Debug)]
struct Removal {
    name: MemberName,
    etag: String,
    new_owner: Option<UserName>,
    remaining: Remaining,
}

/// Whom the request names as the one who receives the person's apps.
fn new_owner(request: &RemoveMemberRequest, name: &MemberName) -> Result<Option<UserName>, Fault> {
    if request.new_owner.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields::new();
    let user = fields.parse::<UserName>("new_owner", &request.new_owner);
    if user.as_ref() == Some(&name.user) {
        fields.bad("new_owner", "must be someone other than the person who is removed");
    }
    fields.finish_with(user).map(Some)
}

async fn remove_once(tx: &mut Tx, pass: &Pass, removal: Removal) -> Result<RemoveMemberResponse, Abort> {
    let Removal { name, etag, new_owner, remaining } = removal;
    pass.confirm(tx).await?;
    let now = tx.time();
    let before = store::find(tx, &name, now).await?.ok_or_else(|| Fault::not_found(&name))?;
    if !etag.is_empty() && etag != convert::etag(before.revision) {
        return Err(Fault::etag_stale(&name).into());
    }
    if let Some(user) = new_owner {
        let heir = MemberName { space: name.space, user };
        store::find(tx, &heir, now).await?.ok_or_else(|| ineligible(&heir))?;
    }
    let lasting = store::lasting_admins(tx, name.space).await?;
    if !domain::keeps_an_admin(lasting, &before.membership, None) {
        return Err(last_admin(name.space).into());
    }
    tx.record(Change { scope: name.space.into(), before: before.to_json(), after: Value::Null, facts: true }).await?;
    store::remove(tx, &name).await?;
    Ok(RemoveMemberResponse {
        removed_app_roles: Vec::new(),
        remaining_roles: remaining.roles,
        unknown_planes: remaining.unknown_planes,
    })
}

fn ineligible(heir: &MemberName) -> Fault {
    Fault::precondition(
        Reason::NewOwnerIneligible,
        heir.space.to_string(),
        "The new owner of the person's apps must be a member of the space",
    )
}
