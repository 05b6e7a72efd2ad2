//! Whoever has been deactivated for 30 days is removed from everywhere, on every plane (R-M12): a space at a time, so that each is
//! held as briefly as by any removal. What owners still tell of is done, so a round goes on where another was broken off.
use devspaces_authz::{Facts, Service};
use devspaces_gate::Context;
use devspaces_kit::{
    name::{MemberName, Scope, SpaceName, UserName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx};
use devspaces_proto::facts::v1::{self as facts, DropAdmin, effect};
use serde_json::{Value, json};

use crate::{
    departure::{app_roles_of_member, depart, depart_without_role},
    domain::{Activity, Standing, removed_since},
    store,
};

/// What the journal names in place of a method.
const REMOVE: &str = "devspaces.membership/remove";
/// People that one round looks after.
const ROUND: i64 = 100;
/// Spaces of a person that are listed at a time.
const SPACES: usize = 100;

/// Removes whoever has been deactivated long enough.
///
/// # Errors
/// Faults of the database; `FACTS_UNAVAILABLE` and `EFFECT_PENDING` while a service does not answer; `CLOCK_STEPPED` while the
/// clock is doubted. What is left is done by the next round.
pub(crate) async fn remove(context: &Context) -> Result<(), Fault> {
    let by = removed_since(context.steady.now()?);
    let due = store::deactivation::due(&mut context.pool.read().await?, by, ROUND).await?;
    let begun = each(due, |person| step(context, person, Activity::Deactivated, Activity::Removing)).await;
    let removing = store::deactivation::removing(&mut context.pool.read().await?, ROUND).await?;
    let removed = each(removing, |person| async move {
        from_everywhere(context, &person).await?;
        step(context, person, Activity::Removing, Activity::Removed).await
    });
    begun.and(removed.await)
}

fn call() -> Call {
    Call::of_service(Service::Membership.name(), REMOVE)
}

async fn step(context: &Context, person: UserName, from: Activity, to: Activity) -> Result<(), Fault> {
    context.mutations.run(call(), vec![Scope::People], Step { person, from, to }).await
}

/// From each space in which an owner of roles tells of the person, or to which the person is invited.
async fn from_everywhere(context: &Context, person: &UserName) -> Result<(), Fault> {
    let subject = person.clone().into();
    let mut after = None;
    loop {
        let page = context.gate.held_spaces(&subject, after, SPACES).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        for (space, held) in &page {
            from_space(context, MemberName { space: *space, user: person.clone() }, held).await?;
        }
    }
    let inviting = store::invitation::spaces_inviting(&mut context.pool.read().await?, person).await?;
    each(inviting, |space| {
        let name = MemberName { space, user: person.clone() };
        context.mutations.run(call(), vec![space.into(), Scope::People], FromConsole(name))
    })
    .await
}

async fn from_space(context: &Context, name: MemberName, held: &Facts) -> Result<(), Fault> {
    let billing = held.billing.known().is_some_and(|billing| billing.admin);
    let marketplace = held.marketplace.known().is_some_and(|marketplace| marketplace.admin);
    let planes = [(Service::Billing, billing), (Service::Marketplace, marketplace)];
    let peers: Vec<Service> = planes.into_iter().filter(|(_, holds)| *holds).map(|(peer, _)| peer).collect();
    if !peers.is_empty() {
        let removal = FromPlanes { space: name.space, person: name.user.clone(), peers };
        context.mutations.run(call(), vec![Scope::People], removal).await?;
    }
    let member = held.membership.known().is_some_and(|member| member.role.is_some());
    if member || held.space.known().is_some_and(|space| space.contributes) {
        context.mutations.run(call(), vec![name.space.into(), Scope::People], FromConsole(name)).await?;
    }
    Ok(())
}

/// The removal of a person begins, or has ended.
struct Step {
    person: UserName,
    from: Activity,
    to: Activity,
}

impl Mutation for Step {
    type Reply = ();
    const REVOKES: bool = true;
    const FALLS_DUE: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let found = store::deactivation::find(tx, &self.person).await?;
        // Reactivated, or seen to by another replica, meanwhile.
        let Some(before) = found.filter(|found| found.activity == self.from) else { return Ok(()) };
        if self.from == Activity::Deactivated && before.update_time > removed_since(tx.time()) {
            return Ok(());
        }
        let after = Standing { activity: self.to, ..before.clone() };
        let change = Change {
            scope: Scope::People,
            resources: vec![self.person.to_string()],
            before: before.to_json(),
            after: after.to_json(),
            facts: false,
        };
        tx.record(change).await?;
        Ok(store::deactivation::put(tx, &after).await?)
    }
}

/// Whether the removal of a person goes on. Another replica may have ended it, and the person may be back since.
async fn is_being_removed(tx: &mut Tx, person: &UserName) -> Result<bool, Abort> {
    let found = store::deactivation::find(tx, person).await?;
    Ok(found.is_some_and(|found| found.activity == Activity::Removing))
}

/// R-M5: from a space's console, and from its apps, which pass to whoever has been Admin longest.
struct FromConsole(MemberName);

impl Mutation for FromConsole {
    type Reply = ();
    const REVOKES: bool = true;
    const FALLS_DUE: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        if !is_being_removed(tx, &self.0.user).await? {
            return Ok(());
        }
        let now = tx.time();
        match store::member::find(tx, &self.0, now).await? {
            Some(member) => {
                let app_roles = app_roles_of_member(tx, &member).await?;
                depart(tx, &member, &app_roles).await.map(drop)
            }
            None => depart_without_role(tx, &self.0).await,
        }
    }
}

/// From planes whose admins are known elsewhere. What the console's journal would say of it is none of the console's business.
struct FromPlanes {
    space: SpaceName,
    person: UserName,
    peers: Vec<Service>,
}

impl Mutation for FromPlanes {
    type Reply = ();
    const REVOKES: bool = true;
    const FALLS_DUE: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        if !is_being_removed(tx, &self.person).await? {
            return Ok(());
        }
        let (space, user) = (self.space.to_string(), self.person.to_string());
        let planes: Vec<&str> = self.peers.iter().map(|peer| peer.name()).collect();
        let change = Change {
            scope: Scope::People,
            resources: vec![user.clone(), space.clone()],
            before: json!({ "user": user, "space": space, "planes": planes }),
            after: Value::Null,
            facts: false,
        };
        tx.record(change).await?;
        for peer in &self.peers {
            let drop = DropAdmin { space: space.clone(), user: user.clone() };
            let effect = facts::Effect { effect: Some(effect::Effect::DropAdmin(drop)) };
            tx.emit(Scope::People, peer.name(), vec![effect]).await?;
        }
        Ok(())
    }
}
