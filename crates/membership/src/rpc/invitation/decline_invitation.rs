use devspaces_authz::takes_away;
use devspaces_gate::Context;
use devspaces_kit::{identity::Caller, name::InvitationName, status::Fault};
use devspaces_ledger::{Abort, Call, Mutation, Tx};
use devspaces_proto::membership::v1::{DeclineInvitationRequest, Invitation as WireInvitation};

use super::{change, invited, named, pending};
use crate::domain::State;

/// R-M9, R-S5: also in an archived space.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: DeclineInvitationRequest,
) -> Result<WireInvitation, Fault> {
    let (name, call) = Call::parse(caller, &mut request, |fields, it| named(fields, &it.name, &it.token))?;
    context.mutations.answer(&call, decline(context, &call, name, request.token)).await
}

async fn decline(
    context: &Context,
    call: &Call,
    name: InvitationName,
    token: String,
) -> Result<WireInvitation, Fault> {
    context.gate.require_active_person(&call.caller).await?;
    invited(context, call, name, &token).await?;
    context.mutations.run(call.clone(), vec![name.space.into()], Decline { name, token }).await
}

struct Decline {
    name: InvitationName,
    token: String,
}

impl Mutation for Decline {
    type Reply = WireInvitation;
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<WireInvitation, Abort> {
        let before = pending(tx, self.name, &self.token).await?;
        let now = tx.time();
        change(tx, Some(&before), before.ended(State::Declined, now)).await
    }
}
