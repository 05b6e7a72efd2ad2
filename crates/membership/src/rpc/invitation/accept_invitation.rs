use devspaces_authz::{Fact, FactChange, Service, SpaceState, takes_away};
use devspaces_gate::{Context, Standing};
use devspaces_kit::{
    identity::Caller,
    name::{InvitationName, MemberName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx};
use devspaces_proto::membership::v1::{AcceptInvitationRequest, Invitation as WireInvitation};
use serde_json::{Value, json};
use tonic::Code;

use super::{ended, invited, named, pending, stranger, void_for_the_caller};
use crate::{
    convert::invitation::to_wire,
    departure::expire_first,
    domain::{Invitation, Member, Membership, State},
    store,
    void::inviter_is_admin,
};

/// R-M9
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: AcceptInvitationRequest,
) -> Result<WireInvitation, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| named(fields, &it.name, &it.token))?;
    context.mutations.answer(&call, accept(context, &call, name, request.token)).await
}

async fn accept(
    context: &Context,
    call: &Call,
    name: InvitationName,
    token: String,
) -> Result<WireInvitation, Fault> {
    context.gate.require_active_person(&call.caller).await?;
    let (user, invitation) = invited(context, call, name, &token).await?;
    let member = MemberName { space: name.space, user };
    let person = member.user.clone().into();
    let standing = context.gate.facts(&person, name.space, &[Service::Space]).await?;
    let archived = is_archived(&standing, name)?;
    expire_first(context, member.clone()).await?;
    let acceptance = Acceptance { name, token, member, offer: invitation.offer, archived };
    context.mutations.run(call.clone(), vec![name.space.into()], acceptance).await
}

/// R-S5. Whoever is invited may be told that the space is archived.
fn is_archived(standing: &Standing, name: InvitationName) -> Result<bool, Fault> {
    match standing.facts().space {
        Fact::Missing => Err(Fault::facts_unavailable(&[Service::Space.name()])),
        Fact::Known(space) => match space.state {
            SpaceState::Active => Ok(false),
            SpaceState::Archived => Ok(true),
            SpaceState::Deleted | SpaceState::None => Err(stranger(name)),
        },
    }
}

struct Acceptance {
    name: InvitationName,
    token: String,
    member: MemberName,
    offer: Membership,
    archived: bool,
}

impl Mutation for Acceptance {
    type Reply = WireInvitation;

    fn takes_away(&self) -> bool {
        // As where members are added: the first lasting Admin takes the adding of members from the Marketplace admins.
        takes_away(if self.offer.is_lasting_admin() {
            &[FactChange::ConsoleRoleGiven, FactChange::LastingAdminGiven]
        } else {
            &[FactChange::ConsoleRoleGiven]
        })
    }

    async fn once(&self, tx: &mut Tx) -> Result<WireInvitation, Abort> {
        let before = pending(tx, self.name, &self.token).await?;
        self.refuse_void(tx, &before).await?;
        // After what is final: nobody waits for a space to be restored in which nothing awaits them.
        if self.archived {
            return Err(Fault::space_archived(self.name.space).into());
        }
        self.refuse_member(tx).await?;
        let now = tx.time();
        let mut invitation = before.ended(State::Accepted, now);
        // One entry for both: they are one change of the space.
        let change = Change {
            scope: self.name.space.into(),
            resources: vec![self.member.to_string(), self.name.to_string()],
            before: json!({ "member": Value::Null, "invitation": before.to_json() }),
            after: json!({
                "member": before.offer.to_json(&self.member.user),
                "invitation": invitation.to_json(),
            }),
            facts: true,
        };
        invitation.revision = tx.record(change).await?;
        let member = Member::new(self.name.space, self.member.user.clone(), before.offer, now);
        let member = Member { revision: invitation.revision, ..member };
        store::member::put(tx, &member).await?;
        store::invitation::put(tx, &invitation).await?;
        Ok(to_wire(&invitation, now))
    }
}

impl Acceptance {
    /// R-M9, R-M5: the inviter is Admin still, and the person was not removed since.
    async fn refuse_void(&self, tx: &mut Tx, invitation: &Invitation) -> Result<(), Abort> {
        if invitation.made <= store::departed::until(tx, &self.member).await? {
            return Err(void_for_the_caller(invitation).into());
        }
        if inviter_is_admin(tx, invitation).await? {
            Ok(())
        } else {
            Err(ended(invitation, State::Void).into())
        }
    }

    /// A role that is held is never changed (R-M9).
    async fn refuse_member(&self, tx: &mut Tx) -> Result<(), Abort> {
        let now = tx.time();
        if store::member::find_ended(tx, &self.member, now).await?.is_some() {
            // It has ended within this call; what follows from that comes first.
            return Err(Fault::earlier_effect_pending().into());
        }
        if store::member::find(tx, &self.member, now).await?.is_none() {
            return Ok(());
        }
        let message = "You already have a console role in the space, which an invitation does not change";
        Err(Fault::new(Code::AlreadyExists, Reason::MemberExists, message).into())
    }
}
