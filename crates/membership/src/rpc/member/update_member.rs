use std::iter;

use devspaces_authz::{ConsoleRole, Permission};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::MemberName,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx, etag};
use devspaces_proto::membership::v1::{Member as WireMember, UpdateMemberRequest};

use super::keep_an_admin;
use crate::{convert, domain::Patch, store, void::Voided};

/// R-M2, R-M4, R-M6, R-M10
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: UpdateMemberRequest,
) -> Result<WireMember, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| {
        let name = it.member.as_ref().map_or("", |member| &member.name);
        fields.parse::<MemberName>("member.name", name)
    })?;
    context.mutations.answer(&call, update(context, &call, name, request)).await
}

async fn update(
    context: &Context,
    call: &Call,
    name: MemberName,
    request: UpdateMemberRequest,
) -> Result<WireMember, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::MembersUpdate, name.space).await?;
    let patch = convert::patch(&request, context.clock.now())?;
    let etag = request.member.map(|member| member.etag).unwrap_or_default();
    let scopes = vec![name.space.into()];
    context.mutations.run(call.clone(), scopes, pass.guard(Update { name, etag, patch })).await
}

struct Update {
    name: MemberName,
    etag: String,
    patch: Patch,
}

impl GuardedChange for Update {
    type Reply = WireMember;

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireMember, Abort> {
        let name = &self.name;
        let now = tx.time();
        let before = store::member::find(tx, name, now).await?.ok_or_else(|| Fault::not_found(name))?;
        etag::check(&self.etag, before.revision, name)?;
        let membership = self.patch.apply(before.membership);
        let mut blockers = confirmed.blockers()?;
        if !membership.has_fitting_add_on() {
            let sentence = "Only a Developer has the add-on view_all_apps";
            blockers.add(Reason::NotADeveloper, name.to_string(), sentence);
        }
        keep_an_admin(tx, &mut blockers, &before, Some(&membership)).await?;
        blockers.finish()?;
        if membership == before.membership {
            return Ok(before.into());
        }
        let mut after = before.with(membership, now);
        // R-M9: whoever is no longer Admin invites nobody.
        let stays = membership.role == ConsoleRole::Admin;
        let voided = if stays { Voided::none() } else { Voided::by(tx, name).await? };
        let change = Change {
            scope: name.space.into(),
            resources: iter::once(name.to_string()).chain(voided.names()).collect(),
            before: before.to_json(),
            after: voided.told_with(after.to_json()),
            facts: true,
        };
        after.revision = tx.record(change).await?;
        voided.end(tx, after.revision).await?;
        store::member::put(tx, &after).await?;
        Ok(after.into())
    }
}
