//! The `InvitationService`: a file for each method.
mod accept_invitation;
mod create_invitation;
mod decline_invitation;
mod get_invitation;
mod list_invitations;
mod resend_invitation;
mod revoke_invitation;

use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    name::{InvitationName, UserName},
    status::{Blockers, Fault, Fields, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::membership::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, DeclineInvitationRequest, GetInvitationRequest,
    Invitation as WireInvitation, ListInvitationsRequest, ListInvitationsResponse, ResendInvitationRequest,
    RevokeInvitationRequest, invitation_service_server::InvitationService,
};
use serde_json::Value;
use tonic::{Request, Response, Status};

use super::Rpc;
use crate::{
    convert::invitation::to_wire,
    domain::{Invitation, State, Token},
    store,
};

#[tonic::async_trait]
impl InvitationService for Rpc {
    async fn create_invitation(
        &self,
        request: Request<CreateInvitationRequest>,
    ) -> Result<Response<WireInvitation>, Status> {
        answer(request, |caller, request| create_invitation::handle(&self.0, caller, request)).await
    }

    async fn get_invitation(
        &self,
        request: Request<GetInvitationRequest>,
    ) -> Result<Response<WireInvitation>, Status> {
        answer(request, |caller, request| get_invitation::handle(&self.0, caller, request)).await
    }

    async fn list_invitations(
        &self,
        request: Request<ListInvitationsRequest>,
    ) -> Result<Response<ListInvitationsResponse>, Status> {
        answer(request, |caller, request| list_invitations::handle(&self.0, caller, request)).await
    }

    async fn resend_invitation(
        &self,
        request: Request<ResendInvitationRequest>,
    ) -> Result<Response<WireInvitation>, Status> {
        answer(request, |caller, request| resend_invitation::handle(&self.0, caller, request)).await
    }

    async fn revoke_invitation(
        &self,
        request: Request<RevokeInvitationRequest>,
    ) -> Result<Response<WireInvitation>, Status> {
        answer(request, |caller, request| revoke_invitation::handle(&self.0, caller, request)).await
    }

    async fn accept_invitation(
        &self,
        request: Request<AcceptInvitationRequest>,
    ) -> Result<Response<WireInvitation>, Status> {
        answer(request, |caller, request| accept_invitation::handle(&self.0, caller, request)).await
    }

    async fn decline_invitation(
        &self,
        request: Request<DeclineInvitationRequest>,
    ) -> Result<Response<WireInvitation>, Status> {
        answer(request, |caller, request| decline_invitation::handle(&self.0, caller, request)).await
    }
}

/// How many invitations may be pending in one space at a time, and of one inviter in it (R-M9): what people look through,
/// and far fewer than would make the service a sender of unasked mail.
const MOST_IN_SPACE: i64 = 1000;
const MOST_OF_INVITER: i64 = 100;

/// Stands in the way if as many are pending as may be, this one aside.
async fn block_too_many(
    tx: &mut Tx,
    blockers: &mut Blockers,
    name: InvitationName,
    inviter: &UserName,
) -> Result<(), Abort> {
    let now = tx.time();
    let of_space = store::invitation::count_pending(tx, name.space, None, name.id, now).await?;
    let of_inviter = store::invitation::count_pending(tx, name.space, Some(inviter), name.id, now).await?;
    let subject = name.space.to_string();
    if of_space >= MOST_IN_SPACE {
        let sentence = format!(
            "{MOST_IN_SPACE} invitations to the space are pending, and no more may be; revoke some first"
        );
        blockers.add(Reason::TooManyInvitations, subject, sentence);
    } else if of_inviter >= MOST_OF_INVITER {
        let sentence = format!(
            "{MOST_OF_INVITER} invitations that {inviter} made to the space are pending, and no more may be; revoke some first"
        );
        blockers.add(Reason::TooManyInvitations, subject, sentence);
    }
    Ok(())
}

/// A new token.
fn new_token() -> Result<Token, Fault> {
    Token::new().map_err(Fault::internal)
}

