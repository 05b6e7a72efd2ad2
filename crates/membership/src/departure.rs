//! How a member goes, by removal, by leaving or because the role ended: what becomes of the roles on the space's apps, and
//! what is told of it (R-M5, R-M8).
use std::iter;

use devspaces_authz::{AppRole, Plane, Service};
use devspaces_gate::Context;
use devspaces_kit::{
    name::{MemberName, Principal, RoleTarget, UserName},
    page,
    status::{Fault, Reason},
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx};
use devspaces_proto::{
    facts::v1::{self as facts, DropAppRoles, effect},
    membership::v1::{RemainingRole, RemovedAppRole},
};
use futures::future::join3;
use prost::Message;
use serde_json::{Value, json};

use crate::{domain::Member, store, void::Voided};

/// What becomes of a person's roles on the apps of the space.
#[derive(Clone, Debug)]
pub(crate) struct AppRoles {
    /// Who receives the apps that the person owns. `None`: the person keeps them.
    pub(crate) heir: Option<UserName>,
    /// Whether the person keeps the roles. That of `OWNER` becomes `ADMIN` if there is an heir.
    pub(crate) kept: bool,
}

impl AppRoles {
    /// All go, and the apps pass to this heir. Without one, nobody is there who could own them: then all stay.
    pub(crate) fn pass_to(heir: Option<UserName>) -> Self {
        Self { kept: heir.is_none(), heir }
    }

    fn effect(&self, name: &MemberName) -> facts::Effect {
        let drop = DropAppRoles {
            space: name.space.to_string(),
            user: name.user.to_string(),
            new_owner: self.heir.as_ref().map(ToString::to_string).unwrap_or_default(),
            keep_roles: self.kept,
            keep_owned: !self.kept && self.heir.is_none(),
        };
        facts::Effect { effect: Some(effect::Effect::DropAppRoles(drop)) }
    }

    /// What one role becomes: what is removed, and what remains.
    fn outcome(&self, app: RoleTarget, role: AppRole) -> (Option<RemovedAppRole>, Option<RemainingRole>) {
        let heir = self.heir.as_ref().filter(|_| role == AppRole::Owner);
        let remaining = |role: AppRole| RemainingRole {
            plane: Plane::App.name().to_owned(),
            role: role.name().to_owned(),
            app: app.to_string(),
        };
        let removed = || RemovedAppRole {
            app: app.to_string(),
            role: role.name().to_owned(),
            new_owner: heir.map(ToString::to_string).unwrap_or_default(),
        };
        match (self.kept, heir) {
            (true, None) => (None, Some(remaining(role))),
            (true, Some(_)) => (Some(removed()), Some(remaining(AppRole::Admin))),
            (false, None) if role == AppRole::Owner => (None, Some(remaining(role))),
            (false, _) => (Some(removed()), None),
        }
    }
}

/// The roles that a person holds in a space beside the console role, as far as their owners answered. One that does not
/// keeps nobody from going (R-M5).
#[derive(Clone, Debug)]
pub(crate) struct Held {
    apps: Option<Vec<(RoleTarget, AppRole)>>,
    billing_admin: Option<bool>,
    marketplace_admin: Option<bool>,
}

/// What is told of a person who goes.
#[derive(Default)]
pub(crate) struct Told {
    /// Roles on apps that are removed.
    pub(crate) removed: Vec<RemovedAppRole>,
    /// Roles that remain.
    pub(crate) remaining: Vec<RemainingRole>,
    /// Planes of which nothing is known.
    pub(crate) unknown: Vec<String>,
    /// How many roles on apps are not told of, so that the answer stays of a size that clients take.
    pub(crate) untold: i32,
}

