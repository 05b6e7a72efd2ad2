use devspaces_authz::{ConsoleRole, FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{MemberName, SpaceName, UserName},
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::membership::v1::{AddMembersRequest, AddMembersResponse};
use serde_json::Value;
use tonic::Code;

use super::block_last_admin;
use crate::{
    convert,
    departure::expire_first,
    domain::{self, Member, Membership},
    store,
};

/// R-M1, R-M2, R-M3
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: AddMembersRequest,
) -> Result<AddMembersResponse, Fault> {
    let (space, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("parent", &it.parent))?;
    context.mutations.answer(&call, add(context, &call, space, request)).await
}

async fn add(
    context: &Context,
    call: &Call,
    space: SpaceName,
    request: AddMembersRequest,
) -> Result<AddMembersResponse, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::MembersAdd, space).await?;
    let added = convert::added(&request.members, context.clock.now())?;
    for (user, _) in &added {
        expire_first(context, MemberName { space, user: user.clone() }).await?;
    }
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(Addition { space, added })).await
}

struct Addition {
    space: SpaceName,
    added: Vec<(UserName, Membership)>,
}

impl GuardedChange for Addition {
    type Reply = AddMembersResponse;

    fn takes_away(&self) -> bool {
        // The first lasting Admin takes the adding of members from the Marketplace admins (R-M3).
        let admins = self.added.iter().any(|(_, membership)| membership.is_lasting_admin());
        takes_away(if admins {
            &[FactChange::ConsoleRoleGiven, FactChange::LastingAdminGiven]
        } else {
            &[FactChange::ConsoleRoleGiven]
        })
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<AddMembersResponse, Abort> {
        let Self { space, added } = self;
        let facts = confirmed.facts();
        let mut blockers = confirmed.blockers()?;
        if facts.membership.known().and_then(|member| member.role) != Some(ConsoleRole::Admin) {
            bootstrap(&mut blockers, *space, added);
        }
        blockers.finish()?;
        refuse_existing(tx, *space, added).await?;
        let after: Vec<Value> = added.iter().map(|(user, membership)| membership.to_json(user)).collect();
        let name = |(user, _): &(UserName, _)| MemberName { space: *space, user: user.clone() }.to_string();
        let change = Change {
            scope: (*space).into(),
            resources: added.iter().map(name).collect(),
            before: Value::Null,
            after: after.into(),
            facts: true,
        };
        let revision = tx.record(change).await?;
        let mut members = Vec::with_capacity(added.len());
        for (user, membership) in added {
            let member = Member { revision, ..Member::new(*space, user.clone(), *membership, tx.time()) };
            store::member::put(tx, &member).await?;
            members.push(member.into());
        }
        Ok(AddMembersResponse { members })
    }
}

/// R-M3, and R-M4 from the first Admins on.
fn bootstrap(blockers: &mut Blockers, space: SpaceName, added: &[(UserName, Membership)]) {
    if !domain::is_bootstrap(added) {
        let sentence =
            "While a space has no console Admin, a Marketplace admin adds one to five people, as ADMIN only";
        blockers.add(Reason::BootstrapOnly, space.to_string(), sentence);
    }
    if !added.iter().any(|(_, membership)| membership.is_lasting_admin()) {
        block_last_admin(blockers, space);
    }
}

/// R-M1: whoever has a role keeps it; `UpdateMember` changes it.
async fn refuse_existing(
    tx: &mut Tx,
    space: SpaceName,
    added: &[(UserName, Membership)],
) -> Result<(), Abort> {
    let mut fault = None;
    for (index, (user, _)) in added.iter().enumerate() {
        let name = MemberName { space, user: user.clone() };
        let now = tx.time();
        if store::member::find_ended(tx, &name, now).await?.is_some() {
            // It has ended within this call; what follows from that comes first.
            return Err(Fault::earlier_effect_pending().into());
        }
        if store::member::find(tx, &name, now).await?.is_some() {
            let message = "Someone who already has a console role in the space can't be added to it";
            fault = Some(
                fault
                    .unwrap_or_else(|| Fault::new(Code::AlreadyExists, Reason::MemberExists, message))
                    .field(format!("members[{index}].user"), "already has a console role in the space"),
            );
        }
    }
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}
