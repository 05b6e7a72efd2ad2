use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::{MemberName, SpaceName},
    page,
    status::{Blockers, Fault},
};
use devspaces_ledger::{Abort, Call, Mutation, Tx};
use devspaces_proto::membership::v1::{LeaveSpaceRequest, LeaveSpaceResponse};

use super::keep_an_admin;
use crate::{
    departure::{Held, app_roles_of_member, depart},
    store,
};

/// R-M8
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: LeaveSpaceRequest,
) -> Result<LeaveSpaceResponse, Fault> {
    let (space, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("name", &it.name))?;
    context.mutations.answer(&call, leave(context, &call, space, page::MAX_BYTES)).await
}

/// Leaves a space. Roles on apps are told of in at most `room` bytes.
pub(super) async fn leave(
    context: &Context,
    call: &Call,
    space: SpaceName,
    room: usize,
) -> Result<LeaveSpaceResponse, Fault> {
    context.gate.require_active_person(&call.caller).await?;
    let user = call.caller.principal.as_user().ok_or_else(|| stranger(space))?;
    let name = MemberName { space, user };
    // Asked before the transaction, so that strangers never make the space's writers wait.
    let now = context.clock.now();
    if store::member::find(&mut context.pool.read().await?, &name, now).await?.is_none() {
        context.mutations.rest().await;
        return Err(stranger(space));
    }
    let held = Held::by(context, &name).await;
    context.mutations.run(call.clone(), vec![space.into()], Leave { name, held, room }).await
}

struct Leave {
    name: MemberName,
    held: Held,
    room: usize,
}

impl Mutation for Leave {
    type Reply = LeaveSpaceResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<LeaveSpaceResponse, Abort> {
        let now = tx.time();
        let before =
            store::member::find(tx, &self.name, now).await?.ok_or_else(|| stranger(self.name.space))?;
        let mut blockers = Blockers::new();
        keep_an_admin(tx, &mut blockers, &before, None).await?;
        blockers.finish()?;
        let app_roles = app_roles_of_member(tx, &before).await?;
        let left = depart(tx, &before, &app_roles).await?;
        let told = self.held.told(&app_roles, self.room);
        Ok(LeaveSpaceResponse {
            removed_app_roles: told.removed,
            remaining_roles: told.remaining,
            unknown_planes: told.unknown,
            untold_app_roles: told.untold,
            void_invitations: left.void_invitations,
            left_groups: left.left_groups,
        })
    }
}

/// R-P3: a space in which the caller has no role looks like one that does not exist.
fn stranger(space: SpaceName) -> Fault {
    Fault::permission_denied(Permission::SpaceGet.name(), space)
}
