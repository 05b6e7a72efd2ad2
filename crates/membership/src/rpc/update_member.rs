use devspaces_authz::Permission;
use devspaces_gate::{Context, Pass};
use devspaces_kit::{
    db::{Change, Tx},
    identity::Caller,
    mutation::{Abort, Call},
    name::MemberName,
    status::{Fault, Fields, Reason},
    text,
};
use devspaces_proto::membership::v1::{Member as WireMember, UpdateMemberRequest};

use super::last_admin;
use crate::{
    convert,
    domain::{self, Member, Patch},
    store,
};

const METHOD: &str = "devspaces.membership.v1.MembershipService/UpdateMember";

/// R-M2, R-M4, R-M6, R-M10
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: UpdateMemberRequest,
) -> Result<WireMember, Fault> {
    let mut fields = Fields::new();
    let member = request.member.as_ref();
    let name = fields.parse::<MemberName>("member.name", member.map_or("", |member| &member.name));
    let request_id = fields.check("request_id", text::request_id(&request.request_id));
    let (name, request_id) = fields.finish_with(name.zip(request_id))?;
    let call = Call::new(caller, METHOD, &request, request_id);
    if let Some(first) = context.mutations.replayed(&call).await? {
        return Ok(first);
    }
    let pass = context.gate.require_active(&call.caller, Permission::MembersUpdate, name.space).await?;
    let patch = convert::patch(&request, context.clock.now())?;
    pass.active()?;
    let etag = member.map(|member| member.etag.clone()).unwrap_or_default();
    let scopes = vec![name.space.into()];
    let once = move |tx: &mut Tx| {
        let (pass, name, etag) = (pass.clone(), name.clone(), etag.clone());
        Box::pin(async move { update_once(tx, &pass, &name, &etag, patch).await }) as _
    };
    context.mutations.run(call, scopes, once).await
}

async fn update_once(
    tx: &mut Tx,
    pass: &Pass,
    name: &MemberName,
    etag: &str,
    patch: Patch,
) -> Result<WireMember, Abort> {
    pass.confirm(tx).await?;
    let now = tx.time();
    let before = store::find(tx, name, now).await?.ok_or_else(|| Fault::not_found(name))?;
    if !etag.is_empty() && etag != convert::etag(before.revision) {
        return Err(Fault::etag_stale(name).into());
    }
    let membership = patch.apply(before.membership).map_err(|_| not_a_developer(name))?;
    if membership == before.membership {
        return Ok(before.into());
    }
    let lasting = store::lasting_admins(tx, name.space).await?;
    if !domain::keeps_an_admin(lasting, &before.membership, Some(&membership)) {
        return Err(last_admin(name.space).into());
    }
    let mut after = Member { membership, update_time: now, ..before.clone() };
    let change =
        Change { scope: name.space.into(), before: before.to_json(), after: after.to_json(), facts: true };
    after.revision = tx.record(change).await?;
    store::put(tx, &after).await?;
    Ok(after.into())
}

/// R-M6
fn not_a_developer(name: &MemberName) -> Fault {
    Fault::precondition(Reason::NotADeveloper, name.to_string(), "Only a Developer has the add-on view_all_apps")
}