impl Told {
    /// Tells what became of one role on an app, if there is room for it.
    fn add(&mut self, gone: Option<RemovedAppRole>, left: Option<RemainingRole>, room: &mut usize) {
        let sizes = [gone.as_ref().map(Message::encoded_len), left.as_ref().map(Message::encoded_len)];
        let size = sizes.into_iter().flatten().map(|size| size + page::FIELD).sum();
        match room.checked_sub(size) {
            Some(rest) if self.untold == 0 => {
                *room = rest;
                self.removed.extend(gone);
                self.remaining.extend(left);
            }
            _ => self.untold = self.untold.saturating_add(1),
        }
    }
}

impl Held {
    /// Asks their owners. What somebody holds who is deactivated counts: it is there again with the person (R-M12).
    pub(crate) async fn by(context: &Context, name: &MemberName) -> Self {
        let person: Principal = name.user.clone().into();
        let billing = context.gate.holds(Service::Billing, &person, name.space);
        let marketplace = context.gate.holds(Service::Marketplace, &person, name.space);
        let apps = context.gate.app_roles(name.space, &name.user);
        // Boxed, since all hold all that a call works with.
        let (billing, marketplace, apps) = Box::pin(join3(billing, marketplace, apps)).await;
        Self { apps: apps.ok(), billing_admin: billing.ok(), marketplace_admin: marketplace.ok() }
    }

    /// What is told, in at most `room` bytes of roles on apps, if this becomes of them.
    pub(crate) fn told(&self, app_roles: &AppRoles, mut room: usize) -> Told {
        let mut told = Told::default();
        for (plane, role, held) in [
            (Plane::Billing, "BILLING_ADMIN", self.billing_admin),
            (Plane::Marketplace, "MARKETPLACE_ADMIN", self.marketplace_admin),
        ] {
            let (plane, role) = (plane.name().to_owned(), role.to_owned());
            match held {
                Some(true) => told.remaining.push(RemainingRole { plane, role, app: String::new() }),
                Some(false) => {}
                None => told.unknown.push(plane),
            }
        }
        if self.apps.is_none() {
            told.unknown.push(Plane::App.name().to_owned());
        }
        for &(app, role) in self.apps.iter().flatten() {
            let (gone, left) = app_roles.outcome(app, role);
            told.add(gone, left, &mut room);
        }
        told
    }
}

/// What a member loses in the space beside the role.
pub(crate) struct Departed {
    /// The invitations that become void (R-M9).
    pub(crate) void_invitations: Vec<String>,
    /// The groups that the person was in (R-M11).
    pub(crate) left_groups: Vec<String>,
}

/// Takes a member's role away, for good and with an entry in the journal; the roles on the space's apps follow.
pub(crate) async fn depart(tx: &mut Tx, member: &Member, app_roles: &AppRoles) -> Result<Departed, Abort> {
    let scope = member.name.space.into();
    let voided = Voided::by_and_of(tx, &member.name).await?;
    let void_invitations = voided.names().collect();
    let groups = store::group::of_person(tx, &member.name).await?;
    let named = || groups.iter().map(ToString::to_string);
    let change = Change {
        scope,
        resources: iter::once(member.name.to_string()).chain(voided.names()).chain(named()).collect(),
        before: if groups.is_empty() {
            member.to_json()
        } else {
            json!({ "member": member.to_json(), "groups": named().collect::<Vec<_>>() })
        },
        after: voided.told_with(Value::Null),
        facts: true,
    };
    let revision = tx.record(change).await?;
    voided.end(tx, revision).await?;
    // Whoever is invited after the role has ended, and before this, is meant to come back.
    let now = tx.time();
    let end = member.membership.expire_time.map_or(now, |end| end.min(now));
    store::departed::note(tx, &member.name, end).await?;
    tx.emit(scope, Service::Space.name(), vec![app_roles.effect(&member.name)]).await?;
    store::group::remove_from_all(tx, &member.name).await?;
    store::member::remove(tx, &member.name).await?;
    Ok(Departed { void_invitations, left_groups: named().collect() })
}

