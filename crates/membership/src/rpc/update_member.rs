use devspaces_authz::Permission;
use devspaces_gate::{Context, Pass};
use devspaces_kit::{
    db::{Change, Tx},
    identity::Caller,
    mutation::{Abort, Call, Mutation},
    name::MemberName,
    status::{Fault, Fields, Reason},
    text,
};
use devspaces_proto::membership::v1::{Member as WireMember, UpdateMemberRequest};

use super::keep_an_admin;
use crate::{
    convert,
    domain::{Member, Patch},
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
    context.mutations.run(call, scopes, Update { pass, name, etag, patch }).await
}

struct Update {
    pass: Pass,
    name: MemberName,
    etag: String,
    patch: Patch,
}

impl Mutation for Update {
    type Reply = WireMember;

    async fn once(&self, tx: &mut Tx) -> Result<WireMember, Abort> {
        let name = &self.name;
        self.pass.confirm(tx).await?;
        let now = tx.time();
        let before = store::find(tx, name, now).await?.ok_or_else(|| Fault::not_found(name))?;
        convert::check_etag(&self.etag, &before)?;
        let membership = self.patch.apply(before.membership).map_err(|_| not_a_developer(name))?;
        if membership == before.membership {
            return Ok(before.into());
        }
        keep_an_admin(tx, &before, Some(&membership)).await?;
        let mut after = Member { membership, update_time: now, ..before.clone() };
        let (scope, facts) = (name.space.into(), true);
        after.revision =
            tx.record(Change { scope, before: before.to_json(), after: after.to_json(), facts }).await?;
        store::put(tx, &after).await?;
        Ok(after.into())
    }
}

/// R-M6
fn not_a_developer(name: &MemberName) -> Fault {
    Fault::precondition(
        Reason::NotADeveloper,
        name.to_string(),
        "Only a Developer has the add-on view_all_apps",
    )
}
