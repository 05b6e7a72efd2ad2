use devspaces_authz::{ConsoleRole, FactChange, Permission, Service, SpaceState, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{MemberName, SpaceName, UserName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx, standing};
use devspaces_proto::membership::v1::{GrantEmergencyAdminRequest, Member as WireMember};
use serde_json::Value;
use tonic::Code;

use crate::{
    convert::{self, emergency::Emergency},
    departure::expire_first,
    domain::{Member, Membership},
    store,
};

/// R-M14
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: GrantEmergencyAdminRequest,
) -> Result<WireMember, Fault> {
    let ((), call) = Call::parse(caller, &mut request, |_, _| Some(()))?;
    context.mutations.answer(&call, grant(context, &call, request)).await
}

async fn grant(
    context: &Context,
    call: &Call,
    request: GrantEmergencyAdminRequest,
) -> Result<WireMember, Fault> {
    let pass = context.gate.require(&call.caller, Permission::PlatformBreakGlass, Resource::Platform).await?;
    let emergency = convert::emergency::read(&request, context.steady.now()?)?;
    let name = &emergency.name;
    require_space(context, &call.caller, name.space).await?;
    expire_first(context, name.clone()).await?;
    let scopes = vec![name.space.into()];
    context.mutations.run(call.clone(), scopes, pass.guard(Grant(emergency))).await
}

/// That there is such a space, whatever its state: archived, it has nobody else who could restore it.
async fn require_space(context: &Context, caller: &Caller, space: SpaceName) -> Result<(), Fault> {
    let found = context.gate.facts(&caller.principal, space, &[Service::Space]).await?;
    match found.facts().space.known() {
        None => Err(Fault::facts_unavailable(&[Service::Space.name()])),
        Some(facts) if facts.state == SpaceState::None => Err(Fault::not_found(space)),
        Some(_) => Ok(()),
    }
}

struct Grant(Emergency);

impl GuardedChange for Grant {
    type Reply = WireMember;

    fn takes_away(&self) -> bool {
        // One that is given anew may end earlier than the one before.
        takes_away(&[FactChange::ConsoleRoleGiven, FactChange::ConsoleRoleChanged])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireMember, Abort> {
        let Emergency { name, reason, expire_time } = &self.0;
        let now = tx.time();
        if store::member::find_ended(tx, name, now).await?.is_some() {
            // It has ended within this call; what follows from that comes first.
            return Err(Fault::earlier_effect_pending().into());
        }
        let before = store::member::find(tx, name, now).await?;
        if before.as_ref().is_some_and(|before| !before.emergency) {
            return Err(member_exists(&name.user).into());
        }
        let mut after = given(name, before.as_ref(), *expire_time, now);
        let mut told = after.to_json();
        told["reason"] = reason.as_str().into();
        let change = Change {
            scope: name.space.into(),
            resources: vec![name.to_string()],
            before: before.as_ref().map_or(Value::Null, Member::to_json),
            after: told,
            facts: true,
        };
        after.revision = tx.record(change).await?;
        store::member::put(tx, &after).await?;
        let deactivated = !standing::is_active(tx, &name.user).await?;
        Ok(WireMember { deactivated, ..after.into() })
    }
}

/// The member that the person becomes, or goes on to be until another time.
fn given(name: &MemberName, before: Option<&Member>, end: Timestamp, now: Timestamp) -> Member {
    let membership = Membership { role: ConsoleRole::Admin, view_all_apps: false, expire_time: Some(end) };
    let member = match before {
        Some(before) => before.with(membership, now),
        None => Member::new(name.space, name.user.clone(), membership, now),
    };
    Member { emergency: true, ..member }
}

fn member_exists(user: &UserName) -> Fault {
    let message = format!("{user} has a console role in the space already: an Admin of it can change that");
    let field = "has a console role in the space that was not given in an emergency";
    Fault::new(Code::AlreadyExists, Reason::MemberExists, message).field("user", field)
}