/// Takes from somebody who is no member the roles on the space's apps and the invitations to it, as far as there are any.
pub(crate) async fn depart_without_role(tx: &mut Tx, name: &MemberName) -> Result<(), Abort> {
    let scope = name.space.into();
    let voided = Voided::by_and_of(tx, name).await?;
    let app_roles = app_roles_of_ended(tx, name).await?;
    if app_roles.kept && voided.names().next().is_none() {
        return Ok(());
    }
    let change = Change {
        scope,
        resources: iter::once(name.to_string()).chain(voided.names()).collect(),
        before: json!({ "user": name.user.to_string() }),
        after: voided.told_with(Value::Null),
        // The space service takes the entry's place for that of a departure, and what is known from before it for old.
        facts: true,
    };
    let revision = tx.record(change).await?;
    voided.end(tx, revision).await?;
    if app_roles.kept {
        return Ok(());
    }
    Ok(tx.emit(scope, Service::Space.name(), vec![app_roles.effect(name)]).await?)
}

/// R-M8: the apps of someone who goes without naming an heir pass to whoever has been Admin longest.
pub(crate) async fn app_roles_of_ended(tx: &mut Tx, name: &MemberName) -> Result<AppRoles, Abort> {
    let now = tx.time();
    Ok(AppRoles::pass_to(store::member::longest_admin(tx, name, now).await?))
}

/// The same of a member. What somebody took who was Admin in an emergency ends with that, also where nobody is there to receive
/// the apps (R-M14).
pub(crate) async fn app_roles_of_member(tx: &mut Tx, member: &Member) -> Result<AppRoles, Abort> {
    let app_roles = app_roles_of_ended(tx, &member.name).await?;
    let kept = app_roles.kept && !member.emergency;
    Ok(AppRoles { kept, ..app_roles })
}

/// What the journal names in place of a method.
const EXPIRE: &str = "devspaces.membership/expire";
/// Roles that one round ends.
const ROUND: i64 = 100;

/// R-M8, R-M10: what follows from roles that have ended. They grant nothing from their time on; this is about the roles
/// on apps that go with them.
///
/// # Errors
/// Faults of the database, `EFFECT_PENDING`, `CLOCK_STEPPED` while the clock is doubted. What is left is done by the next
/// round.
pub(crate) async fn expire(context: &Context) -> Result<(), Fault> {
    let ended = store::member::ended(&mut context.pool.read().await?, context.steady.now()?, ROUND).await?;
    // One that has to wait for the owner of apps keeps no other back.
    each(ended, |name| {
        let call = Call::of_service(Service::Membership.name(), EXPIRE);
        context.mutations.run(call, vec![name.space.into()], Expiry(name))
    })
    .await
}

/// Sees to what follows from a role that has ended, if there is any such, before its holder is given a new one: nobody
/// who comes back finds the roles on apps again. By a clock that is doubted nobody's role ends for good, so that nobody is
/// given one anew either.
///
/// # Errors
/// `EARLIER_EFFECT_PENDING` if the roles on apps can't go yet; `CLOCK_STEPPED`; faults of the database.
pub(crate) async fn expire_first(context: &Context, name: MemberName) -> Result<(), Fault> {
    let now = context.clock.now();
    if store::member::find_ended(&mut context.pool.read().await?, &name, now).await?.is_none() {
        return Ok(());
    }
    let call = Call::of_service(Service::Membership.name(), EXPIRE).awaited();
    let expired = context.mutations.run(call, vec![name.space.into()], Expiry(name)).await;
    expired.map_err(|fault| match fault.reason() {
        Reason::EffectPending => Fault::earlier_effect_pending(),
        _ => fault,
    })
}

struct Expiry(MemberName);

impl Mutation for Expiry {
    type Reply = ();
    const REVOKES: bool = true;
    const FALLS_DUE: bool = true;

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let now = tx.time();
        let found = store::member::find_ended(tx, &self.0, now).await?;
        // Given anew, or seen to by another replica, meanwhile.
        let Some(member) = found else { return Ok(()) };
        let app_roles = app_roles_of_member(tx, &member).await?;
        depart(tx, &member, &app_roles).await.map(drop)
    }
}
