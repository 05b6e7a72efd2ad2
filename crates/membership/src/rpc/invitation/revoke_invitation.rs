use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{identity::Caller, name::InvitationName, status::Fault};
use devspaces_ledger::{Abort, Call, Tx, etag};
use devspaces_proto::membership::v1::{Invitation as WireInvitation, RevokeInvitationRequest};

use super::{change, ended, over};
use crate::{domain::State, store};

/// R-M9, R-S5: also in an archived space.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RevokeInvitationRequest,
) -> Result<WireInvitation, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<InvitationName>("name", &it.name))?;
    context.mutations.answer(&call, revoke(context, &call, name, request.etag)).await
}

async fn revoke(
    context: &Context,
    call: &Call,
    name: InvitationName,
    etag: String,
) -> Result<WireInvitation, Fault> {
    let pass = context.gate.require(&call.caller, Permission::InvitationsUpdate, name.space).await?;
    let revocation = Revocation { name, etag };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(revocation)).await
}

struct Revocation {
    name: InvitationName,
    etag: String,
}

impl GuardedChange for Revocation {
    type Reply = WireInvitation;
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireInvitation, Abort> {
        let found = store::invitation::find(tx, self.name).await?;
        let before = found.ok_or_else(|| Fault::not_found(self.name))?;
        etag::check(&self.etag, before.revision, self.name)?;
        match before.state {
            // Of one that has expired as well: an Admin could send it again.
            State::Pending => {
                let now = tx.time();
                change(tx, Some(&before), before.ended(State::Revoked, now)).await
            }
            State::Expired => Err(over(&before).into()),
            state => Err(ended(&before, state).into()),
        }
    }
}
