use std::borrow::Cow;

use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{InvitationName, MemberName, SpaceName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::membership::v1::{CreateInvitationRequest, Invitation as WireInvitation};
use tonic::Code;

use super::{block_too_many, change, new_token, without_token};
use crate::{
    convert,
    departure::expire_first,
    domain::{Invitation, Invitee, Membership, State, Token, lasts},
    store,
};

/// R-M9
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: CreateInvitationRequest,
) -> Result<WireInvitation, Fault> {
    let (space, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("parent", &it.parent))?;
    context.mutations.answer(&call, create(context, &call, space, request)).await
}

async fn create(
    context: &Context,
    call: &Call,
    space: SpaceName,
    request: CreateInvitationRequest,
) -> Result<WireInvitation, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::InvitationsUpdate, space).await?;
    let (invitee, offer) = convert::invitation::invited(request.invitation, context.clock.now())?;
    if let Invitee::Person(user) = &invitee {
        // Or what follows from the end of an earlier role would end this invitation.
        expire_first(context, MemberName { space, user: user.clone() }).await?;
    }
    let name = InvitationName { space, id: context.clock.new_id() };
    let creation = Creation { name, invitee, offer, token: new_token()? };
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(creation)).await
}

struct Creation {
    name: InvitationName,
    invitee: Invitee,
    offer: Membership,
    token: Token,
}

impl GuardedChange for Creation {
    type Reply = WireInvitation;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    fn kept(reply: &WireInvitation) -> Cow<'_, WireInvitation> {
        Cow::Owned(without_token(reply))
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<WireInvitation, Abort> {
        let Self { name, invitee, offer, token } = self;
        let now = tx.time();
        // Only people are Admins, as the gate has found that the caller is one.
        let inviter =
            tx.act().actor.as_user().ok_or_else(|| Fault::internal("an inviter who is no person"))?;
        let mut blockers = confirmed.blockers()?;
        block_too_many(tx, &mut blockers, *name, &inviter).await?;
        blockers.finish()?;
        self.refuse_member(tx).await?;
        self.replace_expired(tx).await?;
        let invitation = Invitation {
            name: *name,
            invitee: invitee.clone(),
            offer: *offer,
            state: State::Pending,
            inviter,
            token_digest: token.digest(),
            create_time: now,
            update_time: now,
            expire_time: lasts(offer, now),
            made: 0,
            revision: 0,
        };
        let reply = change(tx, None, invitation).await?;
        Ok(WireInvitation { token: token.text().to_owned(), ..reply })
    }
}

impl Creation {
    /// Whoever has a role is not invited into another.
    async fn refuse_member(&self, tx: &mut Tx) -> Result<(), Abort> {
        let Invitee::Person(user) = &self.invitee else { return Ok(()) };
        let member = MemberName { space: self.name.space, user: user.clone() };
        let now = tx.time();
        if store::member::find_ended(tx, &member, now).await?.is_some() {
            // It has ended within this call; what follows from that comes first.
            return Err(Fault::earlier_effect_pending().into());
        }
        if store::member::find(tx, &member, now).await?.is_none() {
            return Ok(());
        }
        let message = "Someone who already has a console role in the space can't be invited to it";
        let fault = Fault::new(Code::AlreadyExists, Reason::MemberExists, message);
        Err(fault.field("invitation.user", "already has a console role in the space").into())
    }

    /// One at a time; one that has expired makes room.
    async fn replace_expired(&self, tx: &mut Tx) -> Result<(), Abort> {
        let now = tx.time();
        let found = store::invitation::pending_of(tx, self.name.space, &self.invitee).await?;
        let Some(earlier) = found else { return Ok(()) };
        if earlier.state_at(now) == State::Pending {
            let message =
                "The person is invited to the space already; send that invitation again, or revoke it";
            let fault = Fault::new(Code::AlreadyExists, Reason::InvitationExists, message);
            return Err(fault.metadata("invitation", earlier.name.to_string()).into());
        }
        // What it is to everybody by its time already: of no interest to the journal. From now on it is so for good.
        Ok(store::invitation::put(tx, &earlier.ended(State::Expired, earlier.expire_time)).await?)
    }
}
