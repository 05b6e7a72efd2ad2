use std::mem;

use devspaces_authz::Permission;
use devspaces_gate::{Context, Pass};
use devspaces_kit::{
    db::Tx,
    etag,
    identity::Caller,
    mutation::{Abort, Call, Mutation},
    name::{MemberName, UserName},
    status::{Blockers, Fault, Fields, Reason},
    text,
};
use devspaces_proto::membership::v1::{RemoveMemberRequest, RemoveMemberResponse};

use super::{Remaining, remaining, remove};
use crate::store;

const METHOD: &str = "devspaces.membership.v1.MembershipService/RemoveMember";

/// R-M2, R-M4, R-M5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RemoveMemberRequest,
) -> Result<RemoveMemberResponse, Fault> {
    let mut fields = Fields::new();
    let name = fields.parse::<MemberName>("name", &request.name);
    let request_id = fields.check("request_id", text::request_id(&mem::take(&mut request.request_id)));
    let (name, request_id) = fields.finish_with(name.zip(request_id))?;
    let call = Call::new(caller, METHOD, &request, request_id).preview(request.validate_only);
    context.mutations.answer(&call, removed(context, &call, name, request)).await
}

async fn removed(
    context: &Context,
    call: &Call,
    name: MemberName,
    request: RemoveMemberRequest,
) -> Result<RemoveMemberResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::MembersRemove, name.space).await?;
    let new_owner = new_owner(&request, &name)?;
    let remaining = remaining(context, &name).await;
    let scopes = vec![name.space.into()];
    let removal = Removal { pass, name, etag: request.etag, new_owner, remaining };
    context.mutations.run(call.clone(), scopes, removal).await
}

struct Removal {
    pass: Pass,
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

impl Mutation for Removal {
    type Reply = RemoveMemberResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<RemoveMemberResponse, Abort> {
        let name = &self.name;
        self.pass.confirm(tx).await?;
        let now = tx.time();
        let before = store::find(tx, name, now).await?.ok_or_else(|| Fault::not_found(name))?;
        etag::check(&self.etag, before.revision, name)?;
        let mut blockers = Blockers::new();
        if let Some(user) = &self.new_owner {
            let heir = MemberName { space: name.space, user: user.clone() };
            if store::find(tx, &heir, now).await?.is_none() {
                let sentence = "The new owner of the person's apps must be a member of the space";
                blockers.add(Reason::NewOwnerIneligible, name.space.to_string(), sentence);
            }
        }
        remove(tx, blockers, &before).await?;
        let Remaining { roles: remaining_roles, unknown_planes } = self.remaining.clone();
        Ok(RemoveMemberResponse { removed_app_roles: Vec::new(), remaining_roles, unknown_planes })
    }
}
