use devspaces_authz::{FactChange, Permission, Service, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Resource};
use devspaces_kit::{
    identity::Caller,
    name::{Scope, UserName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx, standing};
use devspaces_proto::{
    facts::v1::{self as facts, effect},
    membership::v1::{DeactivateUserRequest, ReactivateUserRequest, UserStanding},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    convert::standing::{reason, to_wire},
    domain::{Activity, Standing},
    store,
};

/// R-M12
pub(super) async fn deactivate(
    context: &Context,
    caller: Caller,
    mut request: DeactivateUserRequest,
) -> Result<UserStanding, Fault> {
    let (person, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<UserName>("name", &it.name))?;
    let work = async {
        let pass = permitted(context, &call).await?;
        let stamp = context.clock.new_id();
        let change = Deactivation { person, reason: reason(&request.reason)?, stamp };
        context.mutations.run(call.clone(), vec![Scope::People], pass.guard(change)).await
    };
    context.mutations.answer(&call, work).await
}

/// R-M12
pub(super) async fn reactivate(
    context: &Context,
    caller: Caller,
    mut request: ReactivateUserRequest,
) -> Result<UserStanding, Fault> {
    let (person, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<UserName>("name", &it.name))?;
    let work = async {
        let pass = permitted(context, &call).await?;
        let stamp = context.clock.new_id();
        let change = Reactivation { person, reason: reason(&request.reason)?, stamp };
        context.mutations.run(call.clone(), vec![Scope::People], pass.guard(change)).await
    };
    context.mutations.answer(&call, work).await
}

async fn permitted(context: &Context, call: &Call) -> Result<devspaces_gate::Pass, Fault> {
    context.gate.require(&call.caller, Permission::PeopleDeactivate, Resource::Platform).await
}

struct Deactivation {
    person: UserName,
    reason: String,
    stamp: Uuid,
}

impl GuardedChange for Deactivation {
    type Reply = UserStanding;
    // It waits for no earlier change of anybody's standing.
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::PersonDeactivated, FactChange::LastingAdminTaken])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<UserStanding, Abort> {
        let before = store::deactivation::find(tx, &self.person).await?;
        if before.as_ref().is_some_and(|before| before.activity != Activity::Active) {
            return Ok(to_wire(&self.person, before.as_ref()));
        }
        let (person, reason) = (self.person.clone(), self.reason.clone());
        let after = Standing { person, activity: Activity::Deactivated, reason, update_time: tx.time() };
        change(tx, before.as_ref(), &after, self.stamp).await
    }
}

struct Reactivation {
    person: UserName,
    reason: String,
    stamp: Uuid,
}

impl GuardedChange for Reactivation {
    type Reply = UserStanding;

    fn takes_away(&self) -> bool {
        // The return of a space's last Admin takes the adding of members from the Marketplace admins (R-M3).
        takes_away(&[FactChange::PersonReactivated, FactChange::LastingAdminGiven])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<UserStanding, Abort> {
        let before = store::deactivation::find(tx, &self.person).await?;
        match before.as_ref().map(|before| before.activity) {
            None | Some(Activity::Active) => return Ok(to_wire(&self.person, before.as_ref())),
            Some(Activity::Removing) => return Err(being_removed(&self.person).into()),
            Some(Activity::Deactivated | Activity::Removed) => {}
        }
        let (person, reason) = (self.person.clone(), self.reason.clone());
        let after = Standing { person, activity: Activity::Active, reason, update_time: tx.time() };
        change(tx, before.as_ref(), &after, self.stamp).await
    }
}

/// Changes how a person stands, here and by effects at every other service.
async fn change(
    tx: &mut Tx,
    before: Option<&Standing>,
    after: &Standing,
    stamp: Uuid,
) -> Result<UserStanding, Abort> {
    let change = Change {
        scope: Scope::People,
        resources: vec![after.person.to_string()],
        before: before.map_or(Value::Null, Standing::to_json),
        after: after.to_json(),
        facts: true,
    };
    tx.record(change).await?;
    let told = standing::Standing::new(after.person.clone(), after.activity == Activity::Active, stamp);
    told.put(tx).await?;
    store::deactivation::put(tx, after).await?;
    for peer in Service::ALL.into_iter().filter(|peer| *peer != Service::Membership) {
        let effect = facts::Effect { effect: Some(effect::Effect::SetStanding(told.to_wire())) };
        tx.emit(Scope::People, peer.name(), vec![effect]).await?;
    }
    Ok(to_wire(&after.person, Some(after)))
}

fn being_removed(person: &UserName) -> Fault {
    let sentence = "What the person held is being removed; call again when that has ended, in a moment";
    Fault::precondition(Reason::PersonBeingRemoved, person.to_string(), sentence)
}