/// Records what became of an invitation, and stores it. What it was before: nothing, if it is new.
async fn change(
    tx: &mut Tx,
    before: Option<&Invitation>,
    after: Invitation,
) -> Result<WireInvitation, Abort> {
    let change = Change {
        scope: after.name.space.into(),
        resources: vec![after.name.to_string()],
        before: before.map_or(Value::Null, Invitation::to_json),
        after: after.to_json(),
        facts: false,
    };
    let revision = tx.record(change).await?;
    let made = match before {
        Some(before) => before.made,
        None => tx.sequence(after.name.space.into())?,
    };
    let after = Invitation { made, revision, ..after };
    store::invitation::put(tx, &after).await?;
    Ok(to_wire(&after, tx.time()))
}

/// What is kept of a reply with a token, for whoever repeats the call (R-M9).
fn without_token(reply: &WireInvitation) -> WireInvitation {
    WireInvitation { token: String::new(), ..reply.clone() }
}

/// R-M9: what can no longer be accepted.
fn ended(invitation: &Invitation, state: State) -> Fault {
    let sentence = match state {
        State::Pending | State::Accepted => "The invitation was accepted already",
        State::Declined => "The invitation was declined; an Admin of the space can make another",
        State::Revoked => "The invitation was revoked; an Admin of the space can make another",
        State::Expired => {
            "The invitation has expired; an Admin of the space can send it again or make another"
        }
        State::Void => {
            "The invitation is void: whoever made it is no longer Admin of the space, or whoever is invited was removed \
             from it; an Admin of the space can make another"
        }
    };
    told_ended(invitation, state, sentence)
}

/// R-M5: what is void for somebody who was removed, though others may have the address that is invited.
fn void_for_the_caller(invitation: &Invitation) -> Fault {
    let sentence = "You were removed from the space after this invitation was made, so it is void for you; an Admin of the \
                    space can revoke it and make another";
    told_ended(invitation, State::Void, sentence)
}

/// R-M9: what is over for good, since its role is over or another invitation came in its place.
fn over(invitation: &Invitation) -> Fault {
    let sentence = "The invitation has expired for good: the role that it offers is over, or the person was invited anew; \
                    an Admin of the space can make another";
    told_ended(invitation, State::Expired, sentence)
}

fn told_ended(invitation: &Invitation, state: State, sentence: &str) -> Fault {
    let fault = Fault::precondition(Reason::InvitationEnded, invitation.name.to_string(), sentence);
    fault.metadata("state", state.name())
}

/// The invitation that a call names, and a token of the form that tokens have.
fn named(fields: &mut Fields, name: &str, token: &str) -> Option<InvitationName> {
    let name = fields.parse::<InvitationName>("name", name);
    fields.check("token", Token::check(token));
    name
}

/// R-P3: to whoever does not have the token, or is not meant, an invitation looks like one that does not exist.
fn stranger(name: InvitationName) -> Fault {
    Fault::permission_denied(Permission::InvitationsUpdate.name(), name.space)
}

/// The caller and the invitation, if it and its token are the caller's.
async fn invited(
    context: &Context,
    call: &Call,
    name: InvitationName,
    token: &str,
) -> Result<(UserName, Invitation), Fault> {
    let found = store::invitation::find(&mut context.pool.read().await?, name).await?;
    let Caller { principal, email, .. } = &call.caller;
    let user = principal.as_user().ok_or_else(|| stranger(name))?;
    let is_meant = |it: &Invitation| it.has_token(token) && it.invitee.is(&user, email.as_deref());
    found.filter(is_meant).map(|it| (user.clone(), it)).ok_or_else(|| stranger(name))
}

/// The invitation in the transaction that ends it, if the token is still its own and it is pending.
async fn pending(tx: &mut Tx, name: InvitationName, token: &str) -> Result<Invitation, Abort> {
    let found = store::invitation::find(tx, name).await?.filter(|it| it.has_token(token));
    let invitation = found.ok_or_else(|| stranger(name))?;
    match invitation.state_at(tx.time()) {
        State::Pending => Ok(invitation),
        state => Err(ended(&invitation, state).into()),
    }
}
