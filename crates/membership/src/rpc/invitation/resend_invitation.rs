use std::borrow::Cow;

use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::InvitationName,
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::membership::v1::{Invitation as WireInvitation, ResendInvitationRequest};
use tonic::Code;

use super::{block_too_many, change, ended, new_token, over, without_token};
use crate::{
    domain::{Invitation, State, Token},
    store,
    void::inviter_is_admin,
};

/// R-M9
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ResendInvitationRequest,
) -> Result<WireInvitation, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<InvitationName>("name", &it.name))?;
    context.mutations.answer(&call, resend(context, &call, name, request)).await
}

async fn resend(
    context: &Context,
    call: &Call,
    name: InvitationName,
    request: ResendInvitationRequest,
) -> Result<WireInvitation, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::InvitationsUpdate, name.space).await?;
    let resending = Resending { name, etag: request.etag, token: new_token()? };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(resending)).await
}

struct Resending {
    name: InvitationName,
    etag: String,
    token: Token,
}

impl GuardedChange for Resending {
    type Reply = WireInvitation;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    fn kept(reply: &WireInvitation) -> Cow<'_, WireInvitation> {
        Cow::Owned(without_token(reply))
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireInvitation, Abort> {
        let Self { name, etag, token } = self;
        let now = tx.time();
        let found = store::invitation::find(tx, *name).await?;
        let before = found.ok_or_else(|| Fault::not_found(name))?;
        etag::check(etag, before.revision, name)?;
        refuse_ended(tx, &before).await?;
        let mut blockers = confirmed.blockers()?;
        block_too_many(tx, &mut blockers, *name, &before.inviter).await?;
        blockers.finish()?;
        let reply = change(tx, Some(&before), before.sent_again(token, now)).await?;
        Ok(WireInvitation { token: token.text().to_owned(), ..reply })
    }
}

/// One that has expired goes on, unless another came in its place, or the role that it offers is over.
async fn refuse_ended(tx: &mut Tx, before: &Invitation) -> Result<(), Abort> {
    let now = tx.time();
    if before.state == State::Expired {
        refuse_invited_anew(tx, before).await?;
    }
    if before.state == State::Expired || !before.offer.is_current(now) {
        return Err(over(before).into());
    }
    if before.state != State::Pending {
        return Err(ended(before, before.state).into());
    }
    if inviter_is_admin(tx, before).await? { Ok(()) } else { Err(ended(before, State::Void).into()) }
}

/// One at a time, also where an earlier one has expired.
async fn refuse_invited_anew(tx: &mut Tx, before: &Invitation) -> Result<(), Abort> {
    let found = store::invitation::pending_of(tx, before.name.space, &before.invitee).await?;
    let Some(other) = found.filter(|other| other.name != before.name) else { return Ok(()) };
    let message = "The person was invited anew after this invitation had expired; send that one again";
    let fault = Fault::new(Code::AlreadyExists, Reason::InvitationExists, message);
    Err(fault.metadata("invitation", other.name.to_string()).into())
}
